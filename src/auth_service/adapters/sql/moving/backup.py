"""A backup of a SQLite file that is in use: whole, consistent, and for its owner's eyes only."""

import asyncio
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from auth_service.adapters.sql.place import SqlitePlace, first_line
from auth_service.adapters.sql.standing import Unusable, must_be_whole

_PATIENCE = 10.0


async def back_up(source: SqlitePlace, file: Path) -> str:
    """Put a copy of the database, as it is at one instant, into a new file; return the version of its schema.

    An older schema is copied as well: before an upgrade is when a backup is needed.
    """
    found = await source.standing()
    must_be_whole(found, source.shown)
    if found.version is None:
        raise Unusable(f"There is nothing to back up: {source.shown} holds no database of this service.")
    await asyncio.to_thread(_back_up, source, file)
    return found.version


def _back_up(source: SqlitePlace, file: Path) -> None:
    if file.exists() or file.is_symlink():
        raise Unusable(f"The file {file} exists already: a backup never takes the place of anything.")
    draft = file.with_name(f".{file.name}.{os.urandom(8).hex()}")
    try:
        _copy(source.file, draft)
        _put_in_place(draft, file)
    except FileExistsError:
        raise Unusable(f"The file {file} exists already: a backup never takes the place of anything.") from None
    except (OSError, sqlite3.Error) as error:
        raise Unusable(f"The backup {file} cannot be made: {first_line(error)}.") from error
    finally:
        with suppress(OSError):
            draft.unlink()


def _copy(source: Path, draft: Path) -> None:
    """Write a whole copy that no power cut can take back.

    By VACUUM INTO, which reads in one transaction: it never has to begin again because somebody writes, and what was
    deleted is not in the copy, not even in its unused pages.
    """
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    read_only = f"{source.resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(read_only, uri=True, timeout=_PATIENCE, isolation_level=None)) as connection:
        connection.execute("VACUUM INTO ?", [str(draft)])
    with closing(sqlite3.connect(f"{draft.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        found = connection.execute("PRAGMA integrity_check").fetchone()[0]
    if found != "ok":
        raise Unusable(f"The copy of {source} is damaged, and was thrown away: {found}.")
    _flush(draft)


def _put_in_place(draft: Path, file: Path) -> None:
    """Give the copy its name. A link, unlike a rename, fails where the name has been taken meanwhile."""
    try:
        os.link(draft, file)
    except PermissionError:
        # A file system without links, such as that of a memory stick.
        draft.rename(file)
    _flush(file.parent)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
