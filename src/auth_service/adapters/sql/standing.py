"""How a database stands: whose tables it holds, of which version, and whether a copy into it was broken off."""

import errno
import os
import sqlite3
from collections.abc import Collection
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import asyncpg
from sqlalchemy import Column, MetaData, Table, Text, select

from auth_service.adapters.sql import schema
from auth_service.adapters.sql.rows import UserRow

# While this table is there, the database holds a part of a copy; what stands in it is where the copy came from. It
# comes and goes with the copy, and is no part of the schema.
UNFINISHED = Table("unfinished_copy", MetaData(), Column("source", Text, nullable=False))
_COPIED_FROM = str(select(UNFINISHED.c.source))
_TABLES_IN_SQLITE = """
    SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
"""
# A view or a foreign table takes a name as well as a table does.
_TABLES_IN_POSTGRES = """
    SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_table_is_visible(pg_class.oid)
    AND nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
"""
_SHOWN_TABLES = 3
# The part of an error code of SQLite that names its kind; the rest tells kinds of kinds apart.
_PRIMARY = 0xFF


class Unusable(Exception):  # noqa: N818 - a sentence for the operator
    """The database cannot be used; the sentence says why and what would help."""


class Standing(NamedTuple):
    """What was found in a database. No version and no tables of ours: there is nothing yet."""

    version: str | None = None
    tables: frozenset[str] = frozenset()
    copied_from: str | None = None


def in_sqlite(file: Path) -> Standing:
    """Look into a file; one that is not there is not made."""
    if not file.exists():
        return Standing()
    if file.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    try:
        return _looked_into(file, "ro")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & _PRIMARY != sqlite3.SQLITE_READONLY:
            raise
        # Whoever wrote last was killed in the middle: SQLite takes that back for whoever may write, and not before.
        return _looked_into(file, "rw")


def _looked_into(file: Path, mode: str) -> Standing:
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode={mode}", uri=True)) as connection:
        tables = frozenset(str(row[0]) for row in connection.execute(_TABLES_IN_SQLITE))
        version = from_where = None
        if schema.VERSION_TABLE in tables:
            version = connection.execute(schema.VERSION_QUERY).fetchone()
        if UNFINISHED.name in tables:
            from_where = connection.execute(_COPIED_FROM).fetchone()
    return Standing(_text(version), tables, _text(from_where))


async def in_postgres(connection: asyncpg.Connection) -> Standing:
    """Look into the schemas that a connection searches."""
    tables = frozenset(str(row[0]) for row in await connection.fetch(_TABLES_IN_POSTGRES))
    version = from_where = None
    if schema.VERSION_TABLE in tables:
        version = await connection.fetchrow(schema.VERSION_QUERY)
    if UNFINISHED.name in tables:
        from_where = await connection.fetchrow(_COPIED_FROM)
    return Standing(_text(version), tables, _text(from_where))


def must_be_ours(standing: Standing, shown: str, *, shared: bool) -> None:
    """Refuse the database of another program; in a `shared` one, tables of others may be, under other names."""
    if standing.version is not None:
        if standing.version not in schema.known():
            newer = f"has schema {standing.version}, made by a newer version of this service"
            raise Unusable(f"The database {shown} {newer}; this one knows {schema.HEAD}.")
        return
    # What is left when the last step was taken back.
    others = standing.tables - {schema.VERSION_TABLE, UNFINISHED.name}
    if shared:
        others &= UserRow.metadata.tables.keys()
    if others:
        raise Unusable(f"The database {shown} belongs to another program: {_holds(others)}. Set DATABASE_URL.")


def must_be_whole(standing: Standing, shown: str) -> None:
    """Refuse what a copy that was broken off has left."""
    if standing.copied_from is not None:
        half = f"The database {shown} holds only a part of {standing.copied_from}: the copy was broken off"
        raise Unusable(f"{half}. Run the same auth-service database copy again, and it goes on.")


def _holds(tables: Collection[str]) -> str:
    named = sorted(tables)[:_SHOWN_TABLES]
    more = " and others" if len(tables) > len(named) else ""
    return f"it holds {'a table' if len(tables) == 1 else 'the tables'} {', '.join(named)}{more}"


def _text(row: object) -> str | None:
    return None if row is None else str(row[0])  # type: ignore[index]
