"""Databases, made once and given empty."""

import asyncio
import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from auth_service.adapters.sql import schema

from .postgres import postgres


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a migrated SQLite database with nothing in it, to be copied."""
    path = tmp_path_factory.mktemp("empty") / "auth.db"
    asyncio.run(schema.upgrade(f"sqlite+aiosqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a migrated PostgreSQL database; whoever uses it empties it first."""
    with postgres(tmp_path_factory.mktemp("postgres")) as url:
        asyncio.run(schema.upgrade(url))
        yield url


_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def new_postgres(postgres_url: str) -> Iterator[Callable[[], str]]:
    """Give what makes a database with nothing in it, not even tables, on the same server."""
    made: list[str] = []

    def make() -> str:
        made.append(f"made_for_a_test_{os.getpid()}_{next(_numbers)}")
        asyncio.run(_execute(postgres_url, f"CREATE DATABASE {made[-1]}"))
        return urlsplit(postgres_url)._replace(path=f"/{made[-1]}").geturl()

    yield make
    for name in made:
        asyncio.run(_execute(postgres_url, f"DROP DATABASE {name} WITH (FORCE)"))


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
