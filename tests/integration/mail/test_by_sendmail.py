"""The mailer that the README shows as an example is a good one, and its program is the whole service."""

import os
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import httpx
import pytest

from auth_service.adapters.contracts.mailers import LETTER, Arrived, Mailbox, MailerContract
from auth_service.adapters.mail import MailWriter
from auth_service.domain.ports.surroundings import MailDelayed, Mailer
from tests.integration.readme import BLOCKS, Console, as_after_make_run, free_port, readers_environment

from .conftest import plain, read

(PROGRAM,) = [block.text for block in BLOCKS if block.file == "by_sendmail.py"]


@pytest.fixture
def outgoing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the sendmail of this machine puts what it is handed."""
    mails = tmp_path / "mails"
    mails.mkdir()
    _install_sendmail(tmp_path, f"cat > {mails}/$$ && mv {mails}/$$ {mails}/$$.eml", monkeypatch)
    return mails


@pytest.fixture
def mailer(writer: MailWriter, tmp_path: Path) -> Mailer:
    """Return the mailer in the README."""
    made: Mailer = _imported(tmp_path / "by_sendmail.py").SendmailMailer(writer)
    return made


class TestSendmailMailer(MailerContract):
    """Where there is a sendmail, and where there is none."""

    @pytest.fixture
    def mailbox(self, mailer: Mailer, outgoing: Path) -> Mailbox:
        async def arrived() -> list[Arrived]:
            return _arrived(outgoing)

        return Mailbox(mailer, arrived)

    @pytest.fixture
    def stranded(self, mailer: Mailer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mailer:
        monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
        return mailer


async def test_a_mail_that_sendmail_does_not_take_is_delayed(
    mailer: Mailer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _install_sendmail(tmp_path, "exit 75", monkeypatch)
    with pytest.raises(MailDelayed, match="sendmail ended with 75"):
        await mailer.send(LETTER)


def test_the_program_is_the_whole_service(tmp_path: Path, outgoing: Path) -> None:
    port, folder = free_port(), as_after_make_run(tmp_path)
    (folder / "by_sendmail.py").write_text(PROGRAM.replace("port=8000", f"port={port}"), "utf-8")
    with Console([".venv/bin/python", "by_sendmail.py"], folder, readers_environment()) as console:
        ann = {"username": "ann", "email": "ann@example.org", "password": "correct-horse-battery"}
        answer = httpx.post(f"http://127.0.0.1:{port}/auth/users/", json=ann)
        assert answer.status_code == httpx.codes.CREATED
        console.wait_until(lambda: any(outgoing.glob("*.eml")))
        (mail,) = _arrived(outgoing)
        assert mail.to == "ann@example.org"
        assert f"http://127.0.0.1:{port}/activate/" in mail.text


def test_the_program_is_some_twenty_lines() -> None:
    lines = [line for line in PROGRAM.splitlines() if line and not line.startswith(("import", "from", '"""'))]
    assert len(lines) <= 21


def _install_sendmail(folder: Path, does: str, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = folder / "programs"
    programs.mkdir()
    (programs / "sendmail").write_text(f'#!/bin/sh\n[ "$*" = "-t -i" ] || exit 64\n{does}\n', "utf-8")
    (programs / "sendmail").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")


def _imported(path: Path) -> ModuleType:
    path.write_text(PROGRAM, "utf-8")
    spec = spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _arrived(mails: Path) -> list[Arrived]:
    found = [read(file.read_bytes()) for file in sorted(mails.glob("*.eml"), key=lambda file: file.stat().st_mtime_ns)]
    return [Arrived(to=mail["To"].addresses[0].addr_spec, subject=mail["Subject"], text=plain(mail)) for mail in found]
