"""Familiar places in SQL."""

from dataclasses import dataclass

from auth_service.adapters.sql import familiar_statements as statements
from auth_service.adapters.sql.database import Database
from auth_service.adapters.sql.statements import Write
from auth_service.domain.ports.familiar import Acquaintance

_MOST_PLACES = 50


@dataclass(frozen=True, slots=True)
class SqlFamiliar:
    """Finds familiar places."""

    database: Database

    async def look(self, user_id: int, place: str) -> Acquaintance:
        """Say how an account knows a place."""
        row = await self.database.one(statements.LOOK_AT_PLACE, {"user_id": user_id, "place": place})
        return Acquaintance() if row is None else Acquaintance(row[0] or 0.0, bool(row[1]))


@dataclass(frozen=True, slots=True)
class SqlFamiliarChanges:
    """Collects changes of familiar places."""

    writes: list[Write]

    def arrive(self, user_id: int, place: str, at: float, *, seen_at: float) -> None:
        """Date an arrival, if nobody else has meanwhile; only a new place can be one too many."""
        values = {"user_id": user_id, "place": place, "at": at, "seen_at": seen_at}
        self.writes.append(Write(statements.ARRIVE, values, must_hit=True))
        if not seen_at:
            self.writes.append(Write(statements.FORGET_OLD_PLACES, {"the_user": user_id, "most": _MOST_PLACES}))

    def forget(self, user_id: int) -> None:
        """Forget all places of an account."""
        self.writes.append(Write(statements.FORGET_PLACES, {"the_user": user_id}))
