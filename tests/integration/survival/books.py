"""What stands in a database, read past the service."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import asyncpg


async def look(url: str, query: str) -> Sequence[Sequence[Any]]:
    """Return the rows of a query that both databases understand."""
    if url.startswith("postgresql:"):
        connection = await asyncpg.connect(url)
        try:
            rows: list[Sequence[Any]] = await connection.fetch(query)
            return rows
        finally:
            await connection.close()
    with closing(sqlite3.connect(f"file:{url.removeprefix('sqlite:///')}?mode=ro", uri=True)) as database:
        return database.execute(query).fetchall()
