"""Counting attempts in SQL."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

from auth_service.adapters.sql import statements
from auth_service.adapters.sql.database import Database
from auth_service.adapters.sql.statements import Write
from auth_service.domain.errors import Conflict, TooManyAttempts
from auth_service.domain.ports.throttle import Counter

_KEY_DIGITS = 32
# A window that ended between the refusal and the look at it.
_AT_ONCE = 1.0


@dataclass(frozen=True, slots=True)
class SqlThrottle:
    """Counts attempts where all processes see them. A full counter takes no more: that undoes the whole attempt."""

    database: Database

    async def take(self, counters: Sequence[Counter]) -> None:
        """Count one attempt everywhere, or nowhere: one round trip, and another one only to say how long to wait."""
        # In one order for everybody: of two that lock the same rows, neither then waits for the other.
        asked = sorted(((_hashed(counter.key), counter) for counter in counters), key=itemgetter(0))
        if not asked:
            return
        try:
            await self.database.write(
                [
                    Write(
                        statements.TAKE_ATTEMPT,
                        {
                            "key": key,
                            "most": counter.most,
                            "window": counter.window,
                            "free": counter.free,
                            "pause": counter.pause,
                            "longest_pause": counter.longest_pause,
                            "first_pause": counter.pause_after(1),
                        },
                        must_hit=True,
                    )
                    for key, counter in asked
                ]
            )
        except Conflict:
            waits = [await self._wait(key, counter) for key, counter in asked]
            raise TooManyAttempts(max(waits) or _AT_ONCE) from None

    async def _wait(self, key: str, counter: Counter) -> float:
        row = await self.database.one(statements.WAIT_FOR_ATTEMPT, {"key": key, "most": counter.most})
        return 0.0 if row is None else float(row[0])


def _hashed(key: str) -> str:
    """Return what a counter is stored under: who tried what, and from where, need not be readable there."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:_KEY_DIGITS]
