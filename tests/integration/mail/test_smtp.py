"""Mail by SMTP: what a real mail server says is understood, and nothing of ours is told."""

import asyncio
import base64
import logging
import ssl
import time
import traceback

import pytest
from msgspec.structs import replace

from auth_service.adapters.contracts.mailers import LETTER, LINK
from auth_service.adapters.mail import MailWriter, mailer_from_url
from auth_service.adapters.mail.smtp import SmtpMailer
from auth_service.domain.ports.surroundings import MailDelayed, MailRefused

from .conftest import OpenPostOffice, PostOffice

SCHEMES = {"none": "smtp", "tls": "smtps", "starttls": "smtp+starttls"}


def _mailer(writer: MailWriter, office: PostOffice, longest: float = 5.0) -> SmtpMailer:
    return SmtpMailer(writer, host="127.0.0.1", port=office.port, longest=longest)


async def test_envelope_and_mail_name_the_same_two_addresses(writer: MailWriter, post_office: OpenPostOffice) -> None:
    office = await post_office()
    await _mailer(writer, office).send(replace(LETTER, to='"a,b"@bücher.example'))

    [envelope] = office.taken
    assert envelope.mail_from == "noreply@example.test"
    assert envelope.rcpt_tos == ['"a,b"@xn--bcher-kva.example']
    # Leave is taken when the mail is written down as sent, and nobody waits for that.
    async with asyncio.timeout(5):
        while office.quits == 0:  # noqa: ASYNC110 - a mail server has no event of ours
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("451 4.3.0 come back later", MailDelayed),
        ("421 4.3.2 closing down", MailDelayed),
        ("550 5.1.1 nobody here by that name", MailRefused),
        ("554 5.7.1 not wanted", MailRefused),
    ],
)
async def test_the_servers_answer_decides_and_is_told(
    writer: MailWriter, post_office: OpenPostOffice, command: str, answer: str, outcome: type[Exception]
) -> None:
    office = await post_office()
    office.answers[command] = answer

    with pytest.raises(outcome) as error:
        await _mailer(writer, office).send(LETTER)

    assert str(error.value) == f"127.0.0.1:{office.port} said {answer}"
    assert not office.taken


async def test_of_two_recipients_the_one_that_is_refused_harms_not_the_other(
    writer: MailWriter, post_office: OpenPostOffice
) -> None:
    office = await post_office()
    office.recipients["bob@example.org"] = "550 5.1.1 nobody here by that name"
    office.recipients["carl@example.org"] = "452 4.2.2 mailbox full"
    mailer = _mailer(writer, office)
    outcomes = await asyncio.gather(
        *(mailer.send(replace(LETTER, to=f"{name}@example.org")) for name in ("ann", "bob", "carl")),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [type(None), MailRefused, MailDelayed]
    assert [mail.to for mail in await office.arrived()] == ["ann@example.org"]


async def test_a_server_that_quotes_our_link_does_not_get_it_into_our_records(
    writer: MailWriter, post_office: OpenPostOffice
) -> None:
    office = await post_office()
    office.answers["DATA"] = f"554 blocked: {LINK} is spam"

    with pytest.raises(MailRefused, match="554 blocked: … is spam"):
        await _mailer(writer, office).send(LETTER)


async def test_nobody_there_means_later(writer: MailWriter, free_port: int) -> None:
    with pytest.raises(MailDelayed, match=f"127.0.0.1:{free_port}"):
        await SmtpMailer(writer, host="127.0.0.1", port=free_port).send(LETTER)


async def test_an_unknown_server_means_later(writer: MailWriter) -> None:
    with pytest.raises(MailDelayed, match=r"mail\.invalid:25"):
        await SmtpMailer(writer, host="mail.invalid", port=25).send(LETTER)


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
async def test_a_slow_server_is_left_in_time_and_holds_nobody_else_up(
    writer: MailWriter, post_office: OpenPostOffice, command: str
) -> None:
    office = await post_office()
    office.pauses[command] = 5
    writer.write(LETTER)  # the templates are read once, whoever comes first

    begun = time.monotonic()
    sending = asyncio.create_task(_mailer(writer, office, longest=0.2).send(LETTER))
    turns = 0
    while not sending.done():
        await asyncio.sleep(0.005)
        turns += 1

    with pytest.raises(MailDelayed, match="did not answer in time"):
        await sending
    assert time.monotonic() - begun < 1.5
    assert turns > 15


async def test_a_server_that_takes_its_time_with_every_answer_is_left_too(
    writer: MailWriter, post_office: OpenPostOffice
) -> None:
    office = await post_office()
    office.pauses = {"MAIL": 0.2, "RCPT": 0.2, "DATA": 0.2}

    with pytest.raises(MailDelayed, match="did not answer in time"):
        await _mailer(writer, office, longest=0.3).send(LETTER)


class _Stranger(asyncio.Protocol):
    """Says one thing and hangs up, or says nothing and stays."""

    def __init__(self, said: bytes | None) -> None:
        self._said = said

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        if self._said is not None:
            transport.write(self._said)
            transport.close()


async def _send_to_stranger(writer: MailWriter, said: bytes | None) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: _Stranger(said), "127.0.0.1", 0)
    async with server:
        await SmtpMailer(writer, host="127.0.0.1", port=server.sockets[0].getsockname()[1], longest=0.3).send(LETTER)


