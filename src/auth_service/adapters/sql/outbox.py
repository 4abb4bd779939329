"""Mails that are due, in SQL."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from auth_service.adapters.sql import statements
from auth_service.adapters.sql.database import Database
from auth_service.adapters.sql.statements import Write
from auth_service.domain.model import Mail, QueuedMail
from auth_service.domain.ports.surroundings import Chance

_AGENT_KEPT = 200
_REASON_KEPT = 500
_ADDRESS_KEPT = 320


@dataclass(frozen=True, slots=True)
class SqlOutbox:
    """Hands out mails under a lease that runs by the database's clock, whichever process looks at it."""

    database: Database
    _queued: asyncio.Event = field(default_factory=asyncio.Event)

    async def claim(self, *, limit: int, lease: float) -> Sequence[QueuedMail]:
        """Take mails that are due; of two processes asking at once each gets its own."""
        rows = await self.database.write([Write(statements.CLAIM_MAIL, {"most": limit, "lease": lease})])
        # RETURNING promises no order.
        return sorted(
            (
                QueuedMail(
                    id=row[0],
                    message_id=row[1],
                    attempts=row[2],
                    mail=Mail(kind=row[3], to=row[4], user_id=row[5], address=row[6], agent=row[7], at=row[8]),
                )
                for row in rows
            ),
            key=lambda queued: queued.id,
        )

    async def sent(self, mail: QueuedMail) -> None:
        """Record that a mail went out."""
        await self.database.write([Write(statements.MAIL_SENT, {"the_id": mail.id})])

    async def failed(self, mail: QueuedMail, *, retry_in: float | None, why: str) -> None:
        """Record a failed try."""
        values: dict[str, object] = {"the_id": mail.id, "attempt": mail.attempts, "reason": why[:_REASON_KEPT]}
        if retry_in is None:
            await self.database.write([Write(statements.MAIL_DEAD, values)])
        else:
            await self.database.write([Write(statements.MAIL_FAILED, {**values, "retry_in": retry_in})])

    async def wait(self, longest: float) -> None:
        """Return soon after a mail was queued in this process; others' are found by looking now and then."""
        with suppress(TimeoutError):
            async with asyncio.timeout(longest):
                await self._queued.wait()
        self._queued.clear()

    def wake(self) -> None:
        """Tell whoever waits that there is something to send."""
        self._queued.set()


@dataclass(frozen=True, slots=True)
class SqlOutboxChanges:
    """Collects mails."""

    writes: list[Write]
    chance: Chance
    mail_host: str

    def put(self, mail: Mail) -> None:
        """Queue a mail under a name it keeps, however often it is tried."""
        values = {
            "message_id": f"<{self.chance.hex(32)}@{self.mail_host}>",
            "kind": mail.kind,
            "recipient": mail.to[:_ADDRESS_KEPT],
            "user_id": mail.user_id,
            "address": mail.address,
            "agent": mail.agent[:_AGENT_KEPT],
            "at": mail.at,
        }
        self.writes.append(Write(statements.PUT_MAIL, values))
