"""What growth costs: the same requests at services with a thousand accounts and with a million, in turn.

Both services of a database run at the same time, each is asked in every round, and the order changes by round: so what
else the machine does falls on both. What counts is the CPU of the service's processes for each request, and the time
its client waits.
"""

import argparse
import os
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import uvloop
from argon2 import PasswordHasher
from msgspec import Struct
from sqlalchemy import Table

from auth_service.adapters.sql.rows import UserRow
from bench.load import Request, connect, press
from bench.operations import PASSWORD, People, me, refresh, register, settle, sign_in
from bench.pinned import Server, keep_to_load_core
from bench.rounds import CHEAP_HASH, fresh_prefix, service_server

SIZES = (1_000, 1_000_000)
CONNECTIONS = 4
_USERS = UserRow.metadata.tables["users"]
_SESSIONS = UserRow.metadata.tables["sessions"]
_numbers = count()


class Side(Struct, frozen=True):
    """A service and the people that are asked for there: drawn from all accounts, not from a few warm ones."""

    size: int
    server: Server
    people: People
    crowd: list[str]

    def requests(self, operation: str) -> Iterator[Request]:
        """Give requests without end; who is asked for is drawn anew each time."""
        drawn = random.Random(1)  # noqa: S311 - the same order in every run
        while True:
            match operation:
                case "sign-in":
                    yield sign_in(drawn.choice(self.crowd))
                case "refresh":
                    yield refresh(drawn.choice(self.people.refresh))
                case "me":
                    yield me(drawn.choice(self.people.access))
                case _:
                    yield register(f"{self.people.names[0]}-{next(_numbers):08d}")


OPERATIONS = ("sign-in", "refresh", "me", "registration")


class Figures(Struct, frozen=True):
    """What one stretch came to: microseconds of CPU, and of waiting, for each request."""

    cpu: float
    waited: float


def accounts(size: int, password_hash: str) -> Iterator[tuple[object, ...]]:
    """Give the rows of so many accounts that all have the same password."""
    for number in range(1, size + 1):
        name = f"crowd{number}"
        known = {
            "id": number, "username": name, "username_key": name, "email": f"{name}@example.org",
            "email_key": f"{name}@example.org", "password_hash": password_hash, "state": "active",
            "email_confirmed": True, "stamp": f"{number:032x}", "created_at": 1.7e9 + number, "version": 1,
        }  # fmt: skip
        yield tuple(_value(known, column) for column in _USERS.c)


def signed_in(size: int) -> Iterator[tuple[object, ...]]:
    """Give a sign-in for each of so many accounts, in no order, as random ids come."""
    for number in range(1, size + 1):
        known = {
            "id": f"{number * 2_654_435_761 % 2**32:08x}{number:024x}", "user_id": number, "kind": "jwt",
            "created_at": 1.7e9, "last_seen_at": 1.7e9, "expires_at": 9e9, "refresh_id": f"{number:032x}",
        }  # fmt: skip
        yield tuple(_value(known, column) for column in _SESSIONS.c)


def _value(known: dict[str, object], column: object) -> object:
    name, kind, nullable = column.name, column.type.python_type, column.nullable  # type: ignore[attr-defined]
    return known.get(name, None if nullable else kind())


async def fill(url: str, rows: Iterable[tuple[Table, Iterator[tuple[object, ...]]]]) -> None:
    """Put rows straight into the tables."""
    if url.startswith("sqlite:"):
        with closing(sqlite3.connect(url.partition(":///")[2])) as connection, connection:
            for table, each in rows:
                names = ", ".join(column.name for column in table.c)
                places = ", ".join("?" * len(table.c))
                connection.executemany(f"INSERT INTO {table.name} ({names}) VALUES ({places})", each)  # noqa: S608 - our tables
        return
    connection = await asyncpg.connect(url)
    for table, each in rows:
        await connection.copy_records_to_table(table.name, records=each, columns=[column.name for column in table.c])
    await connection.execute("SELECT setval(pg_get_serial_sequence('users', 'id'), (SELECT max(id) FROM users))")
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