async def test_a_server_that_never_greets_is_left_in_time(writer: MailWriter) -> None:
    with pytest.raises(MailDelayed, match="did not answer in time"):
        await _send_to_stranger(writer, None)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"554 not you\r\n", "said 554 not you"),
        (b"421 not now\r\n", "said 421 not now"),
        (b"nonsense\r\n", "said Malformed .* nonsense"),
        (b"", "no mail can be handed to"),
    ],
)
async def test_what_a_server_says_before_it_sees_the_mail_is_not_held_against_the_mail(
    writer: MailWriter, said: bytes, told: str
) -> None:
    with pytest.raises(MailDelayed, match=told):
        await _send_to_stranger(writer, said)


class _Script(asyncio.Protocol):
    """Says what its script has for a command, and OK to every other; for nothing at all it hangs up."""

    def __init__(self, script: dict[str, str]) -> None:
        self._script = script
        self._in_data = False
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._say("220 mail.test")

    def data_received(self, data: bytes) -> None:
        if not self._in_data:
            command = data.split(maxsplit=1)[0].decode().upper()
            self._in_data = command == "DATA"
            self._say(self._script.get(command, "354 go on" if self._in_data else "250 OK"))
            return
        self._seen += data
        if "BODY" in self._script:
            self._say(self._script["BODY"])
        elif self._seen.endswith(b"\r\n.\r\n"):
            self._in_data = False
            self._say(self._script.get("END", "250 OK"))

    def _say(self, answer: str) -> None:
        if answer:
            self._transport.write(f"{answer}\r\n".encode())
        else:
            self._transport.close()


async def _send_by_script(writer: MailWriter, **script: str) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: _Script(script), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        await SmtpMailer(writer, host="127.0.0.1", port=port, longest=5.0).send(LETTER)


@pytest.mark.parametrize("stage", ["EHLO", "MAIL", "RCPT", "DATA", "BODY", "END"])
async def test_a_server_that_hangs_up_means_later_wherever_it_does(writer: MailWriter, stage: str) -> None:
    begun = time.monotonic()
    with pytest.raises(MailDelayed, match=r"127\.0\.0\.1"):
        await _send_by_script(writer, **{stage: ""})
    assert time.monotonic() - begun < 2.5  # at once, and not when its time is over


@pytest.mark.parametrize(
    ("answer", "of_the_mail"), [("451 not now", MailDelayed), ("554 never", MailRefused)], ids=["4xx", "5xx"]
)
@pytest.mark.parametrize("stage", ["HELO", "MAIL", "RCPT", "DATA", "END"])
async def test_at_every_stage_4xx_means_later_and_5xx_never_once_it_is_about_the_mail(
    writer: MailWriter, stage: str, answer: str, of_the_mail: type[Exception]
) -> None:
    script = {"EHLO": answer, "HELO": answer} if stage == "HELO" else {stage: answer}
    with pytest.raises(MailDelayed if stage == "HELO" else of_the_mail, match=answer):
        await _send_by_script(writer, **script)


async def test_the_script_itself_takes_a_mail(writer: MailWriter) -> None:
    await _send_by_script(writer)


