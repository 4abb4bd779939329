"""Two hundred clients sign in at once, with the hash as shipped: is the service quick for everybody else meanwhile?

By hand, for as many seconds as you like: `python -m tests.integration.storm 30`.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import msgspec
from msgspec import Struct

from auth_service.settings import Settings
from tests.integration.conformance.running import Mailbox
from tests.integration.wire.people import Person, newcomer
from tests.integration.wire.serving import Server

CLIENTS = 200
_PEOPLE = 8
_PROBE_EVERY = 0.01
_shipped = Settings()
HASH = {
    "ARGON2_TIME_COST": str(_shipped.argon2_time_cost),
    "ARGON2_MEMORY_KIB": str(_shipped.argon2_memory_kib),
    "ARGON2_PARALLELISM": str(_shipped.argon2_parallelism),
}


class Storm(Struct, frozen=True, kw_only=True):
    """What came of it: how sign-ins were answered, how quick other answers were in seconds, and what memory it took."""

    answers: Counter[tuple[int, str]]
    slowest_answer: float
    health: list[float]
    verify: list[float]
    mebibytes_before: float
    mebibytes_at_most: float

    def __str__(self) -> str:
        """Say it in figures."""
        told = ", ".join(
            f"{count} x {status}{f' (again in {wait} s)' if wait else ''}"
            for (status, wait), count in self.answers.items()
        )
        return (
            f"sign-ins: {told}; the slowest answer took {self.slowest_answer:.1f} s\n"
            f"health: p50 {p(50, self.health):.1f} ms, p99 {p(99, self.health):.1f} ms ({len(self.health)})\n"
            f"verify: p50 {p(50, self.verify):.1f} ms, p99 {p(99, self.verify):.1f} ms ({len(self.verify)})\n"
            f"memory: {self.mebibytes_before:.0f} MiB before, {self.mebibytes_at_most:.0f} MiB at most"
        )


class Line:
    """One kept connection, a request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> "Line":
        """Connect."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, request: bytes) -> tuple[int, str, bytes]:
        """Return the status, the seconds of a `Retry-After`, and the body."""
        self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        body = await self._reader.readexactly(int(fields.get("content-length", "0")))
        return int(head.split()[1]), fields.get("retry-after", ""), body

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


def post(path: str, body: object) -> bytes:
    """Return the bytes of a request."""
    raw = msgspec.json.encode(body)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"
    return head.encode() + raw


def p(percent: int, seconds: list[float]) -> float:
    """Return the milliseconds within which so many of a hundred were answered."""
    return sorted(seconds)[int(percent / 100 * (len(seconds) - 1))] * 1_000


def mebibytes(pid: int) -> float:
    """Return the memory that a process has in use."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


async def storm(server: Server, seconds: float, clients: int = CLIENTS) -> Storm:
    """Let clients sign in without pause for so long, and ask for other things meanwhile."""
    people = [newcomer() for _ in range(_PEOPLE)]
    for person in people:
        server.client.post("/api/register", json=person.sign_up).raise_for_status()
    access = server.client.post("/api/token", json=people[0].sign_in).json()["access"]
    answers: Counter[tuple[int, str]] = Counter()
    slowest = 0.0
    ends = time.perf_counter() + seconds

    async def sign_in(person: Person) -> None:
        nonlocal slowest
        line = await Line.open(server.port)
        while time.perf_counter() < ends:
            begun = time.perf_counter()
            status, wait, _ = await line.ask(post("/auth/jwt/create/", person.sign_in))
            slowest = max(slowest, time.perf_counter() - begun)
            answers[status, wait] += 1
        line.close()

    async def probe(request: bytes, taken: list[float]) -> None:
        line = await Line.open(server.port)
        # The crowd has to be there first: what is asked is how it is while they wait.
        await asyncio.sleep(min(1.0, seconds / 4))
        while time.perf_counter() < ends:
            begun = time.perf_counter()
            status, _, body = await line.ask(request)
            assert status == 200, body
            taken.append(time.perf_counter() - begun)
            memory.append(mebibytes(server.pid))
            await asyncio.sleep(_PROBE_EVERY)
        line.close()

    memory = [mebibytes(server.pid)]
    health: list[float] = []
    verify: list[float] = []
    await asyncio.gather(
        probe(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", health),
        probe(post("/auth/jwt/verify/", {"token": access}), verify),
        *(sign_in(people[number % _PEOPLE]) for number in range(clients)),
    )
    return Storm(
        answers=answers,
        slowest_answer=slowest,
        health=health,
        verify=verify,
        mebibytes_before=memory[0],
        mebibytes_at_most=max(memory),
    )


if __name__ == "__main__":
    with (
        tempfile.TemporaryDirectory() as folder,
        Mailbox() as mailbox,
        Server({"ACTIVATION": "off", **HASH}, mailbox, Path(folder)) as server,
    ):
        print(asyncio.run(storm(server, float(sys.argv[1]))))  # noqa: T201
