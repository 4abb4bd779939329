"""A database that cannot be used is told in one sentence, with an exit code, and nothing is written."""

import asyncio
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest
import structlog
from click.testing import CliRunner, Result

from auth_service.adapters.sql import schema
from auth_service.cli import main
from auth_service.settings import Settings

from . import crowd
from .conformance.running import free_port

SECRET = {"SECRET_KEY": "a secret of more than thirty-two bytes", "JWT_ALGORITHM": "HS256"}
USES = ["serve", "status", "upgrade", "backup", "copy from it", "copy into it", "users"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Work in an empty folder, with nothing set."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for name in Settings.__struct_fields__:
        monkeypatch.delenv(name.upper(), raising=False)
    yield tmp_path / "here"
    structlog.reset_defaults()


@pytest.fixture
def good(empty_database: Path, folder: Path) -> Path:
    """Give a database of this service, with somebody in it."""
    file = Path(shutil.copy(empty_database, folder / "good.db"))
    crowd.fill_sqlite(file, {"users": crowd.users(3)})
    return file


def words_for(use: str, url: str) -> list[str]:
    return {
        "serve": ["serve", "--port", str(free_port())],
        "status": ["database", "status"],
        "upgrade": ["database", "upgrade"],
        "backup": ["database", "backup", "backup.db"],
        "copy from it": ["database", "copy", url, "sqlite:///new.db"],
        "copy into it": ["database", "copy", "sqlite:///good.db", url],
        "users": ["users", "list"],
    }[use]


def run(use: str, url: str) -> Result:
    environ = {**SECRET, "DATABASE_URL": url}
    return CliRunner().invoke(main, words_for(use, url), env=environ, catch_exceptions=False)


def assert_refused(done: Result, says: str, code: int = 1) -> None:
    assert (done.exit_code, done.stdout) == (code, ""), done.output
    # What the service warns of in its log at every start is another matter.
    lines = [line.removeprefix("Error: ") for line in done.stderr.splitlines() if not line.startswith("{")]
    assert len(lines) == 1, done.stderr
    assert re.search(says, lines[0]), lines[0]
    assert lines[0].endswith("."), lines[0]


@contextmanager
def nothing_written(folder: Path) -> Iterator[None]:
    """See to it that a folder is afterwards what it was before."""

    def contents() -> dict[str, bytes]:
        return {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file()}

    before = contents()
    yield
    assert contents() == before


# --- an address that is none -----------------------------------------------------------------------------------------

WRONG = [
    "mysql://host/name",
    "postgresql://host",
    "postgresql:///name",
    "postgresql://host:port/name",
    "sqlite://auth.db",
    "sqlite:///:memory:",
    "auth.db",
    "",
]


@pytest.mark.parametrize("url", WRONG[:-1])
@pytest.mark.parametrize("use", [use for use in USES if not use.startswith("copy")])
def test_a_wrong_database_url_is_refused_by_every_command(use: str, url: str, folder: Path) -> None:
    with nothing_written(folder):
        assert_refused(run(use, url), r"^DATABASE_URL is .*; it takes sqlite:///file", code=2)


@pytest.mark.parametrize("url", WRONG)
@pytest.mark.parametrize(("use", "name"), [("copy from it", "SOURCE"), ("copy into it", "TARGET")])
def test_a_wrong_address_is_refused_by_a_copy(use: str, name: str, url: str, good: Path) -> None:
    with nothing_written(good.parent):
        assert_refused(run(use, url), rf"^{name} is .*; it takes sqlite:///file", code=2)


# --- a server that cannot be reached ---------------------------------------------------------------------------------


@pytest.mark.parametrize("use", [use for use in USES if use != "backup"])
@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://ann:s3cret@127.0.0.1:1/auth", r"cannot be reached: .*(refused|failed)"),
        ("postgresql://ann:s3cret@no-such-host.invalid/auth", r"cannot be reached: .*(known|resolution|associated)"),
    ],
)
def test_a_server_that_is_not_there_is_told_without_its_password(use: str, url: str, says: str, good: Path) -> None:
    with nothing_written(good.parent):
        done = run(use, url)
    assert_refused(done, says)
    assert "s3cret" not in done.output


