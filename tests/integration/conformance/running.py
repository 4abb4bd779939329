"""The service as a process of its own, and the mailbox everything it sends falls into."""

import email
import email.policy
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from msgspec import Struct

_COMMAND = (sys.executable, "-m", "auth_service")
_PATIENCE = 30
_INHERITED = ("PATH", "HOME", "TMPDIR", "LANG", "COV_CORE_SOURCE", "COV_CORE_CONFIG", "COV_CORE_DATAFILE")


class ReceivedMail(Struct, frozen=True):
    """A mail as it arrived."""

    to: str
    sender: str
    text: str
    html: bool
    source: bytes


class Mailbox(AbstractContextManager["Mailbox"]):
    """Takes every mail for every address, in the order it came."""

    def __init__(self) -> None:
        self._received: list[ReceivedMail] = []
        self.port = free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, enable_SMTPUTF8=True)

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._controller.stop()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802 - aiosmtpd calls it so
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        message = email.message_from_bytes(content, _class=EmailMessage, policy=email.policy.default)
        plain, html = message.get_body(("plain",)), message.get_body(("html",))
        text = plain.get_content() if isinstance(plain, EmailMessage) else ""
        self._received += [
            ReceivedMail(to=recipient, sender=str(message["From"]), text=text, html=html is not None, source=content)
            for recipient in envelope.rcpt_tos
        ]
        return "250 OK"

    def holding(self, tag: str) -> list[ReceivedMail]:
        """All that came for the addresses of one scenario."""
        return [mail for mail in list(self._received) if tag in mail.to.lower()]


class Service(AbstractContextManager["Service"]):
    """`auth-service serve` with the given settings, a fresh folder and a fresh database, from its first answer on."""

    def __init__(self, settings: Mapping[str, str], mail_port: int, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._log = folder / "service.log"
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self._port}", timeout=20)
        self._environment = {
            **{name: os.environ[name] for name in _INHERITED if name in os.environ},
            "DATABASE_URL": f"sqlite:///{folder / 'auth.db'}",
            "MAIL_URL": f"smtp://127.0.0.1:{mail_port}",
            **settings,
        }

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - nothing here comes from outside
                [*_COMMAND, "serve", "--host", "127.0.0.1", "--port", str(self._port)],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait_for_health()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def add_staff(self, username: str, address: str, password: str) -> None:
        """Make an account on the staff, from the command line while the service runs."""
        subprocess.run(  # noqa: S603 - nothing here comes from outside
            [*_COMMAND, "users", "create", "--staff", "--username", username, "--email", address, "--password-stdin"],
            input=f"{password}\n",
            text=True,
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            timeout=_PATIENCE,
            check=True,
        )

    def _wait_for_health(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                if self.client.get("/health").status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        raise RuntimeError(f"the service did not become healthy; its log ends\n{self._log.read_text('utf-8')[-3000:]}")

    def _stop(self) -> None:
        self.client.close()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def free_port() -> int:
    """Return a port nobody listens on at the moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
