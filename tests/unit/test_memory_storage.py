"""The memory adapters keep the contracts of storage and of the journal."""

import pytest

from auth_service.adapters.contracts.familiar import FamiliarContract
from auth_service.adapters.contracts.outbox import OutboxContract
from auth_service.adapters.contracts.records import Desk, RecordsContract
from auth_service.adapters.contracts.sessions import SessionsContract
from auth_service.adapters.contracts.store import Storage, StoreContract
from auth_service.adapters.contracts.users import UsersContract
from auth_service.adapters.memory.familiar import MemoryFamiliar
from auth_service.adapters.memory.outbox import MemoryOutbox
from auth_service.adapters.memory.sessions import MemoryAttendance, MemorySessions
from auth_service.adapters.memory.state import Memory
from auth_service.adapters.memory.store import MemoryStore
from auth_service.adapters.memory.surroundings import FixedClock, MemoryJournal
from auth_service.adapters.memory.users import MemoryUsers


class TestMemoryStorage(UsersContract, SessionsContract, FamiliarContract, OutboxContract, StoreContract):
    """Storage in memory."""

    @pytest.fixture
    def storage(self) -> Storage:
        """Give an empty memory."""
        memory, clock = Memory(), FixedClock()

        async def pass_time(seconds: float) -> None:
            clock.advance(seconds)

        return Storage(
            store=MemoryStore(memory, clock),
            users=MemoryUsers(memory),
            sessions=MemorySessions(memory),
            familiar=MemoryFamiliar(memory),
            outbox=MemoryOutbox(memory, clock),
            attendance=MemoryAttendance(memory),
            pass_time=pass_time,
        )


class TestMemoryRecords(RecordsContract):
    """A journal in memory."""

    @pytest.fixture
    def desk(self) -> Desk:
        journal = MemoryJournal()
        return Desk(journal=journal, records=journal)
