"""Mails are written so that people understand them and machines take them."""

import email
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from typing import get_args

import pytest
from msgspec.structs import replace

from auth_service.adapters.contracts.mailers import LETTER, LINK
from auth_service.adapters.mail import MailWriter, wording
from auth_service.domain.model import MailKind
from auth_service.languages import words

from .conftest import html, plain, read

KINDS = get_args(MailKind)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.0 Mobile/15E148 Safari/604.1"
)


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str | None] = []
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.targets.append(dict(attrs)["href"])

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.mark.parametrize("kind", KINDS)
def test_every_mail_is_text_and_html_with_the_headers_it_needs(writer: MailWriter, kind: MailKind) -> None:
    message = read(writer.write(replace(LETTER, kind=kind)).as_bytes())

    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert message["From"] == "noreply@example.test"
    assert message["To"] == LETTER.to
    assert "Example Site" in message["Subject"]
    assert message["Message-ID"] == LETTER.message_id
    assert message["Auto-Submitted"] == "auto-generated"
    assert abs(parsedate_to_datetime(message["Date"]) - datetime.now(UTC)) < timedelta(seconds=5)


def test_activation_reads_as_clients_know_it(writer: MailWriter) -> None:
    message = writer.write(replace(LETTER, kind="activation"))

    assert message["Subject"] == "Account activation on Example Site"
    assert plain(message).startswith(
        "You're receiving this email because you need to finish activation process on Example Site.\n\n"
        f"Please go to the following page to activate account:\n{LINK}\n\n"
        "Thanks for using our site!\n\nThe Example Site team\n"
    )


def test_confirmation_reads_as_clients_know_it(writer: MailWriter) -> None:
    assert plain(writer.write(replace(LETTER, kind="confirmation", link=None))).startswith(
        "Your account has been created and is ready to use!\n\nThanks for using our site!\n\nThe Example Site team\n"
    )


@pytest.mark.parametrize("kind", ["activation", "confirmation"])
def test_a_mail_to_an_unproven_address_shows_nothing_a_stranger_typed(writer: MailWriter, kind: MailKind) -> None:
    message = writer.write(replace(LETTER, kind=kind, username="free.money.example"))

    assert "free.money" not in message.as_string()


@pytest.mark.parametrize("kind", ["password_reset", "username_reset"])
def test_a_reset_tells_the_name_to_sign_in_with(writer: MailWriter, kind: MailKind) -> None:
    letter = replace(LETTER, kind=kind)

    assert re.search(r"name you sign in with.*: ann$", plain(writer.write(letter)), re.MULTILINE)
    assert "<strong>ann</strong>" in html(writer.write(letter))
    assert ": Ann@example.test\n" in plain(writer.write(replace(letter, username=None)))


@pytest.mark.parametrize("kind", ["activation", "password_reset", "username_reset"])
def test_a_mail_with_a_link_tells_when_it_expires(writer: MailWriter, kind: MailKind) -> None:
    message = writer.write(replace(LETTER, kind=kind, link_lifetime=3 * 86_400))

    assert "expires 3 days after this mail was sent" in plain(message)
    assert "expires 3 days after this mail was sent" in html(message)


@pytest.mark.parametrize("kind", ["activation", "password_reset", "username_reset"])
def test_the_html_shows_the_link_as_a_button_and_in_full(writer: MailWriter, kind: MailKind) -> None:
    links = _Links()
    links.feed(html(writer.write(replace(LETTER, kind=kind))))

    assert links.targets == [LINK, LINK]
    assert LINK in links.words


@pytest.mark.parametrize("kind", KINDS)
def test_a_mail_about_something_done_tells_when_where_and_with_what(writer: MailWriter, kind: MailKind) -> None:
    message = writer.write(replace(LETTER, kind=kind))

    for text in (plain(message), html(message)):
        assert "When: 14 November 2023, 22:13 UTC" in text
        assert "Where: 192.0.2.7" in text
        assert "Device: Firefox on Linux" in text
        assert "if it was not you" in text.lower()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_known_is_not_mentioned(writer: MailWriter, kind: MailKind) -> None:
    text = writer.write(replace(LETTER, kind=kind, at=0, address="", agent="")).as_string()

    assert not re.search("When:|Where:|Device:", text)
    assert "\n\n\n" not in plain(writer.write(replace(LETTER, kind=kind, at=0, address="", agent="")))


def test_the_old_address_is_not_told_the_new_one(writer: MailWriter) -> None:
    for kind in ("email_changed", "username_changed"):
        message = writer.write(replace(LETTER, kind=kind, to="old@example.test", email="new@example.test"))

        assert "new@example.test" not in message.as_string()


def test_a_changed_name_is_told_where_the_account_is(writer: MailWriter) -> None:
    text = plain(writer.write(replace(LETTER, kind="username_changed")))

    assert "You now sign in as: ann or Ann@example.test" in text


@pytest.mark.parametrize("kind", KINDS)
def test_markup_and_template_syntax_stay_text(kind: MailKind) -> None:
    nasty = "<img src=x>{{ 7777*7777 }}{% include 'layout.html' %}&amp;%(link)s%s"
    writer = MailWriter(nasty, "noreply@example.test")
    letter = replace(
        LETTER, kind=kind, username=nasty, agent=nasty, address=nasty, link=f"https://x.test/?a=1&b={nasty}"
    )
    message = writer.write(letter)

    assert nasty in plain(message)
    assert "<img" not in html(message)
    assert "60481729" not in message.as_string()


