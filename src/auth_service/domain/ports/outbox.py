"""Storage of mails that are due."""

from collections.abc import Sequence
from typing import Protocol

from auth_service.domain.model import KeptMail, Mail, MailState, QueuedMail


class OutboxChanges(Protocol):
    """Collects mails for a unit of work: they are sent if, and only if, what caused them was stored."""

    def put(self, mail: Mail) -> None:
        """Queue a mail, due at once."""
        ...


class Outbox(Protocol):
    """Hands mails to postmen, each to one at a time, and keeps the order within a lane (see `lanes`).

    Of a lane, one mail is in somebody's hands at a time, and the older goes first. But one that was tried before holds
    up nobody: while it waits for its next try, a newer one passes. It is superseded once that went out, and when it
    would be due again while the newer one still waits; only where that turned out undeliverable, it has its next try.
    """

    async def claim(self, *, limit: int, lease: float) -> Sequence[QueuedMail]:
        """Take up to `limit` mails that are due and that nobody holds, for `lease` seconds, the oldest first.

        A mail whose holder neither reports nor lives is free again when the lease runs out.
        """
        ...

    async def sent(self, mail: QueuedMail) -> None:
        """Record that a mail went out, or that there is nobody to send it to; what it passed is superseded."""
        ...

    async def failed(self, mail: QueuedMail, *, retry_in: float | None, why: str) -> None:
        """Record a failed try: due again after `retry_in` seconds, or kept as undeliverable where that is None."""
        ...

    async def wait(self, longest: float) -> None:
        """Return when a mail may be due: soon after one is queued here, and after `longest` seconds in any case."""
        ...

    async def kept(self, mail_id: int) -> KeptMail | None:
        """Find a mail, whatever has become of it, or None where there is none (any more)."""
        ...

    async def page(self, *, state: MailState | None = None, after: int = 0, limit: int = 500) -> Sequence[KeptMail]:
        """Return mails in order of id, of one state or of all."""
        ...

    async def retry(self, mail_id: int) -> bool:
        """Make a mail due at once, its tries counted anew. False, and nothing done, unless it is dead or waits."""
        ...

    async def drop(self, mail_id: int) -> bool:
        """Let a mail never go out. False, and nothing done, unless it is dead or waits in nobody's hands."""
        ...
