"""`make bench`: how fast the service is beside a bare Litestar app, on the machine it is run on."""

import argparse
import platform
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import msgspec
import uvloop

from bench.load import UnexpectedAnswer
from bench.operations import FIRST_SEEN, OPERATIONS, settle
from bench.pinned import alone, keep_to_load_core
from bench.report import Measured, Report, as_text
from bench.rounds import (
    CHEAP_HASH,
    FULL,
    PEOPLE,
    QUICK,
    Length,
    Sides,
    alternate,
    bare_server,
    cold_starts,
    fresh_prefix,
    hashing,
    service_server,
)

NAMES = [*(operation.name for operation in OPERATIONS), "hash", "beside", "start"]


async def run(folder: Path, database: str, wanted: list[str], length: Length) -> Report:
    """Measure what is wanted; whatever was started is stopped."""
    keep_to_load_core()
    operations = [operation for operation in OPERATIONS if operation.name in wanted]
    pyjwt = alone("es256", "0.5")
    sides = Sides(bare_server(folder / "bare"), service_server(folder / "service", database, CHEAP_HASH))
    measured: list[Measured] = []
    others = []
    first_start = after_load = None
    try:
        if operations or "start" in wanted:
            first_start = (await sides.service.start()).wall
            unseen = length.rounds * (FIRST_SEEN.answers or 0) if FIRST_SEEN in operations else 0
            people = await settle(sides.service.port, fresh_prefix(), people=PEOPLE, unseen=unseen)
            # Started again, the service has seen none of the tokens that it made.
            others = await cold_starts(sides, length.starts if "start" in wanted else 1)
            idle = sides.service.memory()
            measured = await alternate(sides, people, operations, length, pyjwt)
            after_load = (idle, sides.service.memory()) if operations else None
    finally:
        sides.bare.stop()
        sides.service.stop()
    if "hash" in wanted or "beside" in wanted:
        others += await hashing(folder / "hashing", database, length, wanted)
    return Report(
        surroundings=f"{'PostgreSQL' if database else 'SQLite'}, {length.rounds} rounds, one core for the server.",
        versions={
            platform.python_implementation(): platform.python_version(),
            **{name: version(name) for name in ("litestar", "uvicorn", "uvloop", "httptools")},
        },
        operations=measured,
        others=others,
        first_start=first_start,
        memory_after_load=after_load,
        pyjwt_es256=pyjwt,
        cheap_hash=alone("argon2-cost", "0.5", *CHEAP_HASH),
    )


def main() -> int:
    """Measure the service and a bare Litestar app in alternating rounds: one core serves, another asks."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=main.__doc__)
    parser.add_argument("--quick", action="store_true", help="some twenty seconds, for a first impression")
    parser.add_argument("--only", metavar="NAME,…", help=f"some of: {', '.join(NAMES)}")
    parser.add_argument("--database", default="", metavar="URL", help="postgresql://… (an empty one); else SQLite")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure of every round there, too")
    chosen = parser.parse_args()
    wanted = chosen.only.split(",") if chosen.only else NAMES
    if unknown := set(wanted) - set(NAMES):
        parser.error(f"no such measurement: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory(prefix="auth-service-bench-") as folder:
        try:
            report = uvloop.run(run(Path(folder), chosen.database, wanted, QUICK if chosen.quick else FULL))
        except UnexpectedAnswer as problem:
            sys.stderr.write(f"No figures: {problem}\n")
            return 1
    sys.stdout.write(f"{as_text(report)}\n")
    if chosen.json:
        chosen.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
