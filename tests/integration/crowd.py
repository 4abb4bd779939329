"""A crowd of accounts that nobody registered: rows put straight into the tables, for what takes many."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import asyncpg

from auth_service.adapters.sql.rows import UserRow

Row = tuple[object, ...]
_TABLES = UserRow.metadata.tables


def columns(table: str) -> list[str]:
    """Return the columns of a table, in the order of its rows here."""
    return [column.name for column in _TABLES[table].c]


def users(count: int, password_hash: str = "no hash at all") -> Iterator[Row]:
    """Give accounts with ids from 1 on."""
    for number in range(1, count + 1):
        name = f"ann{number}"
        known = {
            "id": number, "username": name.title(), "username_key": name, "email": f"{name}@example.org",
            "email_key": f"{name}@example.org", "password_hash": password_hash, "state": "active",
            "email_confirmed": number % 2 == 0, "stamp": f"{number:032x}", "created_at": 1.1 * number,
        }  # fmt: skip
        yield tuple(known.get(column.name, _nothing(column)) for column in _TABLES["users"].c)


def sessions(count: int) -> Iterator[Row]:
    """Give a sign-in for each of so many accounts; their ids are in no order at all, and not all in ASCII."""
    for number in range(1, count + 1):
        known = {
            "id": f"{number * 7_919 % 1_000_003:06x}{'aZé€𝄞'[number % 5]}{number}", "user_id": number, "kind": "jwt",
            "token_hash": f"{number:064x}", "expires_at": 9e9, "created_at": 0.1 * number,
        }  # fmt: skip
        yield tuple(known.get(column.name, _nothing(column)) for column in _TABLES["sessions"].c)


def mails(count: int) -> Iterator[Row]:
    """Give mails that were sent, none of them long ago, and a few that wait."""
    for number in range(1, count + 1):
        known = {"id": number, "user_id": number, "state": "sent" if number % 100 else "waiting", "done_at": 9e9}
        yield tuple(known.get(column.name, _nothing(column)) for column in _TABLES["outbox"].c)


def attempts(count: int) -> Iterator[Row]:
    """Give counters of attempts."""
    return ((f"{number:032x}", 1, 9e9, 0.0) for number in range(1, count + 1))


def places(count: int) -> Iterator[Row]:
    """Give a place to each of so many people."""
    return ((number, f"{number:032x}", 9e9, 9e9) for number in range(1, count + 1))


def records(count: int) -> Iterator[Row]:
    """Give records of a journal, of sign-ins through the years."""
    return ((number, 1e6 + number, "signed_in", number, None, "", "", "", f"{number:064x}") for number in range(count))


def fill_sqlite(file: Path, rows: dict[str, Iterator[Row]]) -> None:
    """Put rows into a migrated file."""
    with closing(sqlite3.connect(file)) as connection, connection:
        for table, each in rows.items():
            places = ", ".join("?" * len(columns(table)))
            connection.executemany(f"INSERT INTO {table} ({', '.join(columns(table))}) VALUES ({places})", each)


async def fill_postgres(url: str, rows: dict[str, Iterator[Row]]) -> None:
    """Put rows into a migrated database."""
    connection = await asyncpg.connect(url)
    try:
        for table, each in rows.items():
            await connection.copy_records_to_table(table, records=each, columns=columns(table))
            if table in {"users", "outbox"}:
                asked = f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), greatest(max(id), 1)) FROM {table}"
                await connection.execute(asked)
    finally:
        await connection.close()


def _nothing(column: object) -> object:
    """Return the least that a column takes."""
    if column.nullable:  # type: ignore[attr-defined]
        return None
    return column.type.python_type()  # type: ignore[attr-defined]
