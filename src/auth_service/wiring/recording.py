"""Outcomes of these settings' core, written into their journal; what is noted last is written when it is left."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from auth_service.adapters.crypto.system import SystemClock
from auth_service.adapters.sql.chain import Chain
from auth_service.adapters.sql.database import Database
from auth_service.adapters.sql.journal import SqlJournal
from auth_service.adapters.sql.sessions import SqlAttendance
from auth_service.domain.errors import Busy


@asynccontextmanager
async def recording(database: Database, secret: str) -> AsyncIterator[SqlJournal]:
    """Give the journal; what is noted last is written when this is left."""
    journal = SqlJournal(database, SystemClock(), Chain.keyed_by(secret))
    try:
        yield journal
    finally:
        await write_down_at_last(journal)


async def write_down_at_last(notes: SqlAttendance | SqlJournal) -> None:
    """Write down what is left when a service ends."""
    # Neither is worth a failed stop, where the database has gone first: outcomes stand in the log, too.
    with suppress(Busy):
        await notes.write_down()
