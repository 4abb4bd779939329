"""Opaque sessions that have run out: their limits are the operator's, and may be newer than the sessions."""

from dataclasses import dataclass

from sqlalchemy import bindparam, delete, literal_column, or_, select

from auth_service.adapters.sql.database import Database
from auth_service.adapters.sql.rows import SessionRow
from auth_service.adapters.sql.statements import Statement, Write, table
from auth_service.domain.lifetimes import oldest_opaque
from auth_service.domain.policy import Policy
from auth_service.domain.ports.surroundings import Clock

_BATCH = 500
_sessions = table(SessionRow)
_LAPSED = Statement(
    delete(_sessions).where(
        _sessions.c.id.in_(
            select(_sessions.c.id)
            .where(
                _sessions.c.kind == literal_column("'opaque'"),
                or_(_sessions.c.created_at <= bindparam("opened"), _sessions.c.last_seen_at <= bindparam("seen")),
            )
            .limit(bindparam("most"))
        )
    )
)


@dataclass(frozen=True, slots=True)
class SqlLapsed:
    """Removes them, in small batches. Where opaque tokens have no limit, there is nothing to look for."""

    database: Database
    policy: Policy
    clock: Clock

    async def sweep(self) -> None:
        """Remove a batch."""
        opened, seen = oldest_opaque(self.clock.now(), self.policy)
        if max(opened, seen) > 0:
            values = {"opened": opened, "seen": seen, "most": _BATCH}
            await self.database.write([Write(_LAPSED, values)])
