"""Where accounts are kept: a SQLite file or a PostgreSQL server, looked at, brought up to date and opened."""

import asyncio
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from sqlalchemy.exc import SQLAlchemyError

from auth_service.adapters.sql import schema
from auth_service.adapters.sql.database import Database
from auth_service.adapters.sql.postgres import PostgresDatabase
from auth_service.adapters.sql.sqlite import SqliteDatabase

_CONNECTS_WITHIN = 5.0


class Unusable(Exception):  # noqa: N818 - a sentence for the operator
    """The database cannot be used; the sentence says why and what would help."""


@dataclass(frozen=True, slots=True)
class SqlitePlace:
    """A file. It belongs to this service alone, so its schema is brought up to date without asking."""

    file: Path

    async def version(self) -> str | None:
        """Return the version of its schema, or None where there is none yet."""
        try:
            return schema.sqlite_version(self.file)
        except sqlite3.Error as error:
            sentence = f"The file {self.file} is no database of this service: {error}. Set DATABASE_URL."
            raise Unusable(sentence) from error

    async def upgrade(self) -> None:
        """Bring the schema up to date; a new file is readable by its owner only."""
        if _is_current(await self.version()):
            return
        if not self.file.parent.is_dir():
            sentence = f"The folder {self.file.parent} of the database does not exist. Make it, or set DATABASE_URL."
            raise Unusable(sentence)
        try:
            self.file.touch(mode=0o600, exist_ok=True)
            await schema.upgrade(f"sqlite+aiosqlite:///{self.file}")
        except (OSError, SQLAlchemyError) as error:
            raise Unusable(f"The database {self.file} cannot be written: {_first_line(error)}.") from error

    async def open(self) -> Database:
        """Open it, with its schema up to date."""
        await self.upgrade()
        try:
            return await SqliteDatabase.open(self.file)
        except (OSError, sqlite3.Error) as error:
            raise Unusable(f"The database {self.file} cannot be opened: {_first_line(error)}.") from error


@dataclass(frozen=True, slots=True)
class PostgresPlace:
    """A database on a server, where others may be at work too: its schema changes on the operator's word only."""

    url: str
    shown: str
    connections: int
    prepares: bool

    async def version(self) -> str | None:
        """Return the version of its schema, or None where there is none yet."""
        try:
            connection = await asyncpg.connect(self.url, timeout=_CONNECTS_WITHIN)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError, TimeoutError) as error:
            sentence = f"The database {self.shown} cannot be reached: {_first_line(error)}. Set DATABASE_URL."
            raise Unusable(sentence) from error
        try:
            found = await connection.fetchval(schema.VERSION_QUERY)
        except asyncpg.UndefinedTableError:
            return None
        finally:
            await connection.close()
        return None if found is None else str(found)

    async def upgrade(self) -> None:
        """Bring the schema up to date; of several that do so at once, one does and the others wait for it."""
        if _is_current(await self.version()):
            return
        try:
            await schema.upgrade(self.url)
        except (OSError, SQLAlchemyError, asyncpg.PostgresError) as error:
            raise Unusable(f"The database {self.shown} cannot be upgraded: {_first_line(error)}.") from error

    async def open(self) -> Database:
        """Open it, if its schema is the one this version needs."""
        if not _is_current(await self.version()):
            sentence = f"The database {self.shown} has no tables yet, or old ones. Run: auth-service database upgrade."
            raise Unusable(sentence)
        return PostgresDatabase(self.url, connections=self.connections, prepares=self.prepares)


def _is_current(version: str | None) -> bool:
    if version is not None and version > schema.HEAD:
        newer = f"The database has schema {version}, made by a newer version of this service"
        raise Unusable(f"{newer}; this one knows {schema.HEAD}.")
    return version == schema.HEAD


def _first_line(error: Exception) -> str:
    if isinstance(error, TimeoutError | asyncio.TimeoutError):
        return "it did not answer in time"
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return str(cause).partition("\n")[0].rstrip(".")
