"""Counting in SQL keeps the contract of throttles, over processes too, and keeps nothing that can be read."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.dialects import postgresql

from auth_service.adapters.contracts.throttle import Counting, ThrottleContract
from auth_service.adapters.sql import statements
from auth_service.adapters.sql.postgres import PostgresDatabase
from auth_service.adapters.sql.sqlite import SqliteDatabase
from auth_service.adapters.sql.statements import Statement
from auth_service.adapters.sql.throttle import SqlThrottle
from auth_service.adapters.sql.upkeep import SqlUpkeep
from auth_service.adapters.sql.upkeep_statements import SWEEPS
from auth_service.domain.errors import TooManyAttempts
from auth_service.domain.ports.throttle import Counter


@pytest.fixture
def file(empty_database: Path, tmp_path: Path) -> Path:
    """Give a database with nothing in it."""
    return Path(shutil.copy(empty_database, tmp_path / "auth.db"))


@pytest.fixture
async def database(file: Path) -> AsyncIterator[SqliteDatabase]:
    """Give that database, open."""
    opened = await SqliteDatabase.open(file)
    yield opened
    await opened.close()


def stored(file: Path) -> list[tuple[str, int, float]]:
    """Return what is kept, by key."""
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("SELECT key, count, window_ends FROM attempts ORDER BY key").fetchall()


class TestSqliteThrottle(ThrottleContract):
    """Counting in a SQLite file."""

    @pytest.fixture
    def counting(self, database: SqliteDatabase, file: Path) -> Counting:
        """Give one that has counted nothing."""

        async def pass_time(seconds: float) -> None:
            # Windows run by the database's own clock: for time to pass, what is written must grow older.
            with closing(sqlite3.connect(file, timeout=30)) as connection, connection:
                connection.execute(
                    "UPDATE attempts SET window_ends = window_ends - :s, free_at = free_at - :s", {"s": seconds}
                )

        return Counting(SqlThrottle(database), pass_time)


class TestPostgresThrottle(ThrottleContract):
    """Counting in a PostgreSQL database."""

    @pytest.fixture
    async def counting(self, postgres_url: str) -> AsyncIterator[Counting]:
        """Give one that has counted nothing."""
        administering = await asyncpg.connect(postgres_url)
        await administering.execute("TRUNCATE attempts")

        async def pass_time(seconds: float) -> None:
            await administering.execute(
                "UPDATE attempts SET window_ends = window_ends - $1, free_at = free_at - $1", seconds
            )

        database = PostgresDatabase(postgres_url)
        yield Counting(SqlThrottle(database), pass_time)
        await database.close()
        await administering.close()


class TestCounts:
    """What is kept in the database, and for how long."""

    async def test_two_processes_count_together(self, database: SqliteDatabase, file: Path) -> None:
        other = await SqliteDatabase.open(file)
        throttles = [SqlThrottle(database), SqlThrottle(other)]

        async def passes(number: int) -> bool:
            try:
                await throttles[number % 2].take([Counter("a", 10, 60.0), Counter("b", 100, 60.0)])
            except TooManyAttempts:
                return False
            return True

        passed = sum(await asyncio.gather(*(passes(number) for number in range(50))))
        await other.close()
        assert passed == 10
        assert sorted(count for _, count, _ in stored(file)) == [10, 10]

    async def test_who_tried_what_is_not_readable(self, database: SqliteDatabase, file: Path) -> None:
        await SqlThrottle(database).take([Counter("mail to recipient ann@example.org", 5, 60.0)])
        ((key, _, _),) = stored(file)
        assert len(key) == 32
        assert set(key) <= set("0123456789abcdef")

    async def test_the_upkeep_removes_all_windows_that_are_over_and_no_other(
        self, database: SqliteDatabase, file: Path
    ) -> None:
        with closing(sqlite3.connect(file)) as connection, connection:
            over = [(f"{number:032x}", 1, 5.0) for number in range(1_234)]
            connection.executemany(
                "INSERT INTO attempts (key, count, window_ends) VALUES (?, ?, ?)", [*over, ("f" * 32, 1, 9e9)]
            )
        upkeep = SqlUpkeep(database, "me")
        while await upkeep.sweep():
            pass
        assert stored(file) == [("f" * 32, 1, 9e9)]

    @pytest.mark.parametrize("statement", [statements.TAKE_ATTEMPT, statements.WAIT_FOR_ATTEMPT, *SWEEPS])
    def test_postgresql_can_be_asked_the_same(self, statement: Statement) -> None:
        text = str(statement.clause.compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
        assert "statement_timestamp()" in text
