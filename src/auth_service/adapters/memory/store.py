"""Units of work over memory."""

from auth_service.adapters.memory.familiar import MemoryFamiliarChanges
from auth_service.adapters.memory.outbox import MemoryOutboxChanges
from auth_service.adapters.memory.sessions import MemorySessionChanges
from auth_service.adapters.memory.state import Memory, Write
from auth_service.adapters.memory.users import MemoryUserChanges
from auth_service.domain.ports.surroundings import Clock


class MemoryUnitOfWork:
    """Writes that belong together: collected, then carried out at once."""

    def __init__(self, memory: Memory, clock: Clock) -> None:
        self._memory = memory
        self._writes: list[Write] = []
        self.users = MemoryUserChanges(self._writes)
        self.sessions = MemorySessionChanges(self._writes)
        self.familiar = MemoryFamiliarChanges(self._writes)
        self.outbox = MemoryOutboxChanges(self._writes, clock)
        self.new_user_id = 0

    async def commit(self) -> None:
        """Write everything or nothing."""
        await self._memory.write(self._writes)
        self.new_user_id = self.users.added_id


class MemoryStore:
    """Begins units of work."""

    def __init__(self, memory: Memory, clock: Clock) -> None:
        self._memory = memory
        self._clock = clock

    def begin(self) -> MemoryUnitOfWork:
        """Return an empty unit of work."""
        return MemoryUnitOfWork(self._memory, self._clock)
