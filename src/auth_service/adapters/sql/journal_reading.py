"""The journal read: its records, and whether it is whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from msgspec import Struct
from msgspec.structs import fields

from auth_service.adapters.sql import journal_statements as statements
from auth_service.adapters.sql.chain import BROKEN, Chain, Head, Misfit, Record
from auth_service.adapters.sql.database import Database
from auth_service.domain.model import KeptFact

_PAGE: Final = 1_000
_PLACES: Final = tuple(field.name for field in fields(Record))
_LOOKS: Final = 8
_HIGHEST_ID: Final = 2**63 - 1


class Found(Struct, frozen=True):
    """The head as it is stored, and how far the records reach, where there are any."""

    head: Head
    oldest: int | None
    newest: int
    has_head: bool = True


class Whole(Struct, frozen=True):
    """The journal is what was written: so many records, of which this is the last."""

    count: int
    last_id: int
    last_mac: str


class Search(Struct, frozen=True, kw_only=True):
    """Which records are wanted; what is None does not matter."""

    user_id: int | None = None
    what: str | None = None
    since: float | None = None

    @property
    def given(self) -> dict[str, object]:
        """What does matter."""
        named = {"user_id": self.user_id, "what": self.what, "since": self.since}
        return {name: value for name, value in named.items() if value is not None}


async def find_head(database: Database) -> Found:
    """Return the head of the chain and the reach of the records, as they are at one moment."""
    row = await database.one(statements.HEAD, {})
    if row is not None:
        head = Head(last_id=row[0], last_mac=row[1], gone_id=row[2], gone_mac=row[3], seal=row[4])
        return Found(head, row[5], row[6] or 0)
    reach = await database.one(statements.REACH, {}) or (None, None)
    return Found(Head(), reach[0], reach[1] or 0, has_head=False)


async def read_records(database: Database, *, after: int, most: int) -> list[Record]:
    """Return records in their order."""
    return await _read(database, Search(), after=after, most=most)


async def _read(
    database: Database, search: Search, *, after: int, most: int, newest_first: bool = False
) -> list[Record]:
    statement = statements.page(*search.given, newest_first=newest_first)
    rows = await database.rows(statement, {**search.given, "after": after, "most": most})
    return [Record(**dict(zip(_PLACES, row, strict=True))) for row in rows]


@dataclass(frozen=True, slots=True)
class JournalReader:
    """Shows the journal and checks it, while others go on writing."""

    database: Database
    chain: Chain

    async def last(self, search: Search, most: int) -> Sequence[Record]:
        """Return the newest records of those that are wanted, the newest last."""
        return (await _read(self.database, search, after=0, most=most, newest_first=True))[::-1]

    async def after(self, search: Search, record_id: int) -> Sequence[Record]:
        """Return the next records of those that are wanted; none where there are no more."""
        return await _read(self.database, search, after=record_id, most=_PAGE)

    async def of_user(self, user_id: int, *, limit: int) -> Sequence[KeptFact]:
        """Return the newest facts about an account, the newest first."""
        if not 0 < user_id <= _HIGHEST_ID:
            return []
        found = await _read(self.database, Search(user_id=user_id), after=0, most=limit, newest_first=True)
        return [KeptFact(**{name: getattr(record, name) for name in KeptFact.__struct_fields__}) for record in found]

    async def verify(self, *, start: int = 0) -> Whole | Misfit:
        """Say whether all records, or those from `start` on, are what was written, or name the first that is not."""
        for _ in range(_LOOKS):
            found = await find_head(self.database)
            outcome = await self._walk(found, start)
            if isinstance(outcome, Whole) or (await find_head(self.database)).head.gone_id == found.head.gone_id:
                break
            # Records went because of their age while they were read: there is a new first one.
        return outcome

    async def _walk(self, found: Found, start: int) -> Whole | Misfit:
        head = found.head
        if found.oldest is not None and found.oldest <= head.gone_id:
            return Misfit(found.oldest, "it was put before the first")
        place = await self._place_before(found, start)
        count = 0
        while page := [
            record
            for record in await read_records(self.database, after=place[0], most=_PAGE)
            if record.id <= head.last_id or not found.has_head
        ]:
            if start and count == 0 and page[0].what == BROKEN:
                # It tells of what was before, and that is not asked about.
                place, page = (page[0].id, page[0].mac), page[1:]
                count += 1
            misfit = self.chain.first_misfit(place, page)
            if misfit is not None:
                return self._explained(misfit, found)
            if page:
                place = (page[-1].id, page[-1].mac)
            count += len(page)
        return self._at_the_end(found, place, count)

    async def _place_before(self, found: Found, start: int) -> tuple[int, str]:
        if start <= found.head.gone_id + 1:
            return found.head.gone_id, found.head.gone_mac
        row = await self.database.one(statements.MAC_OF, {"id": start - 1})
        return start - 1, row[0] if row else ""

    def _at_the_end(self, found: Found, place: tuple[int, str], count: int) -> Whole | Misfit:
        head = found.head
        if not found.has_head:
            return Misfit(place[0] + 1, "the head that says where the journal ends is gone, and records may be")
        if found.newest > head.last_id:
            return Misfit(found.newest, f"it was put behind the last, {head.last_id}")
        if place[0] < head.last_id:
            return Misfit(place[0] + 1, f"the journal was cut off here: its last record is {head.last_id}")
        if place != (head.last_id, head.last_mac) or not self.chain.is_ours(head):
            return self._explained(
                Misfit(place[0] + 1, "the head that says where the journal ends was changed: records may be gone"),
                found,
            )
        return Whole(count, head.last_id, head.last_mac)

    def _explained(self, misfit: Misfit, found: Found) -> Misfit:
        """Say what else it may be: with another key nothing fits, and nobody has done anything."""
        if found.has_head and self.chain.is_ours(found.head):
            return misfit
        return Misfit(misfit.id, f"{misfit.why}; or SECRET_KEY is not the one it was written with")
