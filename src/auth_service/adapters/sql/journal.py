"""The journal in SQL: outcomes are collected, and written within a second as the next links of one chain."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

from msgspec.structs import asdict, replace

from auth_service.adapters.sql import journal_statements as statements
from auth_service.adapters.sql.chain import BROKEN, Chain, Head, Record
from auth_service.adapters.sql.database import Database
from auth_service.adapters.sql.journal_reading import Found, find_head, read_records
from auth_service.adapters.sql.statements import Write
from auth_service.domain.errors import Busy, Conflict
from auth_service.domain.model import Fact
from auth_service.domain.ports.surroundings import Clock

_AT_ONCE: Final = 512
_MOST_WAITING: Final = 20_000
_TRIES: Final = 64
_LONGEST: Final = {"what": 40, "session_id": 64, "address": 64, "agent": 200, "why": 200}
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Noted:
    at: float
    fact: Fact
    times: int = 1


class SqlJournal:
    """Keeps facts for good. Noting one costs nobody a wait; `write_down` is called now and then, and at the stop.

    Of several processes that write at once one moves the head of the chain and the others look again, so the chain is
    one whoever writes. While the database is away, facts wait; past a bound they are counted, and the count is kept.
    """

    def __init__(self, database: Database, clock: Clock, chain: Chain) -> None:
        self._database = database
        self._clock = clock
        self._chain = chain
        self._noted: deque[_Noted] = deque()
        self._alike: dict[Fact, _Noted] = {}
        self._lost = 0
        self._taken: list[_Noted] = []
        self._tried: Record | None = None
        self._reached = 0
        self._turn = asyncio.Lock()

    def note(self, fact: Fact) -> None:
        """Take a fact down; of what is only worth keeping once, those that are alike are counted."""
        if fact.keep == "never":
            return
        if fact.keep == "alike_once":
            same = replace(fact, agent="")
            if same in self._alike:
                self._alike[same].times += 1
                return
        if len(self._noted) >= _MOST_WAITING:
            self._lost += 1
            return
        noted = _Noted(self._clock.now(), fact)
        self._noted.append(noted)
        if fact.keep == "alike_once":
            self._alike[same] = noted

    async def write_down(self) -> None:
        """Store what was noted since the last time; what cannot be stored now stays for the next time."""
        async with self._turn:
            while self._taken or self._noted or self._lost:
                # Kept until it is known to be stored, whatever ends this in between.
                self._taken = self._taken or self._take()
                await self._append(self._taken)
                self._taken = []

    async def forget(self, kept: float) -> bool:
        """Remove a batch of records that are older than `kept` seconds; say whether there may be more.

        The head remembers the last of them, so the chain is whole from there. One that does not fit is removed like
        all others, and that it did not fit is a record of its own.
        """
        async with self._turn:
            found = await find_head(self._database)
            if self._damage(found):
                return False  # the next record tells of it; until then all stays as it is
            head, until = found.head, self._clock.now() - kept
            oldest = await read_records(self._database, after=head.gone_id, most=_AT_ONCE)
            old = list(takewhile(lambda record: record.at < until, oldest))
            if not old:
                return False
            moved = self._chain.close(replace(head, gone_id=old[-1].id, gone_mac=old[-1].mac))
            try:
                await self._database.write(
                    [_move(found, moved), Write(statements.FORGET, {"up_to": moved.gone_id})],
                )
            except Conflict:
                return True
            misfit = self._chain.first_misfit((head.gone_id, head.gone_mac), old, past_breaks=True)
            if misfit is not None:
                self.note(Fact(what=BROKEN, why=f"record {misfit.id}, removed because of its age: {misfit.why}"))
            return len(old) == _AT_ONCE

    def _take(self) -> list[_Noted]:
        taken = [self._noted.popleft() for _ in range(min(_AT_ONCE, len(self._noted)))]
        self._alike.clear()
        if self._lost:
            taken.append(_Noted(self._clock.now(), Fact(what="records_lost", why=f"{self._lost} could not be kept")))
            self._lost = 0
        return taken

    async def _append(self, noted: Sequence[_Noted]) -> None:
        for _ in range(_TRIES):
            found = await find_head(self._database)
            if self._tried is not None and await self._is_stored(self._tried):
                # It was written, and only the answer was lost.
                self._reached, self._tried = self._tried.id, None
                return
            records, head = self._chained(found, noted)
            self._tried = records[-1]
            try:
                await self._database.write([_move(found, head), *_puts(records)])
            except Conflict:
                continue  # another process was first
            self._reached, self._tried = head.last_id, None
            return
        raise Busy(1.0)

    async def _is_stored(self, record: Record) -> bool:
        row = await self._database.one(statements.MAC_OF, {"id": record.id})
        return row is not None and row[0] == record.mac

    def _chained(self, found: Found, noted: Sequence[_Noted]) -> tuple[list[Record], Head]:
        """Return the records that come next, and the head when they are there."""
        last_id, mac = found.head.last_id, found.head.last_mac
        if damage := self._damage(found):
            # The journal goes on, beyond all that is there: what happened to it is the next thing it tells.
            _log.error("The journal is damaged: %s. See: auth-service journal verify", damage)
            last_id, mac = max(last_id, found.newest, self._reached), ""
            noted = [_Noted(self._clock.now(), Fact(what=BROKEN, why=damage)), *noted]
        records = []
        for place, each in enumerate(noted, last_id + 1):
            records.append(self._chain.follow(mac, _record(place, each)))
            mac = records[-1].mac
        return records, self._chain.close(replace(found.head, last_id=records[-1].id, last_mac=mac))

    def _damage(self, found: Found) -> str:
        """Say what is wrong with the end of the chain; nothing where it is as it was written."""
        if not found.has_head:
            return "its head is gone"
        if not self._chain.is_ours(found.head):
            return "its head was changed, or SECRET_KEY was"
        if found.newest > found.head.last_id:
            return f"a record was put behind the last, {found.head.last_id}"
        if found.head.last_id < self._reached:
            return f"it ended with {self._reached} before, and does with {found.head.last_id} now"
        return ""


def _move(found: Found, head: Head) -> Write:
    if not found.has_head:
        return Write(statements.PUT_HEAD, asdict(head))
    before = found.head
    was = {"was_last_id": before.last_id, "was_gone_id": before.gone_id, "was_seal": before.seal}
    return Write(statements.MOVE_HEAD, {**asdict(head), **was}, must_hit=True)


def _puts(records: Sequence[Record]) -> list[Write]:
    """Return what adds these records: full hands first, so that a crowd is a handful of statements."""
    writes, start = [], 0
    while start < len(records):
        together = statements.TOGETHER if len(records) - start >= statements.TOGETHER else 1
        values = {
            f"{name}_{row}": value
            for row, record in enumerate(records[start : start + together])
            for name, value in asdict(record).items()
        }
        writes.append(Write(statements.put(together), values))
        start += together
    return writes


def _record(place: int, noted: _Noted) -> Record:
    fact = noted.fact
    why = fact.why if noted.times == 1 else f"{fact.why} ({noted.times} times)"
    return Record(
        id=place,
        at=noted.at,
        what=_kept("what", fact.what),
        user_id=fact.user_id,
        session_id=None if fact.session_id is None else _kept("session_id", fact.session_id),
        address=_kept("address", fact.address),
        agent=_kept("agent", fact.agent),
        why=_kept("why", why),
    )


def _kept(name: str, text: str) -> str:
    """Return text that every database takes and no terminal obeys: a user agent is whatever its sender typed."""
    text = text[: _LONGEST[name]]
    return text if text.isprintable() else "".join(sign if sign.isprintable() else "\ufffd" for sign in text)
