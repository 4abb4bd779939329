"""SQLite: reads by key on the event loop, writes in one thread that lets many share a commit, the rest by aiosqlite.

A read by key takes 20 µs, less than one hop to a thread and back: so it is done in place, on a connection that can only
read and that in WAL mode never waits for the writer. What may be long goes through aiosqlite. A durable commit costs a
disk flush, whatever is in it: so units of work that wait together are committed together, each in a savepoint of its
own, and each told its own outcome.
"""

import asyncio
import logging
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import aiosqlite

from auth_service.adapters.sql.database import Row
from auth_service.adapters.sql.statements import Statement, Values, Write
from auth_service.domain.errors import AlreadyTaken, Busy, Conflict, Problem

_LOCK_PATIENCE_MS = 5_000
_SHARED_COMMIT = 64
_PATIENCE = f"PRAGMA busy_timeout = {_LOCK_PATIENCE_MS}"
_PRAGMAS = (
    "PRAGMA synchronous = FULL",  # an acknowledged write survives a power cut
    "PRAGMA foreign_keys = ON",
    _PATIENCE,
)
_UNIQUE = {"users.username_key": "username", "users.email_key": "email"}
_log = logging.getLogger(__name__)


class _Unit(NamedTuple):
    writes: Sequence[Write]
    answer: asyncio.Future[list[Row]]


class SqliteDatabase:
    """One SQLite file, for as long as the process serves."""

    def __init__(
        self, writing: sqlite3.Connection, reading: sqlite3.Connection, browsing: aiosqlite.Connection
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: queue.SimpleQueue[_Unit | None] = queue.SimpleQueue()
        self._writing = writing
        self._reading = reading
        self._browsing = browsing
        self._writer = threading.Thread(target=self._write_on, name="sqlite-writer", daemon=True)
        self._writer.start()

    @classmethod
    async def open(cls, path: Path) -> "SqliteDatabase":
        """Open a database whose schema is in place; the path is absolute."""
        writing = connect(path)
        read_only = f"{path.as_uri()}?mode=ro"
        reading = sqlite3.connect(read_only, uri=True, isolation_level=None)
        reading.execute(_PATIENCE)
        browsing = await aiosqlite.connect(read_only, uri=True, isolation_level=None)
        await browsing.execute(_PATIENCE)
        return cls(writing, reading, browsing)

    async def one(self, statement: Statement, values: Values) -> Row | None:
        """Read in place: no hop, no wait."""
        try:
            row: Row | None = self._reading.execute(statement.sqlite, statement.values(values)).fetchone()
        except sqlite3.OperationalError as error:
            raise _away(error) from error
        return row

    async def rows(self, statement: Statement, values: Values) -> Sequence[Row]:
        """Read off the loop, for there may be many."""
        try:
            return list(await self._browsing.execute_fetchall(statement.sqlite, statement.values(values)))
        except sqlite3.OperationalError as error:
            raise _away(error) from error

    async def write(self, writes: Sequence[Write]) -> Sequence[Row]:
        """Queue a unit of work for the writer and wait for its commit."""
        answer: asyncio.Future[list[Row]] = self._loop.create_future()
        self._waiting.put(_Unit(writes, answer))
        return await answer

    async def close(self) -> None:
        """Write what is queued, then close; the file is whole and alone when this returns."""
        self._waiting.put(None)
        await asyncio.to_thread(self._writer.join)
        await self._browsing.close()
        self._reading.close()
        self._writing.close()

    def _write_on(self) -> None:
        closing = False
        while not closing:
            units = [self._waiting.get()]
            with suppress(queue.Empty):
                while len(units) < _SHARED_COMMIT:
                    units.append(self._waiting.get_nowait())
            closing = None in units
            together = [unit for unit in units if unit is not None]
            if together:
                outcomes = self._commit(together)
                # A loop that has been closed has nobody left to answer.
                with suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(_answer, together, outcomes)

    def _commit(self, units: Sequence[_Unit]) -> list[list[Row] | Exception]:
        outcomes: list[list[Row] | Exception] = []
        try:
            self._writing.execute("BEGIN IMMEDIATE")
            for unit in units:
                self._writing.execute("SAVEPOINT unit")
                outcome = self._apply(unit.writes)
                if isinstance(outcome, Exception):
                    self._writing.execute("ROLLBACK TO unit")
                self._writing.execute("RELEASE unit")
                outcomes.append(outcome)
            self._writing.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - whatever it is, everybody who waits is told, and the thread lives
            # A full disk or a lock that was not given up in time: nothing of it was written, for nobody.
            with suppress(sqlite3.Error):
                self._writing.execute("ROLLBACK")
            return [_away(error) if isinstance(error, sqlite3.OperationalError) else error] * len(units)
        return outcomes

    def _apply(self, writes: Sequence[Write]) -> list[Row] | Exception:
        rows: list[Row] = []
        try:
            for write in writes:
                cursor = self._writing.execute(write.statement.sqlite, write.statement.values(write.values))
                rows.extend(cursor.fetchall())
                if write.must_hit and cursor.rowcount == 0:
                    return Conflict()
        except sqlite3.IntegrityError as error:
            return refusal(str(error))
        except sqlite3.OperationalError:
            raise  # the database itself, not this unit: nothing of the whole commit can be written
        except Exception as error:  # noqa: BLE001 - a value no statement takes fails its own unit and no other
            return error
        return rows


def connect(path: Path) -> sqlite3.Connection:
    """Open the file for writing, set up as this service needs it; a new one is readable by its owner only."""
    # SQLite would open a file that may only be read without a word, and refuse the first write.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    _switch_to_wal(connection)
    return connection


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Set the journal of a file for good. Of processes that start together, all but one find it locked for a moment.

    The busy timeout does not help here: SQLite sees that they would wait for each other, and does not let them wait.
    """
    gives_up_at = time.monotonic() + _LOCK_PATIENCE_MS / 1_000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            # What cannot be written at all will not become so by waiting.
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > gives_up_at:
                raise
            time.sleep(0.02)
        else:
            return


def refusal(message: str) -> Exception:
    """Return what a broken constraint means to the domain."""
    taken = [field for column, field in _UNIQUE.items() if column in message]
    return AlreadyTaken([Problem(field, "taken") for field in taken]) if taken else Conflict(message)


def _away(error: sqlite3.Error) -> Exception:
    _log.error("The database did not answer: %s", error)
    return Busy(1.0)


def _answer(units: Sequence[_Unit], outcomes: Sequence[list[Row] | Exception]) -> None:
    for unit, outcome in zip(units, outcomes, strict=True):
        if unit.answer.done():
            continue  # the request was cut off; what it asked for is written all the same
        if isinstance(outcome, Exception):
            unit.answer.set_exception(outcome)
        else:
            unit.answer.set_result(outcome)
