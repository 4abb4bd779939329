"""Where accounts are kept: a SQLite file or a PostgreSQL server, looked at, brought up to date and opened."""

import asyncio
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from sqlalchemy.exc import SQLAlchemyError

from auth_service.adapters.sql import schema, standing
from auth_service.adapters.sql.database import Database
from auth_service.adapters.sql.postgres import PostgresDatabase
from auth_service.adapters.sql.sqlite import SqliteDatabase
from auth_service.adapters.sql.standing import Standing, Unusable

_CONNECTS_WITHIN = 5.0


@dataclass(frozen=True, slots=True)
class SqlitePlace:
    """A file. It belongs to this service alone, so its schema is brought up to date without asking."""

    file: Path

    @property
    def shown(self) -> str:
        """What it is called on a screen."""
        return f"sqlite:///{self.file}"

    async def standing(self) -> Standing:
        """Say what is in it; refuse what is not this service's."""
        try:
            found = standing.in_sqlite(self.file)
        except (OSError, sqlite3.Error) as error:
            sentence = f"The file {self.file} is no database of this service: {first_line(error)}. Set DATABASE_URL."
            raise Unusable(sentence) from error
        standing.must_be_ours(found, self.shown, shared=False)
        return found

    async def itself(self) -> tuple[object, ...]:
        """Return what no other database has: two addresses may lead to this one."""
        if not self.file.exists():
            return ()
        status = self.file.stat()
        return (status.st_dev, status.st_ino)

    async def version(self) -> str | None:
        """Return the version of its schema, or None where there is none yet."""
        found = await self.standing()
        standing.must_be_whole(found, self.shown)
        return found.version

    async def upgrade(self, *, half: bool = False) -> None:
        """Bring the schema up to date; a new file is readable by its owner only. Does so for a `half` copy if told."""
        found = await self.standing()
        if not half:
            standing.must_be_whole(found, self.shown)
        if found.version == schema.HEAD:
            return
        if not self.file.parent.is_dir():
            sentence = f"The folder {self.file.parent} of the database does not exist. Make it, or set DATABASE_URL."
            raise Unusable(sentence)
        is_new = not self.file.exists()
        try:
            self.file.touch(mode=0o600, exist_ok=True)
            await schema.upgrade(f"sqlite+aiosqlite:///{self.file}")
        except (OSError, SQLAlchemyError) as error:
            if is_new:
                _remove_empty(self.file)
            raise Unusable(f"The database {self.file} cannot be written: {first_line(error)}.") from error

    async def open(self) -> Database:
        """Open it, with its schema up to date."""
        if self.file.exists() and not os.access(self.file, os.W_OK):
            # Even a look would leave files beside it that can only be read, too, and in the way when that is mended.
            raise Unusable(f"The database {self.file} cannot be written: Permission denied.")
        await self.upgrade()
        try:
            self._try_to_write()
            return await SqliteDatabase.open(self.file)
        except (OSError, sqlite3.Error) as error:
            raise Unusable(f"The database {self.file} cannot be written: {first_line(error)}.") from error

    def _try_to_write(self) -> None:
        """Find out at the start, and not at the first registration, that a file can only be read."""
        with closing(sqlite3.connect(self.file, timeout=_CONNECTS_WITHIN, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")


@dataclass(frozen=True, slots=True)
class PostgresPlace:
    """A database on a server, where others may be at work too: its schema changes on the operator's word only."""

    url: str
    shown: str
    connections: int = 1
    prepares: bool = True

    async def connect(self) -> asyncpg.Connection:
        """Open a connection of one's own, outside those that requests share."""
        try:
            return await asyncpg.connect(self.url, timeout=_CONNECTS_WITHIN, statement_cache_size=0)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError, TimeoutError) as error:
            sentence = f"The database {self.shown} cannot be reached: {first_line(error)}. Set DATABASE_URL."
            raise Unusable(sentence) from error

    async def standing(self) -> Standing:
        """Say what is in it; refuse what is not this service's."""
        connection = await self.connect()
        try:
            found = await standing.in_postgres(connection)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            sentence = f"The database {self.shown} is none of this service: {first_line(error)}. Set DATABASE_URL."
            raise Unusable(sentence) from error
        finally:
            await connection.close()
        standing.must_be_ours(found, self.shown, shared=True)
        return found

    async def itself(self) -> tuple[object, ...]:
        """Return what no other database has: two addresses may lead to this one."""
        connection = await self.connect()
        try:
            # The instant the server was started tells it from any other.
            asked = "SELECT pg_postmaster_start_time(), current_database(), current_schema()"
            return tuple(await connection.fetchrow(asked))
        finally:
            await connection.close()

    async def version(self) -> str | None:
        """Return the version of its schema, or None where there is none yet."""
        found = await self.standing()
        standing.must_be_whole(found, self.shown)
        return found.version

    async def upgrade(self, *, half: bool = False) -> None:
        """Bring the schema up to date; of several that do so at once, one does and the others wait for it."""
        found = await self.standing()
        if not half:
            standing.must_be_whole(found, self.shown)
        if found.version == schema.HEAD:
            return
        try:
            await schema.upgrade(self.url)
        except (OSError, SQLAlchemyError, asyncpg.PostgresError) as error:
            raise Unusable(f"The database {self.shown} cannot be upgraded: {first_line(error)}.") from error

    async def open(self) -> Database:
        """Open it, if its schema is the one this version needs."""
        if await self.version() != schema.HEAD:
            sentence = f"The database {self.shown} has no tables yet, or old ones. Run: auth-service database upgrade."
            raise Unusable(sentence)
        return PostgresDatabase(self.url, connections=self.connections, prepares=self.prepares)


def first_line(error: BaseException) -> str:
    """Return what a driver says went wrong, as the rest of a sentence."""
    if isinstance(error, TimeoutError | asyncio.TimeoutError):
        return "it did not answer in time"
    cause = getattr(error, "orig", None) or error
    if isinstance(cause.__cause__, asyncpg.PostgresError):
        cause = cause.__cause__  # SQLAlchemy puts the name of the class before the sentence
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return str(cause).partition("\n")[0].rstrip(".")


def _remove_empty(file: Path) -> None:
    """Leave nothing behind where nothing could be written."""
    if file.exists() and not file.stat().st_size:
        file.unlink()
