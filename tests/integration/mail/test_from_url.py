"""A mail URL names a mailer, or says what is wrong with it without saying what it holds."""

import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from auth_service.adapters.contracts.mailers import LETTER
from auth_service.adapters.mail import MailWriter, mailer_from_url
from auth_service.adapters.mail.console import ConsoleMailer
from auth_service.adapters.mail.smtp import SmtpMailer


def test_console_is_the_terminal(writer: MailWriter) -> None:
    assert isinstance(mailer_from_url("console://", writer=writer), ConsoleMailer)


async def test_file_is_a_folder_whose_name_is_decoded(writer: MailWriter, tmp_path: Path) -> None:
    await mailer_from_url(f"file://{tmp_path}/all%20mail", writer=writer).send(LETTER)

    assert list((tmp_path / "all mail").glob("*.eml"))


@pytest.mark.parametrize(
    ("url", "host", "port", "security", "username", "password"),
    [
        ("smtp://mail.test", "mail.test", 25, "none", None, None),
        ("smtp://mail.test:2525/", "mail.test", 2525, "none", None, None),
        ("smtps://mail.test", "mail.test", 465, "tls", None, None),
        ("SMTP+STARTTLS://[::1]", "::1", 587, "starttls", None, None),
        ("smtps://ann%40x.test:p%3A%2F%40%23%C3%BC+@mail.test", "mail.test", 465, "tls", "ann@x.test", "p:/@#ü+"),
    ],
)
def test_smtp_urls_are_read_whole(  # noqa: PLR0917 - a row of the table
    writer: MailWriter, url: str, host: str, port: int, security: str, username: str | None, password: str | None
) -> None:
    mailer = mailer_from_url(url, writer=writer)

    assert isinstance(mailer, SmtpMailer)
    assert (mailer._host, mailer._port, mailer._security) == (host, port, security)
    assert (mailer._username, mailer._password) == (username, password)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("", "must begin with"),
        ("mail.test", "must begin with"),
        ("ann:hunter2@mail.test", "must begin with"),
        ("http://ann:hunter2@mail.test", "must begin with"),
        ("console://hunter2", "takes nothing after it"),
        ("file://mails", "three slashes"),
        ("file:mails", "three slashes"),
        ("file:///mails?hunter2", "three slashes"),
        ("smtp://", "names no mail server"),
        ("smtp://ann:hunter2@", "names no mail server"),
        ("smtp://ann:hunter2@mail.test:0", "names no mail server"),
        ("smtp://ann:hunter2", "cannot be read"),
        ("smtp://ann:hunter2@mail.test:99999", "cannot be read"),
        ("smtp://ann:[hunter2@mail.test", "cannot be read"),
        ("smtp://ann:1#hunter2@mail.test", "percent-encoded"),
        ("smtp://ann:1/hunter2@mail.test", "percent-encoded"),
        ("smtp://ann:1?hunter2@mail.test", "percent-encoded"),
        ("smtp://ann:hunter2%FF@mail.test", "percent-encoded"),
        ("smtp://hunter2@mail.test", "both a user and a password"),
        ("smtp://:hunter2@mail.test", "both a user and a password"),
    ],
)
def test_a_bad_url_is_told_in_one_sentence_that_shows_no_password(writer: MailWriter, url: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as error:
        mailer_from_url(url, writer=writer)

    assert "hunter2" not in "".join(traceback.format_exception(error.value))
    assert str(error.value).endswith(".")


def test_a_service_that_has_not_mailed_yet_has_not_paid_for_it() -> None:
    program = "import sys, auth_service.adapters.mail; sys.exit('jinja2' in sys.modules or 'aiosmtplib' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0  # noqa: S603 - our own words