async def side(folder: Path, size: int, url: str, password_hash: str) -> Side:
    """Start a service, stop it, fill its database, and start it again."""
    server = service_server(folder, "" if url.startswith("sqlite:") else url, CHEAP_HASH)
    await server.start()
    server.stop()
    began = time.perf_counter()
    await fill(url, ((_USERS, accounts(size, password_hash)), (_SESSIONS, signed_in(size))))
    _say(f"{size:>9,} accounts with a sign-in each put into {folder.name}: {time.perf_counter() - began:.1f} s")
    await server.start()
    people = await settle(server.port, fresh_prefix(), people=64, unseen=0)
    drawn = random.Random(2)  # noqa: S311 - the same people in every run
    return Side(size, server, people, [f"crowd{drawn.randint(1, size)}" for _ in range(min(size, 20_000))])


async def stretch(one: Side, operation: str, seconds: float) -> Figures:
    """Ask one service for one thing."""
    lines = await connect(one.server.port, CONNECTIONS)
    requests = one.requests(operation)
    await press(lines, requests, seconds=seconds / 5)
    before = one.server.cpu()
    tally = await press(lines, requests, seconds=seconds)
    used = one.server.cpu() - before
    for line in lines:
        line.close()
    return Figures(cpu=used / tally.answered * 1e6, waited=statistics.median(tally.latencies) * 1e6)


async def compare(name: str, sides: list[Side], rounds: int, seconds: float) -> None:
    """Ask both in turn and lay out what a request cost."""
    found: dict[tuple[str, int], list[Figures]] = {(each, one.size): [] for each in OPERATIONS for one in sides}
    for number in range(rounds):
        for operation in OPERATIONS:
            for one in sides if number % 2 else reversed(sides):
                found[operation, one.size].append(await stretch(one, operation, seconds))
    _say(f"\n{name}, medians of {rounds} rounds: {'':>6}CPU µs a request{'':>12}client waits, µs")
    _say(f"{'':<14}{SIZES[0]:>10,}{SIZES[1]:>12,}{'ratio':>8}  {SIZES[0]:>10,}{SIZES[1]:>12,}{'ratio':>8}")
    for operation in OPERATIONS:
        line = f"{operation:<14}"
        for what in ("cpu", "waited"):
            few, many = ([getattr(each, what) for each in found[operation, size]] for size in SIZES)
            ratio = statistics.median(b / a for a, b in zip(few, many, strict=True))
            line += f"{statistics.median(few):>10.0f}{statistics.median(many):>12.0f}{ratio:>8.2f}  "
        _say(line)


async def run(folder: Path, server: str | None, rounds: int, seconds: float) -> None:
    """Do all of it on SQLite, and on PostgreSQL where there is a server."""
    keep_to_load_core()
    time_cost, memory, lanes = map(int, CHEAP_HASH)
    password_hash = PasswordHasher(time_cost=time_cost, memory_cost=memory, parallelism=lanes).hash(PASSWORD)
    for name in ("SQLite", "PostgreSQL") if server else ("SQLite",):
        sides: list[Side] = []
        async with AsyncExitStack() as stack:
            for size in SIZES:
                there = folder / f"{name.lower()}-{size}"
                there.mkdir()
                url = f"sqlite:///{there}/auth.db"
                if server and name == "PostgreSQL":
                    url = await stack.enter_async_context(_new_database(server, f"growth_{os.getpid()}_{size}"))
                sides.append(await side(there, size, url, password_hash))
                stack.callback(sides[-1].server.stop)
            await compare(name, sides, rounds, seconds)


@asynccontextmanager
async def _new_database(server: str, name: str) -> AsyncIterator[str]:
    connection = await asyncpg.connect(server)
    await connection.execute(f"CREATE DATABASE {name}")
    yield urlsplit(server)._replace(path=f"/{name}").geturl()
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """Compare services with a thousand accounts and with a million, on both databases."""
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=main.__doc__)
    parser.add_argument("--database", metavar="URL", help="a PostgreSQL server on which databases may be made")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=1.0, help="for one service and one operation in one round")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="auth-service-bench-") as folder:
        uvloop.run(run(Path(folder), chosen.database, chosen.rounds, chosen.seconds))


if __name__ == "__main__":
    main()
