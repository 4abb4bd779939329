"""A PostgreSQL database as one end of a copy."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy import ColumnElement, String, Table, collate, func, select
from sqlalchemy.dialects.postgresql import asyncpg as dialect
from sqlalchemy.sql import ClauseElement

from auth_service.adapters.sql.moving.ends import (
    PAGE,
    UNMARKING,
    Row,
    counter,
    highest_id,
    in_text,
    marking,
    rows_after,
)

_DIALECT = dialect.dialect()  # type: ignore[no-untyped-call]
# Any number, as long as nothing else in the database takes the same.
_ONE_COPY_AT_A_TIME = 7_267_002
_PATIENCE = "10s"
Connect = Callable[[], Awaitable[asyncpg.Connection]]


class PostgresEnd:
    """A database, by a connection of its own."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    @classmethod
    @asynccontextmanager
    async def reading(cls, connect: Connect) -> AsyncIterator["PostgresEnd"]:
        """Read a database as it is now, in one transaction that sees nothing later and locks nothing."""
        connection = await connect()
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                # A server may be told to end what takes long: this may.
                await connection.execute("SET LOCAL statement_timeout = 0")
                await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
                yield cls(connection)
        finally:
            await connection.close()

    @classmethod
    @asynccontextmanager
    async def writing(cls, connect: Connect) -> AsyncIterator["PostgresEnd"]:
        """Fill a database, and keep other copies away until that is done."""
        connection = await connect()
        try:
            await connection.execute("SET statement_timeout = 0")
            # A copy that was killed a moment ago may not have been noticed yet.
            await connection.execute(f"SET lock_timeout = '{_PATIENCE}'")
            await connection.execute(f"SELECT pg_advisory_lock({_ONE_COPY_AT_A_TIME})")
            yield cls(connection)
        finally:
            await connection.close()

    async def count(self, table: Table) -> int:
        """Count rows."""
        return int(await self._connection.fetchval(_text(select(func.count()).select_from(table))))

    async def pages(self, table: Table) -> AsyncGenerator[list[Row], None]:
        """Give rows in order of their bytes, whatever language the database sorts by."""
        async with self._connection.transaction():
            cursor = await self._connection.cursor(_text(select(table).order_by(*map(_by_bytes, table.primary_key))))
            while page := await cursor.fetch(PAGE):
                yield [tuple(row) for row in page]

    async def last_id(self, table: Table) -> int:
        """Look at the sequence, which outlives the rows it counted."""
        highest = int(await self._connection.fetchval(_text(highest_id(table))))
        sequence = await self._sequence(table)
        if sequence is None:
            return highest
        asked = f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}"  # noqa: S608 - quoted by the server
        given = await self._connection.fetchval(asked)
        return max(highest, int(given))

    async def mark(self, source: str) -> None:
        """Leave the mark."""
        async with self._connection.transaction():
            for each in marking(source):
                await self._connection.execute(_text(each))

    async def unmark(self) -> None:
        """Remove the mark; and tell the planner what there is now, so that nobody has to wait until it looks."""
        await self._connection.execute(_text(UNMARKING))
        await self._connection.execute("ANALYZE")

    async def put(self, table: Table, page: Sequence[Row]) -> None:
        """Add rows in one statement."""
        columns = [column.name for column in table.c]
        await self._connection.copy_records_to_table(table.name, records=page, columns=columns)

    async def cut(self, table: Table, after: Row | None) -> None:
        """Remove rows."""
        keys = [_by_bytes(column) for column in table.primary_key]
        await self._connection.execute(_text(rows_after(table, keys, after)))

    async def count_on(self, table: Table, last_id: int) -> None:
        """Set the sequence of a table that has one."""
        sequence = await self._sequence(table)
        if sequence is not None and last_id > 0:
            await self._connection.execute("SELECT setval($1::text::regclass, $2)", sequence, last_id)

    async def _sequence(self, table: Table) -> str | None:
        column = counter(table)
        if column is None:
            return None
        asked = "SELECT pg_get_serial_sequence($1, $2)"
        found: str | None = await self._connection.fetchval(asked, f'"{table.name}"', column.name)
        return found


def _by_bytes(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return collate(column, "C") if isinstance(column.type, String) else column


def _text(clause: ClauseElement) -> str:
    return in_text(clause, _DIALECT)
