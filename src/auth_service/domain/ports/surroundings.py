"""The rest of the world: the time, chance, mail, and a memory of what happened."""

from typing import Protocol

from auth_service.domain.model import Fact, Letter


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> float:
        """Return the seconds since 1970, in UTC."""
        ...


class Chance(Protocol):
    """Makes what nobody can guess."""

    def hex(self, digits: int) -> str:
        """Return that many random hexadecimal digits, fit for secrets."""
        ...


class Journal(Protocol):
    """Remembers outcomes. Never raises and makes nobody wait: what happened has happened."""

    def note(self, fact: Fact) -> None:
        """Remember one fact, for as long as its `keep` says."""
        ...


class MailRefused(Exception):  # noqa: N818 - the mail server's answer, in its words
    """The mail will never be accepted: trying again would change nothing."""


class MailDelayed(Exception):  # noqa: N818 - the mail server's answer, or its silence
    """The mail was not accepted now: it should be tried again."""


class Mailer(Protocol):
    """Writes letters and hands them to whoever delivers them."""

    async def send(self, letter: Letter) -> None:
        """Send one letter. Raises `MailDelayed` where it should be tried again, `MailRefused` where that is no use.

        Returning means that somebody else has taken charge of it. A try that takes longer than twenty seconds is cut
        off, and made again.
        """
        ...