@pytest.mark.parametrize("use", [use for use in USES if use != "backup"])
def test_a_database_or_a_person_that_the_server_does_not_know_is_told(use: str, postgres_url: str, good: Path) -> None:
    server = postgres_url.partition("?")[2]
    with nothing_written(good.parent):
        nowhere = f"postgresql://postgres:@/no_such_database?{server}"
        assert_refused(run(use, nowhere), r'cannot be reached: database "no_such_database" does not exist')
        nobody = f"postgresql://nobody:s3cret@/postgres?{server}"
        done = run(use, nobody)
        assert_refused(done, r'cannot be reached: .*"nobody"')
        assert "s3cret" not in done.output


def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket  # noqa: PLC0415 - beside its one use

    monkeypatch.setattr("auth_service.adapters.sql.place._CONNECTS_WITHIN", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        done = run("status", f"postgresql://ann@127.0.0.1:{silent.getsockname()[1]}/auth?sslmode=disable")
    assert_refused(done, r"cannot be reached: it did not answer in time")


def test_a_postgresql_database_is_backed_up_by_its_own_means(postgres_url: str, folder: Path) -> None:
    with nothing_written(folder):
        assert_refused(run("backup", postgres_url), r"PostgreSQL server, .*pg_dump")


# --- a database that is not ours -------------------------------------------------------------------------------------


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize(
    ("made_by", "says"),
    [
        ("CREATE TABLE users (id int)", r"belongs to another program: it holds a table users\."),
        (
            "CREATE TABLE songs (a int); CREATE TABLE bands (b int)",
            r"another program: it holds the tables bands, songs",
        ),
        ("CREATE VIEW users AS SELECT 1", r"belongs to another program"),
        ("CREATE TABLE schema_version (installed_rank int)", r"is no database of this service: no such column"),
    ],
)
def test_the_file_of_another_program_is_left_alone(use: str, made_by: str, says: str, good: Path) -> None:
    connection = sqlite3.connect("theirs.db")
    connection.executescript(made_by)
    connection.close()
    with nothing_written(good.parent):
        assert_refused(run(use, "sqlite:///theirs.db"), says)


@pytest.mark.parametrize("use", USES)
def test_a_file_that_is_no_database_is_left_alone(use: str, good: Path) -> None:
    good.with_name("letter.txt").write_text("Dear Ann, " * 500)
    with nothing_written(good.parent):
        assert_refused(run(use, "sqlite:///letter.txt"), r"is no database of this service: file is not a database")


@pytest.mark.parametrize("use", USES)
def test_a_folder_is_no_database(use: str, good: Path) -> None:
    good.with_name("folder").mkdir()
    with nothing_written(good.parent):
        assert_refused(run(use, "sqlite:///folder"), r"is no database of this service: Is a directory")


@pytest.mark.parametrize(
    ("made_by", "says"),
    [
        ("CREATE TABLE users (id int)", r"belongs to another program: it holds a table users\."),
        ("CREATE VIEW sessions AS SELECT 1", r"belongs to another program: it holds a table sessions\."),
        ("CREATE TABLE schema_version (installed_rank int)", r"is none of this service: column .* does not exist"),
    ],
)
def test_a_server_database_where_others_have_our_names_is_left_alone(
    made_by: str, says: str, new_postgres: Callable[[], str], good: Path
) -> None:
    url = new_postgres()
    execute(url, made_by)
    before = asyncio.run(dumped(url))
    with nothing_written(good.parent):
        for use in set(USES) - {"backup"}:
            assert_refused(run(use, url), says)
    assert asyncio.run(dumped(url)) == before


def test_a_server_database_may_be_shared_with_tables_of_other_names(new_postgres: Callable[[], str]) -> None:
    url = new_postgres()
    execute(url, "CREATE TABLE songs (id int)")
    assert run("upgrade", url).exit_code == 0
    assert run("status", url).exit_code == 0


# --- a schema of another version -------------------------------------------------------------------------------------


@pytest.mark.parametrize("use", USES)
def test_a_newer_file_is_left_alone(use: str, good: Path) -> None:
    newer = Path(shutil.copy(good, good.with_name("newer.db")))
    set_version(newer, "9999")
    with nothing_written(good.parent):
        assert_refused(run(use, "sqlite:///newer.db"), r"has schema 9999, made by a newer version .* knows \d{4}\.$")


def test_a_newer_server_database_is_left_alone(new_postgres: Callable[[], str], good: Path) -> None:
    url = new_postgres()
    asyncio.run(schema.upgrade(url))
    execute(url, "UPDATE schema_version SET version_num = '9999'")
    with nothing_written(good.parent):
        for use in set(USES) - {"backup"}:
            assert_refused(run(use, url), r"has schema 9999, made by a newer version .* knows \d{4}\.$")


@pytest.mark.parametrize(
    ("use", "says"),
    [
        ("serve", "has no tables yet, or old ones. Run: auth-service database upgrade"),
        ("users", "has no tables yet, or old ones. Run: auth-service database upgrade"),
        ("copy from it", "There is nothing to copy"),
    ],
)
def test_a_server_database_without_tables_waits_for_the_operators_word(
    use: str, says: str, new_postgres: Callable[[], str], good: Path
) -> None:
    url = new_postgres()
    with nothing_written(good.parent):
        assert_refused(run(use, url), says)
    assert asyncio.run(dumped(url)) == []


def test_an_older_source_is_to_be_brought_up_to_date_first(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The schema of the next version, as that version will see this one.
    monkeypatch.setattr(schema, "HEAD", "9999")
    with nothing_written(good.parent):
        done = run("copy from it", "sqlite:///good.db")
    assert_refused(done, r"has schema \d{4}, and this version copies 9999\. .*database upgrade")


# --- what a copy and a backup refuse ---------------------------------------------------------------------------------


@pytest.mark.parametrize("use", ["copy from it", "backup"])
def test_a_source_that_does_not_exist_is_not_made(use: str, folder: Path) -> None:
    with nothing_written(folder):
        assert_refused(run(use, "sqlite:///nowhere.db"), r"^There is nothing to (copy|back up): .*nowhere\.db")


def test_a_target_that_is_not_empty_is_left_alone(good: Path, new_postgres: Callable[[], str]) -> None:
    full = Path(shutil.copy(good, good.with_name("full.db")))
    with nothing_written(good.parent):
        assert_refused(run("copy into it", f"sqlite:///{full}"), r"full\.db is not empty: it has 3 rows in users\.")
    url = new_postgres()
    asyncio.run(schema.upgrade(url))
    execute(url, "INSERT INTO attempts VALUES ('x', 1, 1)")
    assert_refused(run("copy into it", url), r"is not empty: it has 1 row in attempts\.")
    assert asyncio.run(fetch(url, "SELECT count(*) FROM users")) == 0


def test_a_target_that_holds_a_part_of_something_else_is_left_alone(good: Path) -> None:
    other = Path(shutil.copy(good, good.with_name("other.db")))
    connection = sqlite3.connect(other)
    connection.executescript("CREATE TABLE unfinished_copy (source); INSERT INTO unfinished_copy VALUES ('elsewhere')")
    connection.close()
    with nothing_written(good.parent):
        assert_refused(run("copy into it", "sqlite:///other.db"), r"holds only a part of elsewhere")


def test_a_database_is_not_copied_onto_itself(good: Path, postgres_url: str) -> None:
    good.with_name("alias.db").symlink_to(good)
    os.link(good, good.with_name("link.db"))
    with nothing_written(good.parent):
        for same in ("good.db", "./good.db", "alias.db", "link.db"):
            done = run("copy into it", f"sqlite:///{same}")
            assert_refused(done, r"one and the same database")
        words = ["database", "copy", postgres_url, f"{postgres_url}&application_name=other"]
        assert_refused(CliRunner().invoke(main, words), r"one and the same database")


def test_a_target_in_a_folder_that_does_not_exist_is_told(good: Path) -> None:
    with nothing_written(good.parent):
        assert_refused(run("copy into it", "sqlite:///no/such/new.db"), r"The folder .*/no/such .* does not exist")


# Writes so much that it has to begin before the end, and is gone before the end.
_KILLED = """
import os, signal, sqlite3
connection = sqlite3.connect("good.db", isolation_level=None)
connection.execute("PRAGMA cache_size = 5")
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE outbox SET why = 'killed'")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("use", ["status", "backup", "copy from it", "users"])
def test_what_somebody_killed_has_half_written_is_taken_back(use: str, good: Path) -> None:
    crowd.fill_sqlite(good, {"outbox": crowd.mails(5_000)})
    subprocess.run([sys.executable, "-c", _KILLED], check=False)  # noqa: S603 - our own program
    assert good.with_name("good.db-journal").stat().st_size > 0
    done = run(use, "sqlite:///good.db")
    assert done.exit_code == 0, done.output
    connection = sqlite3.connect({"backup": "backup.db", "copy from it": "new.db"}.get(use, "good.db"))
    assert connection.execute("SELECT count(*), max(why) FROM outbox").fetchone() == (5_000, "")
    connection.close()


# --- files that cannot be written, and disks that are full -----------------------------------------------------------


def as_a_process(words: Sequence[str], url: str, *before: str) -> Result:
    """Run a command as a process of its own; `before` is what starts it."""
    command = [*before, sys.executable, "-m", "auth_service", *words]
    environ = {**os.environ, **SECRET, "DATABASE_URL": url}
    done = subprocess.run(command, env=environ, capture_output=True, timeout=60, check=False)  # noqa: S603 - our own program
    return Result(CliRunner(), done.stdout, done.stderr, done.stdout + done.stderr, None, done.returncode, None)


def whom_rights_concern() -> list[str]:
    """Return what takes the power from root to pass over the rights of files."""
    dropped = "-dac_override,-dac_read_search,-fowner"
    return ["setpriv", "--bounding-set", dropped, "--inh-caps", "-all"] if os.geteuid() == 0 else []


@pytest.fixture
def closed(good: Path, tmp_path: Path) -> Iterator[Path]:
    """Give a folder that can only be read, with a database in it."""
    folder = tmp_path / "closed"
    folder.mkdir()
    shutil.copy(good, folder / "auth.db")
    folder.chmod(0o500)
    yield folder
    folder.chmod(0o700)


@pytest.mark.parametrize(
    ("use", "file", "says"),
    [
        ("serve", "auth.db", r"cannot be written: "),
        ("copy into it", "new.db", r"cannot be written: Permission denied"),
    ],
)
def test_a_folder_that_can_only_be_read_is_told(use: str, file: str, says: str, closed: Path) -> None:
    url = f"sqlite:///{closed}/{file}"
    with nothing_written(closed):
        assert_refused(as_a_process(words_for(use, url), url, *whom_rights_concern()), says)


def test_a_backup_into_a_folder_that_can_only_be_read_is_told(good: Path, closed: Path) -> None:
    with nothing_written(closed):
        words = ["database", "backup", f"{closed}/backup.db"]
        done = as_a_process(words, f"sqlite:///{good}", *whom_rights_concern())
    assert_refused(done, r"backup\.db cannot be made: Permission denied")


def test_a_file_that_can_only_be_read_is_told(good: Path) -> None:
    good.chmod(0o400)
    url = f"sqlite:///{good}"
    done = as_a_process(words_for("serve", url), url, *whom_rights_concern())
    assert_refused(done, r"good\.db cannot be written: ")


@pytest.mark.parametrize(
    ("words", "kib", "says", "left"),
    [
        (["upgrade"], 16, r"full/new\.db cannot be written: database or disk is full\.", []),
        (["backup", "full/backup.db"], 200, r"full/backup\.db cannot be made: database or disk is full\.", []),
        (
            ["copy", "sqlite:///good.db", "sqlite:///full/new.db"],
            600,
            r"broke off: database or disk is full\. Run it again when that is mended, and it goes on\.",
            ["new.db"],
        ),
    ],
)
def test_a_full_disk_is_told(words: list[str], kib: int, says: str, left: list[str], good: Path) -> None:
    many = {"sessions": crowd.sessions(3), "outbox": crowd.mails(20_000)}
    crowd.fill_sqlite(good, many)
    disk = good.with_name("full")
    disk.mkdir()
    # A disk of its own, that nobody else sees, and that goes with the process.
    script = f'mount -t tmpfs -o size={kib}k none full || exit 77; "$@"; code=$?; ls -A full >left.txt; exit $code'
    private = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    url = "sqlite:///full/new.db" if words == ["upgrade"] else "sqlite:///good.db"
    done = as_a_process(["database", *words], url, *private, "sh", "-c", script, "sh")
    if done.exit_code == 77 or b"unshare" in done.stderr_bytes:
        pytest.skip("no disk can be made here: unshare(1) and mount(8) are not permitted")
    assert_refused(done, says)
    assert good.with_name("left.txt").read_text().split() == left


def set_version(file: Path, version: str) -> None:
    connection = sqlite3.connect(file)
    with connection:
        connection.execute("UPDATE schema_version SET version_num = ?", [version])
    connection.close()


def execute(url: str, statement: str) -> None:
    asyncio.run(fetch(url, statement))


async def fetch(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def dumped(url: str) -> list[tuple[object, ...]]:
    """Return what there is in a database: names of tables, and of their columns."""
    connection = await asyncpg.connect(url)
    try:
        found = await connection.fetch(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2"
        )
    finally:
        await connection.close()
    return [tuple(row) for row in found]
