"""Upkeep: what has run out is removed, in small batches, while the service serves."""

from collections import Counter
from dataclasses import dataclass

from auth_service.adapters.sql import upkeep_statements as statements
from auth_service.adapters.sql.database import Database
from auth_service.adapters.sql.statements import Write
from auth_service.domain.errors import Conflict

_DAY = 86_400.0
_BATCH = 200
_TURN = 60.0
_SENT_MAIL_KEPT = 7 * _DAY
_DEAD_MAIL_KEPT = 30 * _DAY
_NEW_LEASE = 30.0
_PLACES_KEPT = 180 * _DAY


@dataclass(frozen=True, slots=True)
class SqlUpkeep:
    """Keeps tables as large as what they are for, in one process at a time: whoever has the turn keeps it.

    The turn is a row with an end, by the database's clock. It is renewed with every batch, and a process that dies
    leaves it to the others within a minute.
    """

    database: Database
    me: str

    async def sweep(self) -> bool:
        """Remove a batch of everything that has run out, if it is our turn; say whether more is left to remove."""
        ages = {"kept": _SENT_MAIL_KEPT, "dead_kept": _DEAD_MAIL_KEPT, "places_kept": _PLACES_KEPT}
        found = await self.database.one(statements.ANYTHING_TO_SWEEP, ages)
        if found is None or not found[0]:
            return False
        batch = [Write(each, {"most": _BATCH, **ages}) for each in statements.SWEEPS]
        try:
            removed = await self.database.write([self._turn, *batch])
        except Conflict:
            return False
        return any(count >= _BATCH for count in Counter(row[0] for row in removed).values())

    async def mend(self) -> None:
        """Put right what was scheduled by a clock that has been set back since: it would wait for that time again."""
        await self.database.write([Write(statements.MEND_SCHEDULE, {"new_lease": _NEW_LEASE})])

    @property
    def _turn(self) -> Write:
        return Write(statements.TAKE_TURN, {"chore": "upkeep", "me": self.me, "lease": _TURN}, must_hit=True)
