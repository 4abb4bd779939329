"""PostgreSQL, by asyncpg: kept connections, statements prepared once on each, one transaction for each unit of work.

The statements are SQLAlchemy's, compiled to text once. A pool of the library's own would ask the server to reset the
connection after every use; ours leave nothing behind that would need it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache

import asyncpg
from sqlalchemy.dialects.postgresql import asyncpg as dialect
from sqlalchemy.sql.compiler import SQLCompiler

from auth_service.adapters.sql.database import Row
from auth_service.adapters.sql.statements import Statement, Values, Write
from auth_service.domain.errors import AlreadyTaken, Busy, Conflict, Problem

_UNIQUE = {"uq_users_username_key": "username", "uq_users_email_key": "email"}
_ANSWERS_WITHIN = 5.0
_CONNECTS_WITHIN = 3.0
_FREE_WITHIN = 1.0
# What says that the database, and not the statement, is the trouble.
_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InterfaceError,
    # Its farewell has arrived and the end of the connection has not: the driver takes it for an answer to nothing.
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
_DIALECT = dialect.dialect()  # type: ignore[no-untyped-call]
_log = logging.getLogger(__name__)


class _Text:
    """A statement as asyncpg takes it: text with numbered places, and whose values go there."""

    def __init__(self, statement: Statement) -> None:
        compiled = statement.clause.compile(dialect=_DIALECT)
        assert isinstance(compiled, SQLCompiler)  # noqa: S101 - what a statement compiles to
        self.text = str(compiled)
        self.returns = " RETURNING " in self.text
        self._names = tuple(compiled.positiontup or ())
        self._constants = {name: value for name, value in (compiled.params or {}).items() if value is not None}

    def arguments(self, values: Values) -> list[object]:
        """Return the values in the order of their places."""
        return [values[name] if name in values else self._constants[name] for name in self._names]


@cache
def _text(statement: Statement) -> _Text:
    return _Text(statement)


class PostgresDatabase:
    """A PostgreSQL database, for as long as the process serves; connections come and go, the database may too."""

    def __init__(self, url: str, *, connections: int = 10, prepares: bool = True) -> None:
        self._url = url
        # A pooler between us that hands out connections by transaction (PgBouncer) keeps no prepared statements.
        self._prepared = 256 if prepares else 0
        self._free: asyncio.LifoQueue[asyncpg.Connection | None] = asyncio.LifoQueue()
        for _ in range(connections):
            self._free.put_nowait(None)
        self._connections = connections

    async def one(self, statement: Statement, values: Values) -> Row | None:
        """Read one row in one round trip."""
        text = _text(statement)
        async with self._connection() as connection:
            row: Row | None = await connection.fetchrow(text.text, *text.arguments(values))
        return row

    async def rows(self, statement: Statement, values: Values) -> Sequence[Row]:
        """Read all rows."""
        text = _text(statement)
        async with self._connection() as connection:
            found: list[Row] = await connection.fetch(text.text, *text.arguments(values))
        return found

    async def write(self, writes: Sequence[Write]) -> Sequence[Row]:
        """Carry out a unit of work in a transaction of its own."""
        rows: list[Row] = []
        async with self._connection() as connection, connection.transaction():
            for write in writes:
                text = _text(write.statement)
                if text.returns:
                    found = await connection.fetch(text.text, *text.arguments(write.values))
                    rows.extend(found)
                    hit = bool(found)
                else:
                    # "UPDATE 1", "INSERT 0 1": the count stands last.
                    hit = not (await connection.execute(text.text, *text.arguments(write.values))).endswith(" 0")
                if write.must_hit and not hit:
                    raise Conflict
        return rows

    async def close(self) -> None:
        """Close every connection; whoever holds one gives it back first."""
        for _ in range(self._connections):
            connection = await self._free.get()
            if connection is None:
                continue
            try:
                await connection.close(timeout=_ANSWERS_WITHIN)
            except (asyncpg.PostgresError, *_AWAY):
                # The server went first; there is nobody left to say goodbye to.
                connection.terminate()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection, and say in the domain's words what went wrong while it was lent."""
        try:
            async with asyncio.timeout(_FREE_WITHIN):
                held = await self._free.get()
        except TimeoutError:
            raise Busy(1.0) from None
        try:
            if held is None or held.is_closed():
                held = await self._connect()
            yield held
        except asyncpg.UniqueViolationError as error:
            field = _UNIQUE.get(error.constraint_name or "")
            raise (AlreadyTaken([Problem(field, "taken")]) if field else Conflict()) from error
        except (asyncpg.ForeignKeyViolationError, asyncpg.DeadlockDetectedError) as error:
            raise Conflict from error
        except _AWAY as error:
            if isinstance(error, asyncpg.DataError):
                raise  # a value that fits no column: a mistake here, not an absence there
            if held is not None:
                held.terminate()
            raise _away(error) from error
        finally:
            self._free.put_nowait(held)

    async def _connect(self) -> asyncpg.Connection:
        try:
            return await asyncpg.connect(
                self._url,
                timeout=_CONNECTS_WITHIN,
                command_timeout=_ANSWERS_WITHIN,
                statement_cache_size=self._prepared,
            )
        except (asyncpg.PostgresError, *_AWAY) as error:
            # Too many connections, a password that is no longer good, a database that is gone: it may be back soon.
            raise _away(error) from error


def _away(error: BaseException) -> Busy:
    _log.error("The database does not answer: %s", error or type(error).__name__)
    return Busy(1.0)
