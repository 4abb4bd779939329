"""`auth-service database copy`: everything arrives, nothing twice, and a copy that is broken off goes on."""

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest
import structlog
from click.testing import CliRunner, Result

from auth_service.adapters.sql import standing
from auth_service.adapters.sql.moving import copying
from auth_service.adapters.sql.moving.ends import KINDS, PAGE
from auth_service.adapters.sql.place import PostgresPlace, SqlitePlace
from auth_service.adapters.sql.rows import UserRow
from auth_service.cli import main
from auth_service.setting_kinds import hide_credentials

from . import crowd

PEOPLE = 4 * PAGE + 17
HIGHEST_ID = PEOPLE + 5  # an account that was deleted since
Place = SqlitePlace | PostgresPlace


def run(*words: str, **environ: str) -> Result:
    done = CliRunner().invoke(main, words, env=environ, catch_exceptions=False)
    structlog.reset_defaults()
    return done


def copied(source: Place, target: Place) -> str:
    done = run("database", "copy", address(source), address(target))
    assert done.exit_code == 0, done.stderr
    return done.stdout


def address(place: Place) -> str:
    return place.url if isinstance(place, PostgresPlace) else place.shown


@pytest.fixture(scope="module")
def full_file(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a file with many accounts; the last of them has been deleted."""
    file = tmp_path_factory.mktemp("full") / "full.db"
    shutil.copy(empty_database, file)
    rows = {"users": crowd.users(HIGHEST_ID), "sessions": crowd.sessions(PEOPLE), "outbox": crowd.mails(50)}
    crowd.fill_sqlite(file, {**rows, "attempts": crowd.attempts(20)})
    connection = sqlite3.connect(file)
    with connection:
        connection.execute("DELETE FROM users WHERE id > ?", [PEOPLE])
    connection.close()
    return file


@pytest.fixture
def full(full_file: Path, tmp_path: Path) -> SqlitePlace:
    return SqlitePlace(Path(shutil.copy(full_file, tmp_path / "full.db")))


@pytest.fixture
def new_place(new_postgres: Callable[[], str], tmp_path: Path) -> Callable[[str], Place]:
    """Give what makes a place with nothing in it."""

    def make(kind: str) -> Place:
        if kind == "sqlite":
            return SqlitePlace(tmp_path / f"new{len(list(tmp_path.iterdir()))}.db")
        url = new_postgres()
        return PostgresPlace(url, hide_credentials(url))

    return make


@pytest.fixture
def source(request: pytest.FixtureRequest, full: SqlitePlace, new_place: Callable[[str], Place]) -> Place:
    """Give the crowd in the kind of database that a test asks for."""
    if request.param == "sqlite":
        return full
    place = new_place("postgresql")
    copied(full, place)
    return place


EVERY_WAY = pytest.mark.parametrize(
    ("source", "kind"),
    [("sqlite", "postgresql"), ("postgresql", "sqlite"), ("sqlite", "sqlite"), ("postgresql", "postgresql")],
    indirect=["source"],
)
BOTH_WAYS = pytest.mark.parametrize(
    ("source", "kind"), [("sqlite", "postgresql"), ("postgresql", "sqlite")], indirect=["source"]
)


def contents(place: Place) -> dict[str, list[tuple[object, ...]]]:
    """Return all that is in a place, without the means of the copy."""
    if isinstance(place, SqlitePlace):
        connection = sqlite3.connect(place.file)
        found = {name: connection.execute(f"SELECT {_columns(name)} FROM {name}").fetchall() for name in _tables()}
        connection.close()
    else:
        found = asyncio.run(_contents(place))
    return {name: sorted(rows, key=repr) for name, rows in found.items()}


async def _contents(place: PostgresPlace) -> dict[str, list[tuple[object, ...]]]:
    connection = await asyncpg.connect(place.url)
    found = {}
    for name in _tables():
        rows = await connection.fetch(f"SELECT {_columns(name)} FROM {name}")
        found[name] = [tuple(int(value) if isinstance(value, bool) else value for value in row) for row in rows]
    await connection.close()
    return found


def _tables() -> list[str]:
    return sorted(UserRow.metadata.tables)


def _columns(table: str) -> str:
    return ", ".join(crowd.columns(table))


def next_id(place: Place, table: str = "users") -> int:
    """Return the id that the next row gets."""
    values = "SELECT 'x', 'x', '', '', true, false, '', 0, '', 0, 0, 1"
    names = (
        "email, email_key, password_hash, state, email_confirmed, is_staff, stamp, created_at, used_link, signed_in_at,"
        " tokens_from, version"
    )
    insert = f"INSERT INTO {table} ({names}) {values} RETURNING id"
    if isinstance(place, SqlitePlace):
        connection = sqlite3.connect(place.file)
        (found,) = connection.execute(insert).fetchone()
        connection.close()
        return int(found)
    return asyncio.run(_fetch(place, insert))


async def _fetch(place: PostgresPlace, question: str) -> int:
    connection = await asyncpg.connect(place.url)
    try:
        return int(await connection.fetchval(question))
    finally:
        await connection.close()


@EVERY_WAY
def test_everything_arrives_and_no_id_is_given_twice(
    source: Place, kind: str, new_place: Callable[[str], Place]
) -> None:
    target = new_place(kind)
    said = copied(source, target)
    assert f"users: {PEOPLE} rows, alike on both sides" in said
    assert contents(target) == contents(source)
    assert next_id(target) == HIGHEST_ID + 1
    assert asyncio.run(target.standing()).copied_from is None
    if isinstance(target, SqlitePlace):
        assert target.file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_target_whose_tables_are_there_already_is_as_empty_as_any(
    kind: str, full: SqlitePlace, new_place: Callable[[str], Place]
) -> None:
    target = new_place(kind)
    asyncio.run(target.upgrade())
    copied(full, target)
    assert contents(target) == contents(full)


def test_every_column_there_is_comes_back_from_both_databases_as_it_was() -> None:
    others = {str(column) for table in copying.tables() for column in table.c if column.type.python_type not in KINDS}
    assert others == set(), "a copy would have to learn how each database keeps these"


@contextmanager
def copying_by_a_process(source: Place, target: Place) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "auth_service", "database", "copy", address(source), address(target)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)  # noqa: S603 - our own program
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_until_some_is_there(process: "subprocess.Popen[bytes]", target: Place) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if isinstance(target, SqlitePlace):
            if target.file.exists() and target.file.stat().st_size > 700_000:
                return
        elif asyncio.run(_users_so_far(target)):
            return
        time.sleep(0.002)
    pytest.fail(f"it was over too soon: {process.communicate()[1].decode()}")


async def _users_so_far(target: PostgresPlace) -> int:
    connection = await asyncpg.connect(target.url)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM users"))
    except asyncpg.UndefinedTableError:
        return 0
    finally:
        await connection.close()


@BOTH_WAYS
def test_a_copy_that_was_killed_is_not_served_and_goes_on_where_it_stopped(
    source: Place, kind: str, new_place: Callable[[str], Place]
) -> None:
    target = new_place(kind)
    with copying_by_a_process(source, target) as process:
        wait_until_some_is_there(process, target)
        process.kill()
    there = {"DATABASE_URL": address(target), "SECRET_KEY": "s" * 32, "JWT_ALGORITHM": "HS256"}
    for words in (("serve", "--port", "1"), ("users", "list"), ("database", "status"), ("database", "upgrade")):
        refused = run(*words, **there)
        assert refused.exit_code == 1
        assert "holds only a part of" in refused.stderr or "Cannot listen" in refused.stderr
        assert refused.stdout == ""
    said = copied(source, target)
    assert "of them copied before" in said
    assert contents(target) == contents(source)
    assert next_id(target) == HIGHEST_ID + 1


@BOTH_WAYS
def test_what_changed_before_a_copy_goes_on_is_copied_as_it_is_then(
    source: Place, kind: str, new_place: Callable[[str], Place]
) -> None:
    target = new_place(kind)
    copied(source, target)
    marked = "CREATE TABLE unfinished_copy (source text)", f"INSERT INTO unfinished_copy VALUES ('{source.shown}')"
    change(target, *marked)
    # The second page is another one now: the names of two people in different pages have been exchanged.
    one, other = PAGE + 3, 3 * PAGE
    change(
        source,
        f"UPDATE users SET username_key = 'x' WHERE id = {one}",
        f"UPDATE users SET username_key = 'ann{one}' WHERE id = {other}",
        f"UPDATE users SET username_key = 'ann{other}' WHERE id = {one}",
        f"DELETE FROM users WHERE id = {PEOPLE}",
        f"DELETE FROM sessions WHERE user_id = {PEOPLE}",
    )
    said = copied(source, target)
    assert f"users: {PEOPLE - 1} rows, {PAGE} of them copied before" in said
    assert contents(target) == contents(source)


def test_two_that_differ_at_the_end_are_told_apart(full: SqlitePlace, new_place: Callable[[str], Place]) -> None:
    target = new_place("postgresql")
    assert isinstance(target, PostgresPlace)
    asyncio.run(target.upgrade())
    # Somebody meddles with what arrives.
    change(
        target,
        "CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.email = 'm'; RETURN NEW; END $$",
        "CREATE TRIGGER meddle BEFORE INSERT ON users FOR EACH ROW WHEN (NEW.id = 7) EXECUTE FUNCTION meddle()",
    )
    done = run("database", "copy", address(full), address(target))
    assert done.exit_code == 1
    assert "After the copy, users differs" in done.stderr
    assert asyncio.run(target.standing()).copied_from == full.shown


def test_a_copy_is_of_the_instant_it_began(full: SqlitePlace, new_place: Callable[[str], Place]) -> None:
    target, before = new_place("sqlite"), contents(full)
    writing = sqlite3.connect(full.file)
    writing.execute("PRAGMA journal_mode = WAL")

    @contextmanager
    def meanwhile(_what: str, _rows: int) -> Iterator[Callable[[int], object]]:
        with writing:
            writing.execute("UPDATE users SET stamp = 'changed meanwhile'")
        yield lambda _: None

    asyncio.run(copying.copy(full, target, meanwhile))
    writing.close()
    assert contents(target) == before


def test_told_to_stop_it_says_that_it_can_go_on(full: SqlitePlace, new_place: Callable[[str], Place]) -> None:
    target = new_place("postgresql")
    with copying_by_a_process(full, target) as process:
        wait_until_some_is_there(process, target)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert said.decode().splitlines() == ["Error: The copy was broken off. Run it again, and it goes on."]


def test_somebody_else_cannot_use_a_file_while_it_is_filled(
    full: SqlitePlace, new_place: Callable[[str], Place]
) -> None:
    target = new_place("sqlite")
    assert isinstance(target, SqlitePlace)
    seen = []

    @contextmanager
    def meanwhile(_what: str, _rows: int) -> Iterator[Callable[[int], object]]:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            sqlite3.connect(target.file, timeout=0).execute("SELECT count(*) FROM users")
        seen.append(1)
        yield lambda _: None

    asyncio.run(copying.copy(full, target, meanwhile))
    assert len(seen) == 2 * len(_tables())


def test_on_a_terminal_there_is_a_bar(empty_database: Path, tmp_path: Path) -> None:
    script = shutil.which("script")
    if script is None:
        pytest.skip("script(1), which makes a terminal, is not installed")
    few = Path(shutil.copy(empty_database, tmp_path / "few.db"))
    crowd.fill_sqlite(few, {"users": crowd.users(3)})
    command = f"{sys.executable} -m auth_service database copy sqlite:///{few} sqlite:///{tmp_path}/bar.db"
    done = subprocess.run(  # noqa: S603 - our own program
        [script, "-qec", command, "/dev/null"], capture_output=True, text=True, check=True, env={**os.environ}
    )
    assert "users" in done.stdout
    assert "100%" in done.stdout


def change(place: Place, *statements: str) -> None:
    """Do something to a place behind the back of the copy."""
    if isinstance(place, SqlitePlace):
        connection = sqlite3.connect(place.file)
        for each in statements:
            connection.execute(each)
        connection.commit()
        connection.close()
        return

    async def execute() -> None:
        connection = await asyncpg.connect(place.url)
        for each in statements:
            await connection.execute(each)
        await connection.close()

    asyncio.run(execute())


def test_the_mark_is_no_part_of_the_schema() -> None:
    assert standing.UNFINISHED.name not in UserRow.metadata.tables
