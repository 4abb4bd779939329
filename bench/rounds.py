"""One run: both servers on one core, asked in turn, round after round, so that a slow minute falls on both."""

import asyncio
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as make_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from msgspec import Struct

from auth_service.settings import Settings
from bench.load import connect, pace, press
from bench.operations import FIRST_SEEN, SIGN_IN, VERIFY, Operation, People, compare_shapes, settle
from bench.pinned import Server, Start, alone
from bench.report import Against, Measured, Stretch, cpu

CHEAP_HASH = ("1", "8", "1")
"""Time cost, memory in KiB, parallelism: next to nothing, which leaves what lies beyond the hash."""
_shipped = Settings()
SHIPPED_HASH = (str(_shipped.argon2_time_cost), str(_shipped.argon2_memory_kib), str(_shipped.argon2_parallelism))
PEOPLE = 64
CONNECTIONS = 16
HASHING_PEOPLE = 8
HASHING_CONNECTIONS = 4
"""Enough to keep the hashing threads busy without pause, too few to fill the queue before them."""
PACE = 500.0
"""Verifications a second while others hash: a load that leaves the core room."""
SETTLED_AFTER = 0.5


class Length(Struct, frozen=True, kw_only=True):
    """How long to measure."""

    rounds: int
    stretch: float
    warm_up: float
    starts: int
    hash_rounds: int
    hash_stretch: float


FULL = Length(rounds=5, stretch=1.3, warm_up=0.15, starts=3, hash_rounds=3, hash_stretch=2.5)
QUICK = Length(rounds=2, stretch=0.3, warm_up=0.1, starts=1, hash_rounds=1, hash_stretch=1.0)


class Sides(Struct, frozen=True):
    """The two servers, in the order in which they are asked."""

    bare: Server
    service: Server

    def in_turn(self, number: int) -> Sequence[Server]:
        """Who comes first changes by round: what the first leaves behind in the caches meets both."""
        return (self.bare, self.service) if number % 2 else (self.service, self.bare)


def bare_server(folder: Path, *options: str) -> Server:
    """Prepare the bare app, not started."""
    port = free_port()
    command = [sys.executable, "-m", "bench.bare", "--port", str(port), *options]
    return Server(command, port, _made(folder), _bare_surroundings())


def granian_server(folder: Path) -> Server:
    """Prepare the bare app under granian, not started."""
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--loop", "uvloop", "--host", "127.0.0.1"]
    return Server([*command, "--port", str(port), "bench.bare:app"], port, _made(folder), _bare_surroundings())


