"""The upkeep on both databases: what has run out goes, in turns and in batches, and the file grows no more."""

import asyncio
import hashlib
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text

from auth_service.adapters.contracts.store import newcomer, sign_in
from auth_service.adapters.crypto.system import SystemChance
from auth_service.adapters.sql import schema
from auth_service.adapters.sql.database import Database, Row
from auth_service.adapters.sql.outbox import SqlOutbox
from auth_service.adapters.sql.postgres import PostgresDatabase
from auth_service.adapters.sql.sqlite import SqliteDatabase
from auth_service.adapters.sql.statements import Statement, Write
from auth_service.adapters.sql.store import SqlStore
from auth_service.adapters.sql.upkeep import SqlUpkeep
from auth_service.adapters.sql.users import SqlUsers
from auth_service.domain.model import User

DAY = 86_400.0
ALL_TABLES = "users, familiar, sessions, revoked_tokens, outbox, attempts, chores"


@pytest.fixture
def file(empty_database: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(empty_database, tmp_path / "auth.db"))


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest) -> Path | str:
    """Return where an empty database of each kind is, made before any loop runs."""
    found: Path | str = request.getfixturevalue("file" if request.param == "sqlite" else "postgres_of_our_own")
    return found


@pytest.fixture(scope="module")
def postgres_of_our_own(new_postgres: Callable[[], str]) -> str:
    """Give a migrated PostgreSQL database: these tests put rows under ids that are not theirs to give elsewhere."""
    url = new_postgres()
    asyncio.run(schema.upgrade(url))
    return url


@pytest.fixture
async def database(place: Path | str) -> AsyncIterator[Database]:
    """Give an empty database."""
    opened: Database
    if isinstance(place, Path):
        opened = await SqliteDatabase.open(place)
    else:
        administering = await asyncpg.connect(place)
        await administering.execute(f"TRUNCATE {ALL_TABLES} RESTART IDENTITY")
        await administering.close()
        opened = PostgresDatabase(place)
    yield opened
    await opened.close()


async def run(database: Database, *changes: str) -> None:
    """Carry out statements; {now} stands for the database's clock."""
    await database.write([Write(Statement(text(_spelled(database, change))), {}) for change in changes])


async def rows(database: Database, query: str) -> list[Row]:
    return [tuple(row) for row in await database.rows(Statement(text(_spelled(database, query))), {})]


def _spelled(database: Database, sql: str) -> str:
    clock = (
        "((julianday('now') - 2440587.5) * 86400.0)"
        if isinstance(database, SqliteDatabase)
        else "extract(epoch from clock_timestamp())"
    )
    return sql.replace("{now}", clock)


def mail(number: int, state: str, *, done: str = "NULL", due: str = "{now}", at: str = "{now}", held: str = "0") -> str:
    """Spell how a mail is put into the table as it is."""
    columns = "id, message_id, kind, recipient, address, agent, at, why, attempts, state, done_at, due_at, scheduled_at"
    values = f"{number}, '', 'activation', '', '', '', 0, '', 1, '{state}', {done}, {due}, {at}"
    return f"INSERT INTO outbox ({columns}, leased_until) VALUES ({values}, {held})"


async def test_what_has_run_out_goes_and_what_is_still_good_stays(database: Database) -> None:
    user = await _ann(database)
    work = SqlStore(database, SqlOutbox(database), SystemChance(), "x").begin()
    for name, ends in {"over": 5.0, "good": 9e9, "endless": None}.items():
        work.sessions.open(sign_in(user, name, expires_at=ends, token_hash=name), stamp=user.stamp)
    await work.commit()
    await run(
        database,
        "INSERT INTO revoked_tokens VALUES ('over', 5.0), ('good', 9e9)",
        "INSERT INTO attempts (key, count, window_ends) VALUES ('over', 1, 5.0), ('good', 1, 9e9)",
        mail(1, "sent", done=f"{{now}} - {8 * DAY}"),
        mail(2, "sent", done=f"{{now}} - {6 * DAY}"),
        mail(3, "dead", done=f"{{now}} - {29 * DAY}"),
        mail(4, "dead", done=f"{{now}} - {31 * DAY}"),
        mail(5, "superseded", done=f"{{now}} - {8 * DAY}"),
        mail(6, "dropped", done=f"{{now}} - {8 * DAY}"),
        mail(7, "waiting", due=f"{{now}} - {99 * DAY}"),
    )
    assert not await SqlUpkeep(database, "me").sweep()
    assert await rows(database, "SELECT id FROM sessions ORDER BY id") == [("endless",), ("good",)]
    assert await rows(database, "SELECT id FROM revoked_tokens") == [("good",)]
    assert await rows(database, "SELECT key FROM attempts") == [("good",)]
    assert await rows(database, "SELECT id FROM outbox ORDER BY id") == [(2,), (3,), (7,)]


