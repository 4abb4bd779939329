"""Clients that take their time: when does a server hang up on them, and does it stay quick for the others meanwhile?"""

import argparse
import asyncio
import math
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import uvloop
from msgspec import Struct

from bench.load import UnexpectedAnswer, answers
from bench.pinned import HEALTH, keep_to_load_core
from bench.rounds import service_server

DRIBBLERS = 100
IDLERS = 500
HEALTH_EVERY = 0.1
QUICK_ENOUGH = 0.1
"""Seconds within which 99 of 100 health checks are to be answered while the slow ones sit there."""
_HEAD = b"POST /auth/jwt/verify/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"


class Patience(Struct, frozen=True):
    """A kind of slow client: what it sends at once, then byte by byte, one a second.

    Who has been answered and says nothing more does no wrong: how long such a connection is kept is told, not judged.
    """

    name: str
    clients: int
    at_once: bytes = b""
    dribbled: bytes = b""
    is_judged: bool = True


class Outcome(Struct, frozen=True):
    """What became of one client: the second it was dropped in, if it was, and how it was answered, if it was."""

    dropped: float | None
    answer: str


KINDS = [
    Patience("headers, a byte a second", DRIBBLERS, dribbled=_HEAD + b"X-Slow: " + b"s" * 4096),
    Patience("body, a byte a second", DRIBBLERS, _HEAD + b"Content-Length: 4096\r\n\r\n", b'{"token": "' + b"s" * 4096),
    Patience("body announced, none sent", DRIBBLERS, _HEAD + b"Content-Length: 4096\r\n\r\n"),
    Patience("silent after an answer", DRIBBLERS, HEALTH.raw, is_judged=False),
    Patience("silent from the start", IDLERS),
]


async def outlast(port: int, kind: Patience, seconds: float) -> Outcome:
    """Be one slow client until dropped or until the time is over."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.perf_counter()
    received = b""

    async def listen() -> None:
        nonlocal received
        # A reset is a way of hanging up.
        with suppress(ConnectionError):
            while piece := await reader.read(65536):
                received += piece

    async def dribble() -> None:
        with suppress(ConnectionError):
            writer.write(kind.at_once)
            for byte in kind.dribbled:
                await asyncio.sleep(1)
                writer.write(bytes((byte,)))

    sending = asyncio.create_task(dribble())
    dropped: float | None = None
    with suppress(TimeoutError):
        await asyncio.wait_for(listen(), seconds)
        dropped = time.perf_counter() - began
    sending.cancel()
    writer.close()
    return Outcome(dropped, received[9:12].decode(errors="replace"))


async def watch_health(port: int, seconds: float) -> list[float]:
    """Ask for health on a new connection ten times a second, as a load balancer would, and note the waits."""
    waits = []
    deadline = time.perf_counter() + seconds
    while (began := time.perf_counter()) < deadline:
        try:
            await answers(port, [HEALTH])
            waits.append(time.perf_counter() - began)
        except (OSError, TimeoutError, UnexpectedAnswer):
            waits.append(math.inf)
        await asyncio.sleep(HEALTH_EVERY)
    return waits


async def probe(port: int, seconds: float, limit: float) -> tuple[str, bool]:
    """Let all kinds loose at once; say what became of them, and whether the server held."""
    watching = asyncio.create_task(watch_health(port, seconds))
    outcomes = await asyncio.gather(
        *(asyncio.gather(*(outlast(port, kind, seconds) for _ in range(kind.clients))) for kind in KINDS)
    )
    waits = sorted(await watching)
    lines = [f"{'clients that are':<30}{'':>5}{'dropped':>9}{'first':>8}{'median':>8}{'last':>8}  answered"]
    lines += [_row(kind, found) for kind, found in zip(KINDS, outcomes, strict=True)]
    judged = [one for kind, found in zip(KINDS, outcomes, strict=True) if kind.is_judged for one in found]
    held = all(one.dropped is not None and one.dropped <= limit for one in judged)
    p99 = waits[int(0.99 * (len(waits) - 1))]
    quick = p99 <= QUICK_ENOUGH
    lines += [
        f"Every slow request dropped within {limit:.0f} s: {'yes' if held else 'NO'}.",
        (
            f"Health meanwhile, {len(waits)} asked: median {statistics.median(waits) * 1000:.1f} ms, "
            f"p99 {p99 * 1000:.1f} ms, slowest {waits[-1] * 1000:.1f} ms: {'quick' if quick else 'SLOW'}."
        ),
    ]
    return "\n".join(lines), held and quick


def _row(kind: Patience, found: Sequence[Outcome]) -> str:
    dropped = sorted(one.dropped for one in found if one.dropped is not None)
    line = f"{kind.name:<30}{kind.clients:>5}{len(dropped):>9}"
    if dropped:
        line += f"{dropped[0]:>7.1f}s{statistics.median(dropped):>7.1f}s{dropped[-1]:>7.1f}s"
    else:
        line += f"{'-':>8}{'-':>8}{'-':>8}"
    said = Counter(one.answer or "nothing" for one in found)
    return f"{line}  {', '.join(f'{answer}: {times}' for answer, times in said.most_common())}"


async def probe_own(folder: Path, seconds: float, limit: float) -> tuple[str, bool]:
    """Start the service for the probe."""
    keep_to_load_core()
    server = service_server(folder / "service", "")
    try:
        await server.start()
        return await probe(server.port, seconds, limit)
    finally:
        server.stop()


def main() -> int:
    """Let slow clients loose on a server, and see when it hangs up on them."""
    parser = argparse.ArgumentParser(prog="python -m bench.slow", description=main.__doc__)
    parser.add_argument("--port", type=int, help="of a server on this machine; without it the service is started")
    parser.add_argument("--seconds", type=float, default=90.0, help="to wait for the last to be dropped")
    parser.add_argument("--limit", type=float, default=35.0, help="seconds that a slow client may stay at most")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="auth-service-bench-") as folder:
        text, held = uvloop.run(
            probe(chosen.port, chosen.seconds, chosen.limit)
            if chosen.port
            else probe_own(Path(folder), chosen.seconds, chosen.limit)
        )
    sys.stdout.write(f"{text}\n")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
