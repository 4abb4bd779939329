"""Storage in SQL keeps the contracts of storage, and its schema is what the tables say."""

import asyncio
import os
import shutil
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest
from advanced_alchemy.alembic.commands import AlembicCommands
from alembic.script import ScriptDirectory

from auth_service.adapters.contracts.familiar import FamiliarContract
from auth_service.adapters.contracts.keys import KeysContract, key
from auth_service.adapters.contracts.outbox import OutboxContract
from auth_service.adapters.contracts.sessions import SessionsContract
from auth_service.adapters.contracts.store import Storage, StoreContract, newcomer
from auth_service.adapters.contracts.users import UsersContract
from auth_service.adapters.crypto.system import SystemChance
from auth_service.adapters.sql import schema, standing
from auth_service.adapters.sql.database import Database
from auth_service.adapters.sql.familiar import SqlFamiliar
from auth_service.adapters.sql.keys import SqlKeys
from auth_service.adapters.sql.outbox import SqlOutbox
from auth_service.adapters.sql.postgres import PostgresDatabase
from auth_service.adapters.sql.sessions import SqlAttendance, SqlSessions
from auth_service.adapters.sql.sqlite import SqliteDatabase, connect
from auth_service.adapters.sql.store import SqlStore
from auth_service.adapters.sql.upkeep import SqlUpkeep
from auth_service.adapters.sql.users import SqlUsers
from auth_service.domain.ports.familiar import Acquaintance


