"""`auth-service database backup`: a copy of a file in use that can be served."""

import shutil
import sqlite3
import stat
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner, Result

from auth_service.cli import main

from . import crowd


def backup(file: Path, database: Path) -> Result:
    environ = {"DATABASE_URL": f"sqlite:///{database}"}
    done = CliRunner().invoke(main, ["database", "backup", str(file)], env=environ, catch_exceptions=False)
    structlog.reset_defaults()
    return done


@pytest.fixture
def database(empty_database: Path, tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "backup").mkdir()
    file = Path(shutil.copy(empty_database, tmp_path / "data" / "auth.db"))
    crowd.fill_sqlite(file, {"users": crowd.users(500), "sessions": crowd.sessions(500)})
    return file


def rows(file: Path, table: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(file)
    found = connection.execute(f"SELECT * FROM {table} ORDER BY id").fetchall()
    connection.close()
    return found


def test_it_is_whole_and_for_its_owner_only(database: Path, tmp_path: Path) -> None:
    file = tmp_path / "backup" / "auth.db"
    done = backup(file, database)
    assert done.exit_code == 0, done.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in file.parent.iterdir()] == ["auth.db"]
    for table in ("users", "sessions"):
        assert rows(file, table) == rows(database, table)


def test_what_stands_in_the_log_beside_the_file_is_in_it(database: Path, tmp_path: Path) -> None:
    writing = sqlite3.connect(database)
    writing.execute("PRAGMA journal_mode = WAL")
    with writing:
        writing.execute("UPDATE users SET stamp = 'in the log'")
    assert database.with_name("auth.db-wal").stat().st_size > 0
    file = tmp_path / "backup" / "auth.db"
    assert backup(file, database).exit_code == 0
    assert rows(file, "users") == rows(database, "users")
    assert "in the log" in rows(file, "users")[0]
    writing.close()


def test_who_was_deleted_is_not_in_it_not_even_in_unused_pages(database: Path, tmp_path: Path) -> None:
    connection = sqlite3.connect(database)
    with connection:
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("DELETE FROM users WHERE id <= 490")
    connection.close()
    assert b"Ann123" in database.read_bytes()
    file = tmp_path / "backup" / "auth.db"
    assert backup(file, database).exit_code == 0
    assert b"Ann123" not in file.read_bytes()


def test_ids_of_deleted_accounts_stay_spent(database: Path, tmp_path: Path) -> None:
    connection = sqlite3.connect(database)
    with connection:
        connection.execute("DELETE FROM users WHERE id > 100")
    connection.close()
    file = tmp_path / "backup" / "auth.db"
    assert backup(file, database).exit_code == 0
    connection = sqlite3.connect(file)
    assert connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'users'").fetchone() == (500,)
    connection.close()


@pytest.mark.parametrize("kind", ["file", "folder", "link to nowhere"])
def test_what_is_there_stays(kind: str, database: Path, tmp_path: Path) -> None:
    file = tmp_path / "backup" / "auth.db"
    if kind == "file":
        file.write_text("dear to somebody")
    elif kind == "folder":
        file.mkdir()
    else:
        file.symlink_to(tmp_path / "nowhere")
    done = backup(file, database)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"Error: The file {file} exists already: a backup never takes the place of anything.\n"
    assert [each.name for each in file.parent.iterdir()] == ["auth.db"]
    assert kind != "file" or file.read_text() == "dear to somebody"


def test_a_damaged_database_makes_no_backup(database: Path, tmp_path: Path) -> None:
    connection = sqlite3.connect(database)
    (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'sessions'").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    with database.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)
    done = backup(tmp_path / "backup" / "auth.db", database)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "malformed" in done.stderr
    assert list((tmp_path / "backup").iterdir()) == []


def test_before_an_upgrade_is_when_a_backup_is_needed(database: Path, tmp_path: Path) -> None:
    from auth_service.adapters.sql import schema  # noqa: PLC0415 - beside its one use

    oldest = min(schema.known())
    connection = sqlite3.connect(database)
    with connection:
        connection.execute("UPDATE schema_version SET version_num = ?", [oldest])
    connection.close()
    done = backup(tmp_path / "backup" / "auth.db", database)
    assert done.exit_code == 0, done.stderr
    assert f"(schema {oldest})" in done.stdout
