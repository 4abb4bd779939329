"""The service as a process with settings of its choice, for tests that ask for the same settings to share."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any, Self

import structlog
from click.testing import CliRunner
from msgspec import Struct

from auth_service.cli import main
from tests.integration.conformance.running import Mailbox, ReceivedMail, Service

FRONTEND = "https://front.example"
SECRET = "a secret that both sides of the house know"
_CHEAP = {
    "SECRET_KEY": SECRET,
    "FRONTEND_URL": FRONTEND,
    "THROTTLING": "0",
    "ARGON2_TIME_COST": "1",
    "ARGON2_MEMORY_KIB": "8",
    "ARGON2_PARALLELISM": "1",
}
_LINK = re.compile(rf"{re.escape(FRONTEND)}/(activate|password-reset|username-reset)/([\w-]+)/([\w-]+)")
_PATIENCE = 5.0


class Link(Struct, frozen=True):
    """A mailed link: the page it leads to, and its two halves as endpoints take them."""

    page: str
    uid: str
    token: str

    @property
    def halves(self) -> dict[str, str]:
        """The two halves by their names."""
        return {"uid": self.uid, "token": self.token}


class Server(Service):
    """`auth-service serve`, cheap and unthrottled; `more` are further words for its command line."""

    def __init__(self, settings: Mapping[str, str], mailbox: Mailbox, folder: Path, *more: str) -> None:
        super().__init__(_CHEAP | dict(settings), mailbox.port, folder)
        self.mailbox = mailbox
        # Cookies are sent where a test sends them: what one test was given is no other's.
        self.client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._more = more
        self._log = folder / f"service-{self.port}.log"

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - nothing here comes from outside
                [sys.executable, "-m", "auth_service", "serve", "--port", str(self.port), *self._more],
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

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._port

    @property
    def pid(self) -> int:
        """The id of its process."""
        return self._process.pid

    @property
    def folder(self) -> Path:
        """Where its database is."""
        return self._folder

    @property
    def database_url(self) -> str:
        """Where its accounts are."""
        return self._environment["DATABASE_URL"]

    @property
    def log(self) -> str:
        """All it has logged so far."""
        return self._log.read_text("utf-8")

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The lines of its log that are written to their end."""
        return [json.loads(line) for line in self.log.split("\n")[:-1]]

    def run(self, *words: str, stdin: str = "") -> str:
        """Run another command beside it; in this process, which spares a start of the interpreter."""
        done = CliRunner().invoke(main, words, input=stdin, env=self._environment, catch_exceptions=False)
        structlog.reset_defaults()
        assert done.exit_code == 0, done.output
        return done.stdout

    def tell_to_stop(self) -> None:
        """Tell it to stop, and do not wait."""
        os.kill(self._process.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End it without a warning."""
        self._process.kill()
        self._process.wait()

    def wait_for_end(self, patience: float) -> int:
        """Return the code it ended with."""
        return self._process.wait(patience)


def mails_to(mailbox: Mailbox, address: str, count: int) -> list[ReceivedMail]:
    """Return all mails for an address, as soon as there are so many."""
    deadline = time.monotonic() + _PATIENCE
    while len(found := [mail for mail in mailbox.holding(address.lower()) if mail.to == address]) < count:
        assert time.monotonic() < deadline, f"{len(found)} mails came for {address}, not {count}"
        time.sleep(0.005)
    return found


def link_to(mailbox: Mailbox, address: str, number: int = 1) -> Link:
    """Return the link in the mail of this number for an address."""
    return link_in(mails_to(mailbox, address, number)[number - 1])


def link_in(mail: ReceivedMail) -> Link:
    """Return the link a mail holds."""
    found = _LINK.search(mail.text)
    assert found, mail.text
    return Link(*found.groups())


def let_mail_come(server: Server) -> None:
    """Return when every mail asked for so far has arrived, or was found to be for nobody."""
    deadline = time.monotonic() + _PATIENCE
    while json.loads(server.run("mail", "list", "--state", "waiting", "--json")):
        assert time.monotonic() < deadline, server.run("mail", "list", "--state", "waiting")


def as_bearer(access: str) -> dict[str, str]:
    """Return the header that an access token goes in."""
    return {"Authorization": f"Bearer {access}"}