def service_server(folder: Path, database: str, hash_cost: tuple[str, str, str] = SHIPPED_HASH, **more: str) -> Server:
    """Prepare the service as it ships, without throttling and activation; not started."""
    port = free_port()
    time_cost, memory, parallelism = hash_cost
    key = _made(folder) / "signing.pem"
    key.write_bytes(make_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    environment = {
        **_surroundings(),
        "DATABASE_URL": database or f"sqlite:///{folder}/auth.db",
        "MAIL_URL": f"file://{folder}/mail",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "ACTIVATION": "off",
        "THROTTLING": "0",
        "JWT_ALGORITHM": "ES256",
        "JWT_PRIVATE_KEY_FILE": str(key),
        "ARGON2_TIME_COST": time_cost,
        "ARGON2_MEMORY_KIB": memory,
        "ARGON2_PARALLELISM": parallelism,
        **more,
    }
    if database:
        # Only the embedded database makes its tables by itself.
        upgrade = [sys.executable, "-m", "auth_service", "database", "upgrade"]
        subprocess.run(upgrade, cwd=folder, env=environment, check=True, stdout=sys.stderr)  # noqa: S603 — our own command
    command = [sys.executable, "-m", "auth_service", "serve", "--host", "127.0.0.1", "--port", str(port)]
    return Server(command, port, folder, environment)


async def cold_starts(sides: Sides, times: int) -> list[Against]:
    """Start both so many times and leave them running; then see what they hold while nobody asks."""
    starts: dict[Server, list[Start]] = {sides.bare: [], sides.service: []}
    for number in range(times):
        for server in sides.in_turn(number):
            server.stop()
            starts[server].append(await server.start())
    await asyncio.sleep(SETTLED_AFTER)
    bare, service = starts[sides.bare], starts[sides.service]
    return [
        Against(
            what="idle memory", unit="MiB", reference="bare",
            held_against=[sides.bare.memory()], service=[sides.service.memory()], at_most=1.1,
        ),
        Against(
            what="cold start, CPU", unit="s", reference="bare",
            held_against=[one.cpu for one in bare], service=[one.cpu for one in service], at_most=1.15,
        ),
        Against(
            what="cold start until the first answer", unit="s", reference="bare",
            held_against=[one.wall for one in bare], service=[one.wall for one in service],
        ),
    ]  # fmt: skip


async def alternate(
    sides: Sides, people: People, wanted: Sequence[Operation], length: Length, pyjwt: float
) -> list[Measured]:
    """Measure every operation on both sides in every round."""
    await compare_shapes(sides.bare.port, sides.service.port, people)
    # Bare knows no token: it may see one twice.
    askers = {sides.service: people, sides.bare: msgspec.structs.replace(people, unseen=cycle(people.access))}
    found: dict[tuple[str, Server], list[Stretch]] = {}
    for number in range(length.rounds):
        for operation in wanted:
            for server in sides.in_turn(number):
                stretch = await _stretch(server, operation, askers[server], length)
                found.setdefault((operation.name, server), []).append(stretch)
    return [
        Measured(
            operation=one.name,
            target=one.target,
            limit=one.limit(cpu(found[one.name, sides.bare]), pyjwt),
            bare=found[one.name, sides.bare],
            service=found[one.name, sides.service],
        )
        for one in wanted
    ]


async def _stretch(server: Server, operation: Operation, people: People, length: Length) -> Stretch:
    lines = await connect(server.port, CONNECTIONS)
    warm = VERIFY if operation is FIRST_SEEN else operation
    await press(lines, warm.requests(people), seconds=length.warm_up)
    before = server.cpu()
    tally = await press(lines, islice(operation.requests(people), operation.answers), seconds=length.stretch)
    used = server.cpu() - before
    for line in lines:
        line.close()
    return Stretch(
        rate=tally.rate,
        cpu=used / tally.answered * 1e6,
        p99_ms=tally.p99_ms,
        load_share=tally.load_cpu / tally.seconds,
        server_share=used / tally.seconds,
    )


async def hashing(folder: Path, database: str, length: Length, wanted: Sequence[str]) -> list[Against]:
    """Measure what the shipped hash leaves of itself to sign-ins, and what it takes from everybody else."""
    server = service_server(folder, database, SHIPPED_HASH)
    try:
        await server.start()
        people = await settle(server.port, fresh_prefix(), people=HASHING_PEOPLE, unseen=0)
        found = []
        if "hash" in wanted:
            found += await _share_of_the_hash(server, people, length)
        if "beside" in wanted:
            found.append(await _verify_beside_hashing(server, people, length))
        return found
    finally:
        server.stop()


async def _share_of_the_hash(server: Server, people: People, length: Length) -> list[Against]:
    sign_ins = SIGN_IN.requests(people)
    rates: list[float] = []
    rates_alone: list[float] = []
    costs: list[float] = []
    costs_alone: list[float] = []
    for _ in range(length.hash_rounds):
        rates_alone.append(alone("argon2-rate", str(length.hash_stretch), *SHIPPED_HASH))
        costs_alone.append(alone("argon2-cost", str(length.hash_stretch / 2), *SHIPPED_HASH) / 1000)
        lines = await connect(server.port, HASHING_CONNECTIONS)
        before = server.cpu()
        tally = await press(lines, sign_ins, seconds=length.hash_stretch)
        costs.append((server.cpu() - before) / tally.answered * 1000)
        rates.append(tally.rate)
        for line in lines:
            line.close()
    return [
        Against(
            what="sign-ins with the shipped hash", unit="/s", reference="Argon2 alone",
            held_against=rates_alone, service=rates, at_least=0.98,
        ),
        Against(
            what="CPU of one", unit="ms", reference="Argon2 alone", held_against=costs_alone, service=costs,
        ),
    ]  # fmt: skip


async def _verify_beside_hashing(server: Server, people: People, length: Length) -> Against:
    tokens, sign_ins = VERIFY.requests(people), SIGN_IN.requests(people)
    quiet: list[float] = []
    beside: list[float] = []
    for _ in range(length.hash_rounds):
        verifying, signing_in = await connect(server.port, 8), await connect(server.port, 2)
        await press(verifying, tokens, seconds=length.warm_up)
        quiet.append((await pace(verifying, tokens, rate=PACE, seconds=length.hash_stretch)).p99_ms)
        tally, _ = await asyncio.gather(
            pace(verifying, tokens, rate=PACE, seconds=length.hash_stretch),
            press(signing_in, sign_ins, seconds=length.hash_stretch),
        )
        beside.append(tally.p99_ms)
        for line in verifying + signing_in:
            line.close()
    return Against(
        what="p99 of verify, two hash meanwhile", unit="ms", reference="nobody hashes",
        held_against=quiet, service=beside, at_most=2.0,
    )  # fmt: skip


def fresh_prefix() -> str:
    """Begin names that no earlier run has left in a kept database."""
    return f"u{secrets.token_hex(4)}"


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _surroundings() -> dict[str, str]:
    # What the shell holds for the service (DATABASE_URL, SECRET_KEY, …) must not reach a benchmark.
    kept = ("PATH", "HOME", "LANG", "TZ", "PYTHONPATH")
    return {name: value for name in kept if (value := os.environ.get(name)) is not None}


def _bare_surroundings() -> dict[str, str]:
    known = _surroundings()
    root = str(Path(__file__).parent.parent)
    return {**known, "PYTHONPATH": os.pathsep.join(filter(None, [root, known.get("PYTHONPATH")]))}


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
