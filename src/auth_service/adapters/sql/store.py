"""Units of work in SQL: collected here, written in one go."""

from dataclasses import dataclass, field

from auth_service.adapters.sql import mail_statements
from auth_service.adapters.sql.database import Database
from auth_service.adapters.sql.familiar import SqlFamiliarChanges
from auth_service.adapters.sql.outbox import SqlOutbox, SqlOutboxChanges
from auth_service.adapters.sql.sessions import SqlSessionChanges
from auth_service.adapters.sql.statements import Write
from auth_service.adapters.sql.users import SqlUserChanges
from auth_service.domain.ports.surroundings import Chance


@dataclass(slots=True)
class SqlUnitOfWork:
    """Writes that belong together."""

    _database: Database
    _outbox: SqlOutbox
    users: SqlUserChanges
    sessions: SqlSessionChanges
    familiar: SqlFamiliarChanges
    outbox: SqlOutboxChanges
    _writes: list[Write]
    new_user_id: int = field(default=0)

    async def commit(self) -> None:
        """Write everything or nothing; mails wake the postman only once they are stored."""
        rows = await self._database.write(self._writes)
        if rows:
            self.new_user_id = rows[0][0]
        if any(write.statement is mail_statements.PUT_MAIL for write in self._writes):
            self._outbox.wake()


@dataclass(frozen=True, slots=True)
class SqlStore:
    """Begins units of work."""

    database: Database
    outbox: SqlOutbox
    chance: Chance
    mail_host: str

    def begin(self) -> SqlUnitOfWork:
        """Return an empty unit of work."""
        writes: list[Write] = []
        return SqlUnitOfWork(
            self.database,
            self.outbox,
            SqlUserChanges(writes),
            SqlSessionChanges(writes),
            SqlFamiliarChanges(writes),
            SqlOutboxChanges(writes, self.chance, self.mail_host),
            writes,
        )
