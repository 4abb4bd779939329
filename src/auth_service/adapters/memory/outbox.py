"""Mails that are due, in memory."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from operator import attrgetter
from typing import Any
from uuid import uuid4

from msgspec.structs import replace

from auth_service.adapters.memory.state import Memory, StoredMail, Tables, Write
from auth_service.domain.lanes import lane_of
from auth_service.domain.model import KeptMail, Mail, MailState, QueuedMail
from auth_service.domain.ports.surroundings import Clock


class MemoryOutbox:
    """Hands mails to postmen, one of each lane at a time."""

    def __init__(self, memory: Memory, clock: Clock) -> None:
        self._memory = memory
        self._clock = clock

    async def claim(self, *, limit: int, lease: float) -> Sequence[QueuedMail]:
        """Take mails that are due and that nobody holds, the oldest first."""
        tables = await self._memory.read()
        now = self._clock.now()
        for stored in _due(tables, now):
            if stored.attempts and any(_passed(stored, other) for other in tables.mails.values()):
                tables.mails[stored.id] = replace(stored, state="superseded")
        claimed: list[QueuedMail] = []
        for stored in _due(tables, now):
            if len(claimed) == limit:
                break
            if not any(_goes_first(other, stored, now) for other in tables.mails.values()):
                held = replace(stored, held_until=now + lease, attempts=stored.attempts + 1)
                tables.mails[held.id] = held
                claimed.append(
                    QueuedMail(id=held.id, message_id=held.message_id, attempts=held.attempts, mail=held.mail)
                )
        return claimed

    async def sent(self, mail: QueuedMail) -> None:
        """Record that a mail went out, whoever holds it by now."""
        tables, now = await self._memory.read(), self._clock.now()
        sent = tables.mails.get(mail.id)
        if sent is None:
            return
        tables.mails[sent.id] = replace(sent, state="sent", held_until=0.0)
        for other in list(tables.mails.values()):
            if other.state == "waiting" and other.attempts and other.held_until <= now and _passed(other, sent):
                tables.mails[other.id] = replace(other, state="superseded")

    async def failed(self, mail: QueuedMail, *, retry_in: float | None, why: str) -> None:
        """Free a mail for later, or keep it as undeliverable."""
        tables = await self._memory.read()
        stored = tables.mails.get(mail.id)
        # Somebody who reports after the lease ran out must not free what another is sending just now.
        if stored is None or stored.state != "waiting" or stored.attempts != mail.attempts:
            return
        freed = replace(stored, held_until=0.0, why=why)
        if retry_in is None:
            tables.mails[mail.id] = replace(freed, state="dead")
        else:
            tables.mails[mail.id] = replace(freed, due_at=self._clock.now() + retry_in)

    async def kept(self, mail_id: int) -> KeptMail | None:
        """Find a mail."""
        stored = (await self._memory.read()).mails.get(mail_id)
        return None if stored is None else self._shown(stored)

    async def page(self, *, state: MailState | None = None, after: int = 0, limit: int = 500) -> Sequence[KeptMail]:
        """Return mails in order of id."""
        mails = (await self._memory.read()).mails
        found = (mails[key] for key in sorted(mails) if key > after and state in {None, mails[key].state})
        return [self._shown(stored) for stored in islice(found, limit)]

    async def retry(self, mail_id: int) -> bool:
        """Make a mail due at once."""
        return await self._mend(mail_id, state="waiting", due_at=self._clock.now(), attempts=0)

    async def drop(self, mail_id: int) -> bool:
        """Let a mail never go out."""
        return await self._mend(mail_id, state="dropped")

    async def _mend(self, mail_id: int, **changes: Any) -> bool:  # noqa: ANN401 - as `replace` has it
        tables = await self._memory.read()
        stored = tables.mails.get(mail_id)
        if stored is None or stored.state not in {"waiting", "dead"} or stored.held_until > self._clock.now():
            return False
        tables.mails[mail_id] = replace(stored, **changes)
        return True

    def _shown(self, stored: StoredMail) -> KeptMail:
        return KeptMail(
            id=stored.id,
            message_id=stored.message_id,
            state=stored.state,
            held=stored.held_until > self._clock.now(),
            attempts=stored.attempts,
            due_at=stored.due_at,
            why=stored.why,
            mail=stored.mail,
        )

    async def wait(self, longest: float) -> None:
        """Return soon after a mail is queued, and after `longest` seconds in any case."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._memory.mail_queued.wait(), longest)
        self._memory.mail_queued.clear()


def _due(tables: Tables, now: float) -> list[StoredMail]:
    free = (
        mail for mail in tables.mails.values() if mail.state == "waiting" and max(mail.due_at, mail.held_until) <= now
    )
    return sorted(free, key=attrgetter("due_at", "id"))


def _passed(mail: StoredMail, other: StoredMail) -> bool:
    """Say whether a newer mail of its lane took the place of one that was tried."""
    return mail.lane != "" and other.lane == mail.lane and other.id > mail.id and other.state in {"waiting", "sent"}


def _goes_first(other: StoredMail, mail: StoredMail, now: float) -> bool:
    if mail.lane == "" or other.lane != mail.lane or other.state != "waiting":
        return False
    return other.held_until > now or (other.id < mail.id and other.due_at <= now)


class MemoryOutboxChanges:
    """Collects mails."""

    def __init__(self, writes: list[Write], clock: Clock) -> None:
        self._writes = writes
        self._clock = clock

    def put(self, mail: Mail) -> None:
        """Queue a mail, due at once."""

        def write(tables: Tables) -> None:
            tables.last_mail_id += 1
            tables.mails[tables.last_mail_id] = StoredMail(
                id=tables.last_mail_id,
                message_id=uuid4().hex,
                mail=mail,
                lane=lane_of(mail),
                due_at=self._clock.now(),
            )

        self._writes.append(write)