async def test_a_mail_that_was_taken_counts_even_if_the_farewell_fails(
    writer: MailWriter, post_office: OpenPostOffice
) -> None:
    office = await post_office()
    office.pauses["QUIT"] = 5

    begun = time.monotonic()
    await _mailer(writer, office).send(LETTER)

    assert len(office.taken) == 1
    assert time.monotonic() - begun < 2.5


async def test_giving_up_leaves_no_connection_behind(writer: MailWriter, post_office: OpenPostOffice) -> None:
    office = await post_office()
    office.pauses["RCPT"] = 5
    sending = asyncio.create_task(_mailer(writer, office).send(LETTER))
    await asyncio.sleep(0.1)
    begun = time.monotonic()
    sending.cancel()

    with pytest.raises(asyncio.CancelledError):
        await sending
    assert time.monotonic() - begun < 0.5
    await asyncio.sleep(0.05)
    assert office.left_at == ["RCPT"]


@pytest.mark.parametrize("security", ["none", "tls", "starttls"])
@pytest.mark.usefixtures("trusted")
async def test_credentials_of_the_url_sign_in_over_every_kind_of_connection(
    writer: MailWriter, post_office: OpenPostOffice, security: str
) -> None:
    office = await post_office(security, login=("ann@x.test", "p:/@#ü+"))
    url = f"{SCHEMES[security]}://ann%40x.test:p%3A%2F%40%23%C3%BC+@127.0.0.1:{office.port}"
    mailer = mailer_from_url(url, writer=writer)
    await mailer.send(LETTER)
    await mailer.send(LETTER)

    assert [mail.to for mail in await office.arrived()] == [LETTER.to, LETTER.to]


async def test_wrong_credentials_delay_the_mail_and_are_not_shown(
    writer: MailWriter, post_office: OpenPostOffice, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="aiosmtplib")
    office = await post_office(login=("ann", "right"))
    encoded = base64.b64encode(b"\0ann\0hunter2").decode()
    office.answers["AUTH"] = f"535 5.7.8 no such password: hunter2 in AUTH PLAIN {encoded}"
    mailer = mailer_from_url(f"smtp://ann:hunter2@127.0.0.1:{office.port}", writer=writer)

    said = r"signing in failed: .* said 535 5\.7\.8 no such password: … in AUTH PLAIN …"
    with pytest.raises(MailDelayed, match=said) as e:
        await mailer.send(LETTER)

    assert "hunter2" not in "".join(traceback.format_exception(e.value))
    assert "hunter2" not in caplog.text
    assert not office.taken


async def test_credentials_for_a_server_that_asks_for_none_are_not_sent(
    writer: MailWriter, post_office: OpenPostOffice
) -> None:
    office = await post_office()

    with pytest.raises(MailDelayed, match="AUTH"):
        await mailer_from_url(f"smtp://ann:hunter2@127.0.0.1:{office.port}", writer=writer).send(LETTER)


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_a_certificate_nobody_vouches_for_is_not_trusted(
    writer: MailWriter, post_office: OpenPostOffice, security: str
) -> None:
    office = await post_office(security)

    with pytest.raises(MailDelayed, match="certificate"):
        await mailer_from_url(f"{SCHEMES[security]}://127.0.0.1:{office.port}", writer=writer).send(LETTER)
    assert not office.taken


@pytest.mark.usefixtures("trusted")
async def test_a_server_without_the_tls_we_want_gets_nothing(writer: MailWriter, post_office: OpenPostOffice) -> None:
    office = await post_office("none")

    with pytest.raises(MailDelayed, match="STARTTLS"):
        await mailer_from_url(f"smtp+starttls://127.0.0.1:{office.port}", writer=writer).send(LETTER)
    with pytest.raises(MailDelayed):
        await mailer_from_url(f"smtps://127.0.0.1:{office.port}", writer=writer).send(LETTER)
    assert not office.taken


@pytest.mark.usefixtures("trusted")
async def test_certificates_are_read_once(
    writer: MailWriter, post_office: OpenPostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = await post_office("tls")
    read: list[ssl.SSLContext] = []
    create = ssl.create_default_context

    def counted() -> ssl.SSLContext:
        read.append(create())
        return read[-1]

    monkeypatch.setattr("ssl.create_default_context", counted)
    mailer = mailer_from_url(f"smtps://127.0.0.1:{office.port}", writer=writer)
    await mailer.send(LETTER)
    await mailer.send(LETTER)

    assert len(read) == 1
