"""Where accounts are kept: the database of these settings, looked at, brought up to date, copied and backed up."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from auth_service.adapters.sql import schema
from auth_service.adapters.sql.place import PostgresPlace, SqlitePlace
from auth_service.adapters.sql.standing import Unusable
from auth_service.setting_kinds import hide_credentials
from auth_service.settings import Settings, file_of

if TYPE_CHECKING:
    from auth_service.adapters.sql.moving.copying import Moved, Progress


class StartError(Exception):
    """The service cannot start; the sentence says why and what would help."""


class DatabaseStatus(Struct, frozen=True):
    """How a database stands to the schema this version needs."""

    url: str
    current: str | None
    head: str

    @property
    def is_current(self) -> bool:
        """Is there nothing to upgrade?"""
        return self.current == self.head


async def upgrade_database(settings: Settings) -> str:
    """Bring the database to the schema this version needs; return that schema's version."""
    with told():
        await place_of(settings).upgrade()
    return schema.HEAD


async def database_status(settings: Settings) -> DatabaseStatus:
    """Say which schema the database has."""
    with told():
        return DatabaseStatus(hide_credentials(settings.database_url), await place_of(settings).version(), schema.HEAD)


async def copy_database(source: str, target: str, progress: "Progress") -> "Sequence[Moved]":
    """Copy everything from one address to another."""
    from auth_service.adapters.sql.moving.copying import copy  # noqa: PLC0415 - who serves has no need of it

    with told():
        return await copy(_place_at(source), _place_at(target), progress)


async def back_up_database(settings: Settings, file: Path) -> str:
    """Put a copy of the embedded database into a new file; return the version of its schema."""
    from auth_service.adapters.sql.moving.backup import back_up  # noqa: PLC0415 - the same

    place = place_of(settings)
    if isinstance(place, PostgresPlace):
        raise StartError(f"{place.shown} is on a PostgreSQL server, which has its own way: pg_dump, and pg_restore.")
    with told():
        return await back_up(place, file)


def place_of(settings: Settings) -> SqlitePlace | PostgresPlace:
    """Return the place these settings name."""
    return _place_at(settings.database_url, settings.database_connections, prepares=settings.database_prepares)


def _place_at(url: str, connections: int = 1, *, prepares: bool = True) -> SqlitePlace | PostgresPlace:
    file = file_of(url)
    if file is not None:
        return SqlitePlace(file.absolute())
    return PostgresPlace(url, hide_credentials(url), connections, prepares)


@contextmanager
def told() -> Iterator[None]:
    """Say what is wrong with a place as what is wrong with the start."""
    try:
        yield
    except Unusable as unusable:
        raise StartError(str(unusable)) from unusable
