"""Familiar places in memory."""

from auth_service.adapters.memory.state import Memory, Tables, Write
from auth_service.domain.errors import Conflict
from auth_service.domain.ports.familiar import Acquaintance

MOST_PLACES = 50


class MemoryFamiliar:
    """Finds familiar places."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def look(self, user_id: int, place: str) -> Acquaintance:
        """Say how an account knows a place."""
        known = (await self._memory.read()).familiar.get(user_id, {})
        return Acquaintance(known.get(place, 0.0), bool(known))


class MemoryFamiliarChanges:
    """Collects changes of familiar places."""

    def __init__(self, writes: list[Write]) -> None:
        self._writes = writes

    def arrive(self, user_id: int, place: str, at: float, *, seen_at: float) -> None:
        """Date an arrival, if nobody else has meanwhile."""

        def write(tables: Tables) -> None:
            known = tables.familiar.get(user_id, {})
            if user_id not in tables.users or known.get(place, 0.0) != seen_at:
                raise Conflict
            latest = sorted({**known, place: at}.items(), key=lambda item: item[1])[-MOST_PLACES:]
            tables.familiar[user_id] = dict(latest)

        self._writes.append(write)

    def forget(self, user_id: int) -> None:
        """Forget all places of an account."""

        def write(tables: Tables) -> None:
            tables.familiar.pop(user_id, None)

        self._writes.append(write)
