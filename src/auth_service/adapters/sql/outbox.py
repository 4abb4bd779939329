"""Mails that are due, in SQL."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from msgspec.structs import replace

from auth_service.adapters.sql import mail_statements as statements
from auth_service.adapters.sql.database import Database, Row
from auth_service.adapters.sql.statements import Write
from auth_service.domain.lanes import lane_of
from auth_service.domain.model import KeptMail, Mail, MailState, QueuedMail
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
        claimed: list[QueuedMail] = []
        while len(claimed) < limit:
            rows = await self.database.write(
                [Write(statements.CLAIM_MAIL, {"most": limit - len(claimed), "lease": lease})]
            )
            claimed += (_queued(row) for row in rows if _state(row) == "waiting")
            if all(_state(row) == "waiting" for row in rows):
                break
            # Some gave way instead: those they were in the way of may be due.
        # RETURNING promises no order.
        return sorted(claimed, key=lambda queued: queued.id)

    async def sent(self, mail: QueuedMail) -> None:
        """Record that a mail went out, and in the same commit that those it passed never will."""
        writes = [Write(statements.MAIL_SENT, {"the_id": mail.id})]
        if lane := lane_of(mail.mail):
            writes.append(Write(statements.SUPERSEDE, {"the_id": mail.id, "the_lane": lane}))
        await self.database.write(writes)

    async def failed(self, mail: QueuedMail, *, retry_in: float | None, why: str) -> None:
        """Record a failed try."""
        values: dict[str, object] = {"the_id": mail.id, "attempt": mail.attempts, "reason": why[:_REASON_KEPT]}
        if retry_in is None:
            await self.database.write([Write(statements.MAIL_DEAD, values)])
        else:
            await self.database.write([Write(statements.MAIL_FAILED, {**values, "retry_in": retry_in})])

    async def kept(self, mail_id: int) -> KeptMail | None:
        """Find a mail."""
        row = await self.database.one(statements.KEPT_MAIL, {"the_id": mail_id})
        return None if row is None else _kept(row)

    async def page(self, *, state: MailState | None = None, after: int = 0, limit: int = 500) -> Sequence[KeptMail]:
        """Return mails in order of id."""
        values: dict[str, object] = {"after": after, "most": limit}
        if state is None:
            rows = await self.database.rows(statements.MAIL_PAGE, values)
        else:
            rows = await self.database.rows(statements.MAIL_PAGE_OF_STATE, {**values, "state": state})
        return [_kept(row) for row in rows]

    async def retry(self, mail_id: int) -> bool:
        """Make a mail due at once."""
        return bool(await self.database.write([Write(statements.RETRY_MAIL, {"the_id": mail_id})]))

    async def drop(self, mail_id: int) -> bool:
        """Let a mail never go out."""
        return bool(await self.database.write([Write(statements.DROP_MAIL, {"the_id": mail_id})]))

    async def wait(self, longest: float) -> None:
        """Return soon after a mail was queued in this process; others' are found by looking now and then."""
        with suppress(TimeoutError):
            async with asyncio.timeout(longest):
                await self._queued.wait()
        self._queued.clear()

    def wake(self) -> None:
        """Tell whoever waits that there is something to send."""
        self._queued.set()


def _queued(row: Row) -> QueuedMail:
    """Return the mail in a row that begins with `MAIL_COLUMNS`."""
    mail = Mail(kind=row[3], to=row[4], user_id=row[5], address=row[6], agent=row[7], at=row[8], language=row[9])
    return QueuedMail(id=row[0], message_id=row[1], attempts=row[2], mail=mail)


def _state(row: Row) -> MailState:
    state: MailState = row[10]
    return state


def _kept(row: Row) -> KeptMail:
    queued = _queued(row)
    return KeptMail(
        id=queued.id,
        message_id=queued.message_id,
        attempts=queued.attempts,
        mail=queued.mail,
        state=_state(row),
        due_at=row[11],
        why=row[12],
        held=bool(row[13]),
    )


@dataclass(frozen=True, slots=True)
class SqlOutboxChanges:
    """Collects mails."""

    writes: list[Write]
    chance: Chance
    mail_host: str

    def put(self, mail: Mail) -> None:
        """Queue a mail under a name it keeps, however often it is tried."""
        mail = replace(mail, to=mail.to[:_ADDRESS_KEPT])
        values = {
            "message_id": f"<{self.chance.hex(32)}@{self.mail_host}>",
            "kind": mail.kind,
            "recipient": mail.to,
            "user_id": mail.user_id,
            "address": mail.address,
            "agent": mail.agent[:_AGENT_KEPT],
            "at": mail.at,
            "lane": lane_of(mail),
            "language": mail.language,
        }
        self.writes.append(Write(statements.PUT_MAIL, values))
