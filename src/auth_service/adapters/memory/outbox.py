"""Mails that are due, in memory."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from operator import attrgetter
from uuid import uuid4

from msgspec.structs import replace

from auth_service.adapters.memory.state import KeptMail, Memory, Tables, Write
from auth_service.domain.model import Mail, QueuedMail
from auth_service.domain.ports.surroundings import Clock


class MemoryOutbox:
    """Hands mails to postmen. A lease is the moment from which a mail may be taken again."""

    def __init__(self, memory: Memory, clock: Clock) -> None:
        self._memory = memory
        self._clock = clock

    async def claim(self, *, limit: int, lease: float) -> Sequence[QueuedMail]:
        """Take mails that are due and that nobody holds, the oldest first."""
        tables = await self._memory.read()
        now = self._clock.now()
        free = [kept for kept in tables.mails.values() if kept.free_at is not None and kept.free_at <= now]
        claimed = []
        for kept in sorted(free, key=attrgetter("free_at", "id"))[:limit]:
            held = replace(kept, free_at=now + lease, attempts=kept.attempts + 1)
            tables.mails[kept.id] = held
            claimed.append(
                QueuedMail(id=held.id, message_id=held.message_id, attempts=held.attempts, mail=held.mail),
            )
        return claimed

    async def sent(self, mail: QueuedMail) -> None:
        """Drop a mail that went out, whoever holds it by now."""
        (await self._memory.read()).mails.pop(mail.id, None)

    async def failed(self, mail: QueuedMail, *, retry_in: float | None, why: str) -> None:
        """Free a mail for later, or keep it as undeliverable."""
        tables = await self._memory.read()
        kept = tables.mails.get(mail.id)
        # Somebody who reports after the lease ran out must not free what another is sending just now.
        if kept is not None and kept.attempts == mail.attempts:
            free_at = None if retry_in is None else self._clock.now() + retry_in
            tables.mails[mail.id] = replace(kept, free_at=free_at, why=why)

    async def wait(self, longest: float) -> None:
        """Return soon after a mail is queued, and after `longest` seconds in any case."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._memory.mail_queued.wait(), longest)
        self._memory.mail_queued.clear()

    @property
    def undeliverable(self) -> Sequence[KeptMail]:
        """The mails that were given up."""
        return [kept for kept in self._memory.tables.mails.values() if kept.free_at is None]


class MemoryOutboxChanges:
    """Collects mails."""

    def __init__(self, writes: list[Write], clock: Clock) -> None:
        self._writes = writes
        self._clock = clock

    def put(self, mail: Mail) -> None:
        """Queue a mail, due at once."""

        def write(tables: Tables) -> None:
            tables.last_mail_id += 1
            tables.mails[tables.last_mail_id] = KeptMail(
                id=tables.last_mail_id, message_id=uuid4().hex, mail=mail, free_at=self._clock.now()
            )

        self._writes.append(write)
