"""Every mailer we ship keeps the promises of the port."""

import io
from pathlib import Path

import pytest

from auth_service.adapters.contracts.mailers import Arrived, Mailbox, MailerContract
from auth_service.adapters.mail import MailWriter
from auth_service.adapters.mail.console import ConsoleMailer
from auth_service.adapters.mail.file import FileMailer
from auth_service.adapters.mail.smtp import SmtpMailer
from auth_service.domain.ports.surroundings import Mailer

from .conftest import OpenPostOffice, contents, plain, read


class TestConsoleMailer(MailerContract):
    """In a terminal, as it is read there."""

    @pytest.fixture
    def mailbox(self, writer: MailWriter) -> Mailbox:
        terminal = io.StringIO()

        async def arrived() -> list[Arrived]:
            frames = terminal.getvalue().split("─" * 72 + "\n")[1::2]
            return [_as_read(frame) for frame in frames]

        return Mailbox(ConsoleMailer(writer, terminal), arrived)

    @pytest.fixture
    def stranded(self, writer: MailWriter) -> Mailer:
        terminal = io.StringIO()
        terminal.close()
        return ConsoleMailer(writer, terminal)


class TestFileMailer(MailerContract):
    """In a folder, as a mail program reads it."""

    @pytest.fixture
    def mailbox(self, writer: MailWriter, tmp_path: Path) -> Mailbox:
        async def arrived() -> list[Arrived]:
            mails = [read(content) for content in contents(tmp_path / "mails")]
            return [
                Arrived(to=mail["To"].addresses[0].addr_spec, subject=mail["Subject"], text=plain(mail))
                for mail in mails
            ]

        return Mailbox(FileMailer(writer, tmp_path / "mails"), arrived)

    @pytest.fixture
    def stranded(self, writer: MailWriter, tmp_path: Path) -> Mailer:
        (tmp_path / "mails").write_text("no folder")
        return FileMailer(writer, tmp_path / "mails")


class TestSmtpMailer(MailerContract):
    """At a mail server, as it takes it."""

    @pytest.fixture
    async def mailbox(self, writer: MailWriter, post_office: OpenPostOffice) -> Mailbox:
        office = await post_office()
        return Mailbox(SmtpMailer(writer, host="127.0.0.1", port=office.port), office.arrived)

    @pytest.fixture
    def stranded(self, writer: MailWriter, free_port: int) -> Mailer:
        return SmtpMailer(writer, host="127.0.0.1", port=free_port)


def _as_read(frame: str) -> Arrived:
    to, subject, _, text = frame.split("\n", 3)
    return Arrived(to=to.removeprefix("To: "), subject=subject.removeprefix("Subject: "), text=text)
