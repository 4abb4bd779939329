"""Databases, made once and given empty."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

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