def test_line_breaks_add_no_header() -> None:
    writer = MailWriter("Site\r\nBcc: eve@example.test", "noreply@example.test")
    message = read(writer.write(replace(LETTER, username="x\r\nBcc: eve@example.test")).as_bytes())

    assert message["Bcc"] is None
    assert message["Subject"].endswith("Site Bcc: eve@example.test")


@pytest.mark.parametrize(
    ("local", "shown"), [("o'hara+x", "o'hara+x"), ('"a,c>d<"', '"a,c>d<"'), ('"@evil.test,x"', '"@evil.test,x"')]
)
def test_an_odd_address_stays_one_address(writer: MailWriter, local: str, shown: str) -> None:
    message = read(writer.write(replace(LETTER, to=f"{local}@Example.test")).as_bytes())

    assert [address.addr_spec for address in message["To"].addresses] == [f"{shown}@example.test"]


def test_words_beyond_ascii_arrive(writer: MailWriter) -> None:
    writer = MailWriter("Café Ünïcode 茶", "Café <noreply@bücher.example>")
    message = writer.write(LETTER)
    sent = message.as_bytes(policy=email.policy.SMTP)

    assert sent.isascii()
    assert read(sent)["Subject"] == "Password reset on Café Ünïcode 茶"
    assert read(sent)["From"] == "Café <noreply@xn--bcher-kva.example>"
    assert "your account on Café Ünïcode 茶." in plain(read(sent))
    assert LINK in plain(read(sent)).splitlines()


@pytest.mark.parametrize("link", [LINK, "https://x.test/" + "y" * 1500])
def test_no_line_on_the_wire_is_longer_than_mail_allows(writer: MailWriter, link: str) -> None:
    sent = writer.write(replace(LETTER, link=link)).as_bytes(policy=email.policy.SMTP)

    assert max(len(line) for line in sent.split(b"\r\n")) <= 998
    assert link in plain(read(sent)).splitlines()


@pytest.mark.parametrize(
    "mail_from",
    [
        *("", "noreply", "noreply@", "@example.test", "a@b.test, c@d.test", "a@b.test\nBcc: c@d.test", "a b@c.test"),
        *("a@b c.test", "ü@b.test", "Site <a@b.test> x"),
    ],
)
def test_a_sender_that_is_no_address_is_refused_at_once(mail_from: str) -> None:
    with pytest.raises(ValueError, match="must look like"):
        MailWriter("Site", mail_from)


@pytest.mark.parametrize(
    ("mail_from", "header"),
    [
        ("a@localhost", "a@localhost"),
        ("Site <a@b.test>", "Site <a@b.test>"),
        ("Site, Inc. <a@b.test>", '"Site, Inc." <a@b.test>'),
        ('"Site, Inc." <a@b.test>', '"Site, Inc." <a@b.test>'),
    ],
)
def test_a_sender_may_have_a_name(mail_from: str, header: str) -> None:
    assert str(MailWriter("Site", mail_from).write(LETTER)["From"]) == header


def test_text_on_one_line_moves_no_cursor_and_turns_no_direction() -> None:
    assert wording.one_line("a\x1b[2Jb\u202ec\x00d\ud800e\u2029f\r\n g") == "a [2Jb c d e f g"
    assert len(wording.one_line("x" * 100_000)) == 254


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        *((0, ""), (0.5, ""), (1, "1 second"), (90, "90 seconds"), (3_600, "1 hour"), (5_400, "90 minutes")),
        *((86_400, "1 day"), (100_000, "27 hours"), (259_200, "3 days"), (7 * 86_400, "7 days")),
    ],
)
def test_the_time_a_link_has_is_told_in_its_largest_fitting_unit(seconds: float, told: str) -> None:
    assert wording.expiry(words("en"), seconds) == (told and f"{told} after this mail was sent")


@pytest.mark.parametrize(
    ("agent", "named"),
    [
        (FIREFOX, "Firefox on Linux"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36 Edg/140.0.0.0", "Edge on Windows"),
        (f"Mozilla/5.0 (Linux; Android 10; K) {CHROME} Mobile Safari/537.36", "Chrome on Android"),
        (SAFARI, "Safari on an iPhone"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("python-httpx/0.28.1", "python-httpx/0.28.1"),
        ("Firefox/1.0", "Firefox"),
        ("", ""),
        ("https://evil.test/your-prize", "https"),
        ("evil.test/your-prize now!", "evil"),
        ("<script>alert(1)</script>", ""),
        ("x" * 100_000, "x" * 30),
        (" " * 100_000 + FIREFOX, ""),
    ],
)
def test_a_device_is_named_in_our_words_whatever_it_calls_itself(agent: str, named: str) -> None:
    assert wording.device(words("en"), agent) == named


@pytest.mark.parametrize(
    ("address", "told"),
    [("192.0.2.7", "192.0.2.7"), ("2001:db8::1", "2001:db8::1"), ("fe80::1%eth0 evil.test", "fe80::1"), ("evil", "")],
)
def test_only_a_network_address_says_where(address: str, told: str) -> None:
    assert wording.place(address) == told
