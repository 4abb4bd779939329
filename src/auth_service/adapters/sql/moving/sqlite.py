"""A SQLite file as one end of a copy."""

import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

from sqlalchemy import Table, func, insert, select
from sqlalchemy.dialects import sqlite
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

_DIALECT = sqlite.dialect()
_PATIENCE = 10.0


class SqliteEnd:
    """A file, by a connection of its own."""

    def __init__(self, connection: sqlite3.Connection, file: Path) -> None:
        self._connection = connection
        self._file = file

    @classmethod
    @asynccontextmanager
    async def reading(cls, file: Path) -> AsyncIterator["SqliteEnd"]:
        """Open a file to read it as it is now: one read transaction, which keeps no writer waiting."""
        address = f"{file.as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=_PATIENCE, isolation_level=None)) as connection:
            connection.execute("BEGIN")
            # The transaction begins at its first look, and not when it is told to.
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            yield cls(connection, file)

    @classmethod
    @asynccontextmanager
    async def writing(cls, file: Path) -> AsyncIterator["SqliteEnd"]:
        """Open a file to fill it, and keep everybody else out of it until that is done."""
        with closing(sqlite3.connect(file, timeout=_PATIENCE, isolation_level=None)) as connection:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("COMMIT")
            yield cls(connection, file)

    async def count(self, table: Table) -> int:
        """Count rows."""
        return self._number(select(func.count()).select_from(table))

    async def pages(self, table: Table) -> AsyncGenerator[list[Row], None]:
        """Give rows in order: SQLite compares text by its bytes, and keeps a bool as a number."""
        flags = [place for place, column in enumerate(table.c) if column.type.python_type is bool]
        cursor = self._connection.execute(_text(select(table).order_by(*table.primary_key)))
        while page := cursor.fetchmany(PAGE):
            yield [_with_flags(row, flags) for row in page] if flags else page

    async def last_id(self, table: Table) -> int:
        """Look at the counter, which outlives the rows it counted."""
        return max(self._number(highest_id(table)), self._counted(table) if _counts(table) else 0)

    async def mark(self, source: str) -> None:
        """Leave the mark."""
        with self._at_once():
            for each in marking(source):
                self._connection.execute(_text(each))

    async def unmark(self) -> None:
        """Remove the mark."""
        self._connection.execute(_text(UNMARKING))

    async def put(self, table: Table, page: Sequence[Row]) -> None:
        """Add rows in one transaction."""
        with self._at_once():
            self._connection.executemany(str(insert(table).compile(dialect=_DIALECT)), page)

    async def cut(self, table: Table, after: Row | None) -> None:
        """Remove rows."""
        self._connection.execute(_text(rows_after(table, list(table.primary_key), after)))

    async def count_on(self, table: Table, last_id: int) -> None:
        """Set the counter of a table that has one."""
        if not _counts(table):
            return
        with self._at_once():
            self._connection.execute("DELETE FROM sqlite_sequence WHERE name = ?", [table.name])
            self._connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", [table.name, last_id])

    def _counted(self, table: Table) -> int:
        row = self._connection.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", [table.name]).fetchone()
        return int(row[0]) if row else 0

    def _number(self, question: ClauseElement) -> int:
        return int(self._connection.execute(_text(question)).fetchone()[0])

    @contextmanager
    def _at_once(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")


def _counts(table: Table) -> bool:
    """Say whether a table remembers the ids it gave. Others give the highest id in use and one more."""
    return counter(table) is not None and bool(table.dialect_options["sqlite"]["autoincrement"])


def _with_flags(row: Row, flags: Sequence[int]) -> Row:
    values = list(row)
    for place in flags:
        if values[place] is not None:
            values[place] = bool(values[place])
    return tuple(values)


def _text(clause: ClauseElement) -> str:
    return in_text(clause, _DIALECT)
