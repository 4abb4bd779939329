"""Does the database grow with every sign-in? Many thousand of them, and the size of the file after each thousand.

Sessions live for a second here, so as many are alive at the end as at the beginning; whatever else has run out is for
the service itself to remove, while it serves.
"""

import argparse
import asyncio
import sqlite3
import sys
import tempfile
from contextlib import closing
from itertools import islice
from pathlib import Path

import uvloop

from bench.load import UnexpectedAnswer, connect, press
from bench.operations import SIGN_IN, settle
from bench.pinned import Server, keep_to_load_core
from bench.rounds import CHEAP_HASH, fresh_prefix, service_server

CONNECTIONS = 16
PEOPLE = 64
LIFETIME = "1"
TABLES = ("sessions", "outbox", "attempts", "revoked_tokens")
LONGEST = 3_600.0
SWEPT_WITHIN = 8.0
ALLOWED = 1.02


async def soak(folder: Path, total: int, step: int) -> bool:
    """Sign in so often; print what the file has grown to after each step, and say whether it stopped growing."""
    keep_to_load_core()
    server = service_server(folder, "", CHEAP_HASH, JWT_REFRESH_TOKEN_LIFETIME=LIFETIME)
    try:
        await server.start()
        people = await settle(server.port, fresh_prefix(), people=PEOPLE, unseen=0)
        requests = SIGN_IN.requests(people)
        sys.stdout.write(f"{'sign-ins':>9}{'a second':>10}{'file KiB':>10}{'WAL KiB':>9}  rows while they sign in\n")
        sizes = []
        for done in range(step, total + 1, step):
            lines = await connect(server.port, CONNECTIONS)
            tally = await press(lines, islice(requests, step), seconds=LONGEST)
            for line in lines:
                line.close()
            sizes.append(_size(folder / "auth.db"))
            wal = _size(folder / "auth.db-wal")
            rows = ", ".join(f"{name} {count}" for name, count in _rows(folder / "auth.db").items() if count)
            sys.stdout.write(f"{done:>9}{tally.rate:>10.0f}{sizes[-1]:>10.0f}{wal:>9.0f}  {rows}\n")
            sys.stdout.flush()
        await _report_left(server, folder)
    finally:
        server.stop()
    after = max(sizes[1:]) / sizes[0]
    sys.stdout.write(f"After {total} sign-ins the file is {after:.3f} times as large as after {step}.\n")
    return after <= ALLOWED


async def _report_left(server: Server, folder: Path) -> None:
    await asyncio.sleep(SWEPT_WITHIN)
    with closing(sqlite3.connect(folder / "auth.db")) as connection:
        (pages,), (free,) = (
            connection.execute(f"PRAGMA {what}").fetchone() for what in ("page_count", "freelist_count")
        )
    left = _rows(folder / "auth.db")["sessions"]
    sys.stdout.write(
        f"When all have run out: {left} sessions, {free} of {pages} pages free, {server.memory():.0f} MiB.\n"
    )


def _rows(file: Path) -> dict[str, int]:
    with closing(sqlite3.connect(file)) as connection:
        return {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in TABLES}  # noqa: S608 — our own tables


def _size(file: Path) -> float:
    return file.stat().st_size / 1024 if file.exists() else 0.0


def main() -> int:
    """Sign in many thousand times, and see whether the database file grows on."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=main.__doc__)
    parser.add_argument("--sign-ins", type=int, default=100_000, help="in all")
    parser.add_argument("--step", type=int, default=10_000, help="between two looks at the file")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="auth-service-bench-") as folder:
        try:
            held = uvloop.run(soak(Path(folder), chosen.sign_ins, chosen.step))
        except UnexpectedAnswer as problem:
            sys.stderr.write(f"No figures: {problem}\n")
            return 1
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
