"""The steps of the schema, on data: up, down and up again, by several at once, and killed in the middle."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from advanced_alchemy.alembic.commands import AlembicCommands
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, Table, insert, inspect, select, text

from auth_service.adapters.sql import schema
from auth_service.adapters.sql.place import PostgresPlace, SqlitePlace
from auth_service.adapters.sql.rows import UserRow

SCRIPTS = ScriptDirectory(str(Path(schema.__file__).parent / "migrations"))
STEPS = [step.revision for step in reversed(list(SCRIPTS.walk_revisions()))]
ROWS = 3
Rows = dict[str, list[dict[str, Any]]]


class Migrated:
    """A database and its steps, taken one by one."""

    def __init__(self, url: str) -> None:
        self.url = url

    def up(self, step: str) -> None:
        AlembicCommands(schema.engine_config(self.url)).upgrade(step)

    def down(self, step: str) -> None:
        AlembicCommands(schema.engine_config(self.url)).downgrade(step)

    def do(self, work: Callable[[Connection], Any]) -> Any:  # noqa: ANN401 - whatever the work gives
        """Do something on a connection."""

        async def done() -> Any:  # noqa: ANN401 - the same
            engine = schema.engine_config(self.url).get_engine()
            async with engine.begin() as connection:
                found = await connection.run_sync(work)
            await engine.dispose()
            return found

        return asyncio.run(done())


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Migrated:
    """Give a database with nothing in it."""
    if request.param == "sqlite":
        return Migrated(f"sqlite+aiosqlite:///{tmp_path / 'auth.db'}")
    return Migrated(request.getfixturevalue("new_postgres")())


def fill(connection: Connection) -> Rows:
    """Put rows into every table there is at this step that has none yet, whatever its columns; return all rows."""
    for table in _tables(connection):
        if not connection.execute(select(table)).first():
            for number in range(1, ROWS + 1):
                connection.execute(insert(table).values({column.name: _value(column, number) for column in table.c}))
    return read(connection)


def read(connection: Connection) -> Rows:
    """Return all rows of all tables."""
    return {
        table.name: [dict(row._mapping) for row in connection.execute(select(table).order_by(*table.primary_key))]
        for table in _tables(connection)
    }


def _tables(connection: Connection) -> list[Table]:
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != schema.VERSION_TABLE]


def _value(column: Any, number: int) -> object:  # noqa: ANN401 - a column of a table as it was found
    kind = column.type.python_type
    if kind is bool:
        return number % 2 == 0
    return {int: number, float: number * 1.5, str: f"é{number}", bytes: bytes([number])}[kind]


def kept(before: Rows, after: Rows) -> Rows:
    """Return what was there before, as far as tables and columns are still there after."""
    return {
        table: [{name: value for name, value in row.items() if name in after[table][0]} for row in rows]
        for table, rows in before.items()
        if after.get(table)
    }


@pytest.mark.parametrize("step", STEPS)
def test_what_was_there_before_a_step_is_there_after_it_and_after_taking_it_back(step: str, empty: Migrated) -> None:
    below = SCRIPTS.get_revision(step).down_revision
    if below is not None:
        empty.up(str(below))
    before = empty.do(fill)
    empty.up(step)
    after = empty.do(read)
    assert kept(after, {table: rows for table, rows in before.items() if rows}) == before
    filled = empty.do(fill)
    empty.down(str(below or "base"))
    back = empty.do(read)
    assert kept(back, filled) == kept(filled, back)
    assert {table: len(rows) for table, rows in back.items()} == {table: len(filled[table]) for table in back}
    assert all(back.values())
    empty.up(step)
    again = empty.do(read)
    assert kept(again, {table: rows for table, rows in back.items() if rows}) == back


def test_all_the_way_up_down_and_up_again_leaves_the_schema_that_the_service_asks_for(empty: Migrated) -> None:
    empty.up("head")
    new = empty.do(described)
    empty.do(fill)
    empty.down("base")
    assert empty.do(read) == {}
    empty.up("head")
    assert empty.do(described) == new


def described(connection: Connection) -> dict[str, Any]:
    """Return what the database itself says of its tables: columns, keys, constraints and indexes."""
    looked_at = inspect(connection)
    found = {}
    for table in sorted(set(looked_at.get_table_names()) - {schema.VERSION_TABLE}):
        columns = [
            (each["name"], str(each["type"]), each["nullable"], str(each.get("default")))
            for each in looked_at.get_columns(table)
        ]
        found[table] = {
            "columns": columns,
            "key": looked_at.get_pk_constraint(table)["constrained_columns"],
            "unique": sorted((each["name"], each["column_names"]) for each in looked_at.get_unique_constraints(table)),
            "foreign": sorted(
                (each["constrained_columns"], each["referred_table"], each["options"].get("ondelete"))
                for each in looked_at.get_foreign_keys(table)
            ),
            "indexes": sorted(_indexes(connection, table)),
        }
    return found


def _indexes(connection: Connection, table: str) -> Iterator[str]:
    """Give the indexes as the database would make them again, conditions and all."""
    asked = (
        "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = :table"
        if connection.dialect.name == "sqlite"
        else "SELECT indexdef FROM pg_indexes WHERE tablename = :table"
    )
    return (str(row[0]) for row in connection.execute(text(asked), {"table": table}))


def test_steps_and_tables_say_the_same(empty: Migrated, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    empty.up("head")

    def differences(connection: Connection) -> list[Any]:
        options = {"version_table": schema.VERSION_TABLE, "compare_type": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), UserRow.metadata))

    assert empty.do(differences) == []
    # What a comparison by Alembic does not look at: the same tables, made without any steps.
    is_file = empty.url.startswith("sqlite")
    other = f"sqlite+aiosqlite:///{tmp_path / 'other.db'}" if is_file else request.getfixturevalue("new_postgres")()
    made = Migrated(other)
    made.do(UserRow.metadata.create_all)
    assert empty.do(described) == made.do(described)


def test_the_newest_step_is_the_one_the_service_asks_for() -> None:
    assert SCRIPTS.get_current_head() == schema.HEAD
    assert schema.known() == set(STEPS)


async def test_four_that_upgrade_an_empty_server_at_once_make_one_schema(new_postgres_url: str) -> None:
    command = [sys.executable, "-m", "auth_service", "database", "upgrade"]
    environment = {**os.environ, "DATABASE_URL": new_postgres_url, "SECRET_KEY": "s" * 32}
    started = [
        await asyncio.create_subprocess_exec(
            *command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        for _ in range(4)
    ]
    said = [(await process.communicate())[0].decode() for process in started]
    assert [process.returncode for process in started] == [0] * 4, said
    assert (await PostgresPlace(new_postgres_url, "it").standing()).version == schema.HEAD


@pytest.fixture
def new_postgres_url(new_postgres: Callable[[], str]) -> str:
    """Give a database that is made before the loop of a test runs."""
    return new_postgres()


# Stops for good in the middle of the first step that makes an index: some tables are there by then.
_HALF_WAY = """
import sys, time
from alembic import op
from auth_service.cli import main
def stop(*_, **__):
    print("half way", flush=True)
    time.sleep(600)
op.create_index = stop
main(["database", "upgrade"])
"""


def test_an_upgrade_that_is_killed_leaves_what_was_there(empty: Migrated) -> None:
    place = (
        SqlitePlace(Path(empty.url.partition(":///")[2]))
        if empty.url.startswith("sqlite")
        else PostgresPlace(empty.url, "it")
    )
    address = f"sqlite:///{place.file}" if isinstance(place, SqlitePlace) else place.url
    environment = {**os.environ, "DATABASE_URL": address, "SECRET_KEY": "s" * 32}
    process = subprocess.Popen([sys.executable, "-c", _HALF_WAY], env=environment, stdout=subprocess.PIPE)  # noqa: S603 - our own
    assert process.stdout
    assert process.stdout.readline() == b"half way\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert asyncio.run(place.standing()).tables == frozenset()
    asyncio.run(place.upgrade())
    assert asyncio.run(place.standing()).version == schema.HEAD