async def test_a_sweep_is_a_small_batch_and_says_whether_there_is_more(database: Database) -> None:
    await run(
        database,
        *(
            "INSERT INTO attempts (key, count, window_ends) VALUES (%s, 1, 5.0)".replace("%s", f"'{number}'")
            for number in range(450)
        ),
    )
    upkeep = SqlUpkeep(database, "me")
    assert [await upkeep.sweep() for _ in range(3)] == [True, True, False]
    assert await rows(database, "SELECT * FROM attempts") == []


async def test_one_process_at_a_time_sweeps_and_another_takes_over_when_it_has_died(database: Database) -> None:
    async def sweeps(upkeep: SqlUpkeep) -> bool:
        await run(
            database, "DELETE FROM attempts", "INSERT INTO attempts (key, count, window_ends) VALUES ('over', 1, 5.0)"
        )
        await upkeep.sweep()
        return await rows(database, "SELECT * FROM attempts") == []

    first, second = SqlUpkeep(database, "first"), SqlUpkeep(database, "second")
    assert await sweeps(first)
    assert not await sweeps(second)
    assert await sweeps(first)
    await run(database, "UPDATE chores SET held_until = held_until - 59")
    assert not await sweeps(second)
    await run(database, "UPDATE chores SET held_until = held_until - 2")
    assert await sweeps(second)
    assert not await sweeps(first)


async def test_where_nothing_has_run_out_nothing_is_written(database: Database) -> None:
    assert not await SqlUpkeep(database, "me").sweep()
    assert await rows(database, "SELECT * FROM chores") == []


async def test_of_many_that_begin_at_once_one_has_the_turn(database: Database) -> None:
    await run(database, "INSERT INTO attempts (key, count, window_ends) VALUES ('o', 1, 5.0)")
    await asyncio.gather(*(SqlUpkeep(database, str(number)).sweep() for number in range(8)))
    assert len(await rows(database, "SELECT * FROM chores")) == 1


async def test_a_turn_from_before_the_clock_was_set_back_is_not_waited_for(database: Database) -> None:
    over = "INSERT INTO attempts (key, count, window_ends) VALUES ('o', 1, 5.0)"
    await run(database, over)
    await SqlUpkeep(database, "first").sweep()
    await run(database, "UPDATE chores SET held_until = held_until + 3600", over)
    await SqlUpkeep(database, "second").sweep()
    assert await rows(database, "SELECT * FROM attempts") == []


async def test_a_schedule_from_before_the_clock_was_set_back_is_mended(database: Database) -> None:
    hour_ahead = "{now} + 3600"
    await run(
        database,
        mail(1, "waiting", due=hour_ahead, at=hour_ahead),  # put just before
        mail(2, "waiting", due="{now} + 3610", at=hour_ahead),  # failed just before
        mail(3, "waiting", due="{now} - 99", at=hour_ahead, held="{now} + 3630"),  # claimed just before
        mail(4, "waiting", due="{now} + 1800", at="{now} - 1800"),  # what is due later for a good reason
        mail(5, "waiting", due="{now} - 1", at="{now} - 1", held="{now} + 29"),  # what is held just now
    )
    outbox = SqlOutbox(database)
    assert await outbox.claim(limit=10, lease=30.0) == []
    await SqlUpkeep(database, "me").mend()
    assert [queued.id for queued in await outbox.claim(limit=10, lease=30.0)] == [1, 2]
    assert await rows(database, "SELECT id FROM outbox WHERE leased_until > {now} + 31") == []
    # Who held it may be sending it just now: it is free when a lease that begins now runs out.
    await run(database, "UPDATE outbox SET leased_until = leased_until - 30 WHERE id = 3")
    assert [queued.id for queued in await outbox.claim(limit=10, lease=30.0)] == [3]


async def test_a_file_that_was_signed_in_to_five_times_as_often_is_no_larger(file: Path) -> None:
    opened = await SqliteDatabase.open(file)
    user = await _ann(opened)
    store, upkeep = SqlStore(opened, SqlOutbox(opened), SystemChance(), "x"), SqlUpkeep(opened, "me")
    empty = _pages(file)
    sizes = []
    for first in range(0, 5_000, 250):
        work = store.begin()
        for number in range(first, first + 250):
            # They spread over the whole index, as the ids of real sessions do, and the same way in every run.
            name = hashlib.sha256(str(number).encode()).hexdigest()
            work.sessions.open(sign_in(user, name, expires_at=5.0, token_hash=name), stamp=user.stamp)
        await work.commit()
        while await upkeep.sweep():
            pass
        sizes.append(_pages(file))
    await opened.close()
    assert sizes[3] > empty
    assert sizes[-1] <= sizes[3] + 1, sizes


def _pages(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        assert connection.execute("SELECT count(*) FROM sessions").fetchone() == (0,)
    return int(pages)


async def _ann(database: Database) -> User:
    work = SqlStore(database, SqlOutbox(database), SystemChance(), "x").begin()
    work.users.add(newcomer())
    await work.commit()
    user = await SqlUsers(database).by_id(work.new_user_id)
    assert user is not None
    return user
