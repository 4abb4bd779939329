"""Everything copied from one database to another, compared, and gone on with where it was broken off."""

import hashlib
import sqlite3
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, aclosing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import asyncpg
import msgspec
from sqlalchemy import Table

from auth_service.adapters.sql import schema, standing
from auth_service.adapters.sql.moving.ends import Row, Source, Target, key_of
from auth_service.adapters.sql.moving.postgres import PostgresEnd
from auth_service.adapters.sql.moving.sqlite import SqliteEnd
from auth_service.adapters.sql.place import PostgresPlace, SqlitePlace, first_line
from auth_service.adapters.sql.rows import UserRow
from auth_service.adapters.sql.standing import Standing, Unusable

Place = SqlitePlace | PostgresPlace
Progress = Callable[[str, int], AbstractContextManager[Callable[[int], object]]]
"""Is told what is done next and how many rows that takes, and gives what is to be told of every few that are done."""

_encode = msgspec.msgpack.Encoder().encode


class Moved(NamedTuple):
    """A table that both ends have alike; `kept` of its rows were left from a copy that had been broken off."""

    table: str
    rows: int
    kept: int
    digest: str


def tables() -> Sequence[Table]:
    """Return every table there is, each after those it refers to."""
    return UserRow.metadata.sorted_tables


async def copy(source: Place, target: Place, progress: Progress) -> list[Moved]:
    """Copy everything, with its ids. Both ends have the same when this returns, or it raises `Unusable`.

    What is copied is the source as it was when the copy began. A target that holds a part of this source keeps of it
    what is still right.
    """
    await _must_be_readable(source)
    before = await target.standing()
    if await source.itself() == await target.itself():
        raise Unusable(f"{source.shown} and {target.shown} are one and the same database: there is nothing to copy.")
    if before.copied_from != source.shown:
        await _must_be_empty(before, target)
    with _told(source, target):
        async with _reading(source) as reading:
            await target.upgrade(half=True)
            async with _writing(target) as writing:
                return await _copy_all(reading, writing, source.shown, progress)


async def _copy_all(source: Source, target: Target, shown: str, progress: Progress) -> list[Moved]:
    await target.mark(shown)
    moved = [await _copy_table(table, source, target, progress) for table in tables()]
    for table, expected in zip(tables(), moved, strict=True):
        await _compare(table, expected, target, progress)
        await target.count_on(table, await source.last_id(table))
    await target.unmark()
    return moved


async def _copy_table(table: Table, source: Source, target: Target, progress: Progress) -> Moved:
    """Leave the pages that agree from the first one on, remove what stands after them, and copy the rest."""
    digest, rows, kept = hashlib.sha256(), 0, 0
    last: Row | None = None
    agreeing = True
    with progress(table.name, await source.count(table)) as tell:
        async with aclosing(source.pages(table)) as pages, aclosing(target.pages(table)) as there:
            async for page in pages:
                agreeing = agreeing and await anext(there, None) == page
                if agreeing:
                    kept, last = kept + len(page), key_of(table, page[-1])
                else:
                    if rows == kept:
                        await _cut(table, target, there, last)
                    await target.put(table, page)
                digest.update(_encode(page))
                rows += len(page)
                tell(len(page))
            if agreeing:
                await _cut(table, target, there, last)
    return Moved(table.name, rows, kept, digest.hexdigest())


async def _cut(table: Table, target: Target, there: AsyncGenerator[list[Row], None], last: Row | None) -> None:
    await there.aclose()
    await target.cut(table, last)


async def _compare(table: Table, expected: Moved, target: Target, progress: Progress) -> None:
    """Read back what was written. What stands there for good is what counts, and not what was sent."""
    digest, rows = hashlib.sha256(), 0
    with progress(f"{table.name}, compared", expected.rows) as tell:
        async with aclosing(target.pages(table)) as pages:
            async for page in pages:
                digest.update(_encode(page))
                rows += len(page)
                tell(len(page))
    if (rows, digest.hexdigest()) != (expected.rows, expected.digest):
        differs = f"After the copy, {table.name} differs: {expected.rows} rows were copied, and {rows} are there"
        raise Unusable(f"{differs}. Does something else write into it? Start the copy again.")


async def _must_be_readable(source: Place) -> None:
    found = await source.standing()
    standing.must_be_whole(found, source.shown)
    if found.version is None:
        raise Unusable(f"There is nothing to copy: {source.shown} holds no database of this service.")
    if found.version != schema.HEAD:
        older = f"The database {source.shown} has schema {found.version}, and this version copies {schema.HEAD}"
        raise Unusable(f"{older}. Bring it up to date first: auth-service database upgrade.")


async def _must_be_empty(before: Standing, target: Place) -> None:
    standing.must_be_whole(before, target.shown)
    if before.version is None:
        return
    with _told(target, target):
        there = await _counts(target, before.tables)
        new = await _counts_of_a_new_one() if any(there.values()) else {}
    for name, rows in there.items():
        if rows > new.get(name, 0):
            held = f"{rows} row{'s' if rows > 1 else ''} in {name}"
            raise Unusable(f"The database {target.shown} is not empty: it has {held}. Give an empty one.")


async def _counts(place: Place, names: Collection[str]) -> dict[str, int]:
    async with _reading(place) as reading:
        return {table.name: await reading.count(table) for table in tables() if table.name in names}


async def _counts_of_a_new_one() -> dict[str, int]:
    """Count what stands in a database before anybody uses it: the steps of the schema may put rows there."""
    with TemporaryDirectory() as folder:
        place = SqlitePlace(Path(folder) / "new.db")
        await place.upgrade()
        return await _counts(place, [table.name for table in tables()])


def _reading(place: Place) -> AbstractAsyncContextManager[Source]:
    return SqliteEnd.reading(place.file) if isinstance(place, SqlitePlace) else PostgresEnd.reading(place.connect)


def _writing(place: Place) -> AbstractAsyncContextManager[Target]:
    return SqliteEnd.writing(place.file) if isinstance(place, SqlitePlace) else PostgresEnd.writing(place.connect)


@contextmanager
def _told(source: Place, target: Place) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        broke = f"The copy from {source.shown} to {target.shown} broke off: {first_line(error)}"
        raise Unusable(f"{broke}. Run it again when that is mended, and it goes on.") from error