@pytest.fixture
async def database(empty_database: Path, tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    """Give an open database with nothing in it."""
    shutil.copy(empty_database, tmp_path / "auth.db")
    opened = await SqliteDatabase.open(tmp_path / "auth.db")
    yield opened
    await opened.close()


def on(database: Database, pass_time: Callable[[float], Awaitable[None]]) -> Storage:
    """Give the ports over a database."""
    outbox, attendance = SqlOutbox(database), SqlAttendance(database)
    return Storage(
        store=SqlStore(database, outbox, SystemChance(), "example.org"),
        users=SqlUsers(database),
        sessions=SqlSessions(database),
        familiar=SqlFamiliar(database),
        outbox=outbox,
        attendance=attendance,
        pass_time=pass_time,
        settle=attendance.write_down,
    )


def passing_in(file: Path) -> Callable[[float], Awaitable[None]]:
    """Return how time passes in a file: leases run by the database's own clock, so what is written must grow older."""

    async def pass_time(seconds: float) -> None:
        with closing(sqlite3.connect(file, timeout=30)) as connection, connection:
            connection.execute(
                "UPDATE outbox SET due_at = due_at - ?, leased_until = max(leased_until - ?, 0)", (seconds, seconds)
            )

    return pass_time


class TestSqliteStorage(UsersContract, SessionsContract, FamiliarContract, OutboxContract, StoreContract):
    """Storage in a SQLite file."""

    @pytest.fixture
    def storage(self, database: SqliteDatabase, tmp_path: Path) -> Storage:
        """Give an empty file."""
        return on(database, passing_in(tmp_path / "auth.db"))


class TestPostgresStorage(UsersContract, SessionsContract, FamiliarContract, OutboxContract, StoreContract):
    """Storage in a PostgreSQL database."""

    @pytest.fixture
    async def storage(self, postgres_url: str) -> AsyncIterator[Storage]:
        """Give an empty database."""
        administering = await asyncpg.connect(postgres_url)
        await administering.execute(
            "TRUNCATE users, sessions, revoked_tokens, outbox, attempts, familiar, chores RESTART IDENTITY"
        )

        async def pass_time(seconds: float) -> None:
            await administering.execute(
                "UPDATE outbox SET due_at = due_at - $1, leased_until = greatest(leased_until - $1, 0)", seconds
            )

        database = PostgresDatabase(postgres_url)
        yield on(database, pass_time)
        await database.close()
        await administering.close()


class TestSqliteKeys(KeysContract):
    """Signing keys in a SQLite file."""

    @pytest.fixture
    def keys(self, database: SqliteDatabase) -> SqlKeys:
        """Give an empty file."""
        return SqlKeys(database)

    async def test_what_has_run_out_is_swept(self, keys: SqlKeys, database: SqliteDatabase) -> None:
        stay = [key("one", "current"), key("two", "next"), key("three", "retired", good_until=4_102_444_800.0)]
        await keys.replace([], [*stay, key("four", "retired", good_until=1.0)])
        await SqlUpkeep(database, "me").sweep()
        assert {found.kid for found in await keys.all()} == {"one", "two", "three"}


class TestPostgresKeys(KeysContract):
    """Signing keys in a PostgreSQL database."""

    @pytest.fixture
    async def keys(self, postgres_url: str) -> AsyncIterator[SqlKeys]:
        """Give an empty table."""
        administering = await asyncpg.connect(postgres_url)
        await administering.execute("TRUNCATE signing_keys")
        database = PostgresDatabase(postgres_url)
        yield SqlKeys(database)
        await database.close()
        await administering.execute("TRUNCATE signing_keys")
        await administering.close()


class TestSqliteFile:
    """What is said of the file itself."""

    def test_it_is_for_its_owner_only_and_survives_a_power_cut(self, tmp_path: Path) -> None:
        path = tmp_path / "fresh.db"
        with closing(connect(path)) as connection:
            told = {
                name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")
            }
            assert told == {"journal_mode": "wal", "synchronous": 2}
            assert connection.execute("PRAGMA foreign_keys").fetchone()[0] == 1
        assert path.stat().st_mode & 0o777 == 0o600

    async def test_what_was_committed_is_there_after_opening_again(
        self, database: SqliteDatabase, tmp_path: Path
    ) -> None:
        storage = on(database, passing_in(tmp_path / "auth.db"))
        ann = await storage.add("ann")
        again = await SqliteDatabase.open(tmp_path / "auth.db")
        assert await SqlUsers(again).by_username("ANN") == ann
        await again.close()

    async def test_many_units_of_work_at_once_are_all_written(self, database: SqliteDatabase, tmp_path: Path) -> None:
        storage = on(database, passing_in(tmp_path / "auth.db"))

        async def add(number: int) -> int:
            work = storage.store.begin()
            work.users.add(newcomer(f"user{number}"))
            await work.commit()
            return work.new_user_id

        ids = await asyncio.gather(*(add(number) for number in range(200)))
        assert len(set(ids)) == 200
        assert len(await storage.users.page(limit=500)) == 200

    async def test_the_upkeep_forgets_places_that_nobody_was_at_for_long_and_no_other(
        self, database: SqliteDatabase, tmp_path: Path
    ) -> None:
        ann = await on(database, passing_in(tmp_path / "auth.db")).add()
        with closing(sqlite3.connect(tmp_path / "auth.db")) as connection, connection:
            connection.execute(
                "INSERT INTO familiar VALUES (:ann, 'old', 5.0, 6.0), (:ann, 'new', 5.0, 9e9)", {"ann": ann.id}
            )
        await SqlUpkeep(database, "me").sweep()
        assert await SqlFamiliar(database).look(ann.id, "old") == Acquaintance(0.0, knows_any=True)
        assert (await SqlFamiliar(database).look(ann.id, "new")).seen_at == 9e9


class TestSchema:
    """The steps lead where the tables are."""

    def test_the_newest_step_is_the_one_the_service_asks_for(self) -> None:
        scripts = Path(schema.__file__).parent / "migrations"
        assert ScriptDirectory(str(scripts)).get_current_head() == schema.HEAD

    async def test_mails_that_wait_outlive_the_way_to_lanes_and_back(
        self, empty_database: Path, tmp_path: Path
    ) -> None:
        path = tmp_path / "auth.db"
        shutil.copy(empty_database, path)
        commands = AlembicCommands(schema.engine_config(f"sqlite+aiosqlite:///{path}"))
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.executemany(
                "INSERT INTO outbox (state, message_id, kind, recipient, address, agent, at, due_at, leased_until,"
                " attempts, why) VALUES (?, ?, 'activation', 'ann@example.org', '', '', 0, 5.0, 0, 0, '')",
                [("waiting", "<1@x>"), ("superseded", "<2@x>"), ("dropped", "<3@x>"), ("dead", "<4@x>")],
            )
        await asyncio.to_thread(commands.downgrade, "0001")
        await asyncio.to_thread(commands.upgrade, "head")
        database = await SqliteDatabase.open(path)
        outbox = SqlOutbox(database)
        assert [kept.message_id for kept in await outbox.page()] == ["<1@x>", "<4@x>"]
        assert [queued.message_id for queued in await outbox.claim(limit=9, lease=30.0)] == ["<1@x>"]
        await database.close()

    async def test_two_that_start_together_make_one_schema(self, tmp_path: Path) -> None:
        command = [sys.executable, "-m", "auth_service", "database", "upgrade"]
        environment = {**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path / 'auth.db'}"}
        started = [await asyncio.create_subprocess_exec(*command, env=environment) for _ in range(2)]
        assert [await process.wait() for process in started] == [0, 0]
        assert standing.in_sqlite(tmp_path / "auth.db").version == schema.HEAD
