"""Mail in the terminal is made to be read."""

import io

import pytest
from msgspec.structs import replace

from auth_service.adapters.contracts.mailers import LETTER, LINK
from auth_service.adapters.mail import MailWriter
from auth_service.adapters.mail.console import ConsoleMailer


async def test_a_mail_stands_in_a_frame_with_its_subject_on_the_terminal(
    writer: MailWriter, capsys: pytest.CaptureFixture[str]
) -> None:
    await ConsoleMailer(writer).send(LETTER)

    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == ["", "─" * 72, "To: Ann@example.test", "Subject: Password reset on Example Site"]
    assert LINK in lines
    assert lines[-1] == "─" * 72


async def test_a_mail_is_seen_at_once_where_output_is_buffered(writer: MailWriter) -> None:
    seen = io.BytesIO()
    terminal = io.TextIOWrapper(seen, "utf-8")
    await ConsoleMailer(writer, terminal).send(LETTER)

    assert LINK.encode() in seen.getvalue()
    terminal.close()


async def test_a_terminal_that_lacks_a_sign_shows_the_rest(writer: MailWriter) -> None:
    seen = io.BytesIO()
    terminal = io.TextIOWrapper(seen, "ascii")
    await ConsoleMailer(writer, terminal).send(replace(LETTER, username="søn"))

    assert b"s?n" in seen.getvalue()
    assert LINK.encode() in seen.getvalue().splitlines()
    terminal.close()
