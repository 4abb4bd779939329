"""What every mailer promises, to be run over yours.

    class TestPigeonMailer(MailerContract):
        @pytest.fixture
        def mailbox(self) -> Mailbox:
            loft = Loft()
            return Mailbox(PigeonMailer(loft), loft.arrivals)

        @pytest.fixture
        def stranded(self) -> Mailer:
            return PigeonMailer(Loft(closed=True))

It needs pytest, and pytest-asyncio in its auto mode.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import get_args

import pytest
from msgspec import Struct
from msgspec.structs import replace

from auth_service.domain.model import Letter, MailKind
from auth_service.domain.ports.surroundings import MailDelayed, Mailer, MailRefused

LINK = "https://app.example.test/#/go?to=activate&uid=MTQ&token=cw3k2a-0123456789abcdef0123456789abcdef"

LETTER = Letter(
    message_id="<5f2c1e@example.test>",
    kind="password_reset",
    to="Ann@example.test",
    username="ann",
    email="Ann@example.test",
    link=LINK,
    link_lifetime=3_600,
    address="192.0.2.7",
    agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    at=1_700_000_000,
)


class Arrived(Struct, frozen=True):
    """A mail as its reader finds it: the address it came to, its subject, and its text, decoded."""

    to: str
    subject: str
    text: str


class Mailbox(Struct, frozen=True):
    """A mailer, and a way to read all that arrived through it so far, the oldest first."""

    mailer: Mailer
    arrived: Callable[[], Awaitable[Sequence[Arrived]]]


class MailerContract:
    """The promises. Override both fixtures; every test must hold."""

    @pytest.fixture
    def mailbox(self) -> Mailbox:
        """Return a mailer that works, and nothing has arrived through it yet."""
        pytest.fail("This suite runs over your adapter: override the fixture with one that gives it.")

    @pytest.fixture
    def stranded(self) -> Mailer:
        """Return the same mailer where it can deliver nothing now: nobody there, no room, no way."""
        pytest.fail("This suite runs over your adapter: override the fixture with one that gives it.")

    @pytest.mark.parametrize("kind", get_args(MailKind))
    async def test_a_letter_of_every_kind_arrives_once_with_subject_and_text(
        self, mailbox: Mailbox, kind: MailKind
    ) -> None:
        await mailbox.mailer.send(replace(LETTER, kind=kind))

        [mail] = await mailbox.arrived()
        assert mail.to == LETTER.to
        assert mail.subject.strip()
        assert mail.text.strip()

    @pytest.mark.parametrize(
        "kind",
        ["password_changed", "username_changed", "email_changed", "confirmation", "new_device", "already_registered"],
    )
    async def test_a_letter_with_nothing_but_its_address_arrives(self, mailbox: Mailbox, kind: MailKind) -> None:
        await mailbox.mailer.send(Letter(message_id="<bare@example.test>", kind=kind, to="ann@example.test"))

        [mail] = await mailbox.arrived()
        assert mail.to == "ann@example.test"
        assert "None" not in mail.text

    @pytest.mark.parametrize("kind", ["activation", "password_reset", "username_reset"])
    @pytest.mark.parametrize("link", [LINK, LINK + "&from=" + "x" * 300], ids=["usual", "long"])
    async def test_the_link_arrives_whole_and_alone_on_its_line(
        self, mailbox: Mailbox, kind: MailKind, link: str
    ) -> None:
        await mailbox.mailer.send(replace(LETTER, kind=kind, link=link))

        [mail] = await mailbox.arrived()
        assert mail.text.splitlines().count(link) == 1

    async def test_the_name_arrives_as_it_is_written(self, mailbox: Mailbox) -> None:
        await mailbox.mailer.send(replace(LETTER, username="o'hara&søn<b>{{7*7}}{% raw %}"))

        [mail] = await mailbox.arrived()
        assert "o'hara&søn<b>{{7*7}}{% raw %}" in mail.text

    async def test_line_breaks_in_what_people_typed_make_no_lines(self, mailbox: Mailbox) -> None:
        await mailbox.mailer.send(
            replace(
                LETTER,
                username="ann\r\nBcc: eve@example.test\r\n\r\nforged\u2028forged\x85forged",
                agent="x\r\n.\r\nforged",
                address="192.0.2.7\nforged",
            )
        )

        [mail] = await mailbox.arrived()
        assert mail.to == LETTER.to
        assert not [line for line in mail.text.splitlines() if line.startswith(("Bcc", "forged", "."))]

    @pytest.mark.parametrize(
        "address",
        [
            "",
            "ann",
            "ann@example.test, eve@example.test",
            "ann@example.test\r\nBcc: eve@example.test",
            "ann@example.test>\r\nRCPT TO:<eve@example.test",
            '"ann\x1b[2J"@example.test',
            "ann@ex ample.test",
            "=?utf-8?q?eve=40evil.test=3e?=@example.test",
        ],
    )
    async def test_what_is_not_one_address_is_refused_and_goes_nowhere(self, mailbox: Mailbox, address: str) -> None:
        with pytest.raises(MailRefused):
            await mailbox.mailer.send(replace(LETTER, to=address))

        assert not await mailbox.arrived()

    async def test_an_international_domain_is_written_to_in_ascii(self, mailbox: Mailbox) -> None:
        await mailbox.mailer.send(replace(LETTER, to="Ann@bücher.example"))

        [mail] = await mailbox.arrived()
        assert mail.to == "Ann@xn--bcher-kva.example"

    async def test_letters_sent_at_the_same_time_all_arrive_whole(self, mailbox: Mailbox) -> None:
        addresses = [f"ann{number}@example.test" for number in range(16)]
        await asyncio.gather(
            *(
                mailbox.mailer.send(
                    replace(LETTER, to=address, message_id=f"<{address}>", link=f"https://example.test/{address}")
                )
                for address in addresses
            )
        )

        mails = await mailbox.arrived()
        assert sorted(mail.to for mail in mails) == sorted(addresses)
        assert all(f"https://example.test/{mail.to}" in mail.text.splitlines() for mail in mails)

    async def test_sending_a_letter_again_is_no_fault(self, mailbox: Mailbox) -> None:
        await mailbox.mailer.send(LETTER)
        await mailbox.mailer.send(LETTER)

        assert {mail.to for mail in await mailbox.arrived()} == {LETTER.to}

    async def test_what_cannot_be_delivered_now_is_delayed_and_says_why_without_the_link(
        self, stranded: Mailer
    ) -> None:
        with pytest.raises(MailDelayed) as delay:
            await stranded.send(LETTER)

        assert str(delay.value)
        assert LINK not in str(delay.value)
