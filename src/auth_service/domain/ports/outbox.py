"""Storage of mails that are due."""

from collections.abc import Sequence
from typing import Protocol

from auth_service.domain.model import Mail, QueuedMail


class OutboxChanges(Protocol):
    """Collects mails for a unit of work: they are sent if, and only if, what caused them was stored."""

    def put(self, mail: Mail) -> None:
        """Queue a mail, due at once."""
        ...


class Outbox(Protocol):
    """Hands mails to a postman, each to one at a time."""

    async def claim(self, *, limit: int, lease: float) -> Sequence[QueuedMail]:
        """Take up to `limit` mails that are due and that nobody holds, for `lease` seconds, the oldest first.

        A mail whose holder neither reports nor lives is free again when the lease runs out.
        """
        ...

    async def sent(self, mail: QueuedMail) -> None:
        """Record that a mail went out, or that there is nobody to send it to."""
        ...

    async def failed(self, mail: QueuedMail, *, retry_in: float | None, why: str) -> None:
        """Record a failed try: due again after `retry_in` seconds, or kept as undeliverable where that is None."""
        ...

    async def wait(self, longest: float) -> None:
        """Return when a mail may be due: soon after one is queued here, and after `longest` seconds in any case."""
        ...
