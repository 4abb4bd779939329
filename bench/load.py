"""A load that costs little itself: kept connections, requests ready as bytes, answers read by their content-length."""

import asyncio
import sys
import time
from collections.abc import Iterator
from itertools import chain
from typing import cast

from msgspec import Struct

ANSWER_WITHIN = 30.0
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


class Request(Struct, frozen=True):
    """The bytes of one request, and the only status that is an answer to it."""

    raw: bytes
    status: int


class Tally(Struct, frozen=True, kw_only=True):
    """What one stretch of load came to."""

    answered: int
    seconds: float
    load_cpu: float
    latencies: list[float]

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answered / self.seconds

    @property
    def p99_ms(self) -> float:
        """Milliseconds within which 99 of 100 were answered."""
        return sorted(self.latencies)[int(0.99 * (self.answered - 1))] * 1000


class UnexpectedAnswer(Exception):  # noqa: N818 — says what happened, as the project's errors do
    """The server answered otherwise than the benchmark needs: figures taken from it would be worthless."""


class Line(asyncio.Protocol):
    """One kept connection: a request at a time, and no answer but the expected one passes."""

    def __init__(self) -> None:
        self._answer: asyncio.Future[bytes] | None = None
        self._request = Request(raw=b"", status=0)
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection over."""
        self._transport = cast("asyncio.Transport", transport)

    def ask(self, request: Request) -> asyncio.Future[bytes]:
        """Send, and promise the body of the answer."""
        if self._transport is None or self._transport.is_closing():
            raise UnexpectedAnswer("The server closed a kept connection between two requests.")
        self._request = request
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request.raw)
        return self._answer

    def data_received(self, data: bytes) -> None:
        """Wait for the whole answer, then hand it over."""
        buffer = self._buffer + data if self._buffer else data
        head = buffer.find(_HEAD_END)
        body = head + len(_HEAD_END)
        if head < 0 or len(buffer) < body + _content_length(buffer[:head]):
            self._buffer = buffer
            return
        self._buffer = b""
        answer, self._answer = self._answer, None
        if answer is None or answer.done():
            return
        status = int(buffer[9:12])
        if status == self._request.status:
            answer.set_result(buffer[body:])
        else:
            asked = self._request.raw.split(b"\r\n", 1)[0].decode()
            said = f"{asked}: {status} where {self._request.status} was due: {buffer[body:][:300]!r}"
            answer.set_exception(UnexpectedAnswer(said))

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what still waits."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(UnexpectedAnswer(f"The server hung up before it answered ({exc})."))

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


async def connect(port: int, connections: int) -> list[Line]:
    """Open so many lines to a server on this machine."""
    loop = asyncio.get_running_loop()
    return [(await loop.create_connection(Line, "127.0.0.1", port))[1] for _ in range(connections)]


async def press(
    lines: list[Line], requests: Iterator[Request], *, seconds: float, kept: list[bytes] | None = None
) -> Tally:
    """Ask on every line without pause, until the time or the requests are over; all that were sent are answered."""
    latencies: list[float] = []
    clock = time.perf_counter
    cpu = time.process_time()
    start = clock()
    deadline = start + seconds

    async def keep_asking(line: Line) -> None:
        for request in requests:
            sent = clock()
            body = await line.ask(request)
            now = clock()
            latencies.append(now - sent)
            if kept is not None:
                kept.append(body)
            if now >= deadline:
                return

    async with asyncio.timeout(seconds + ANSWER_WITHIN):
        await asyncio.gather(*(keep_asking(line) for line in lines))
    return Tally(
        answered=len(latencies), seconds=clock() - start, load_cpu=time.process_time() - cpu, latencies=latencies
    )


async def pace(lines: list[Line], requests: Iterator[Request], *, rate: float, seconds: float) -> Tally:
    """Ask at a steady rate whatever the answers take, so that a pause of the server is felt by all it kept waiting."""
    latencies: list[float] = []
    clock = time.perf_counter
    cpu = time.process_time()
    start = clock()
    step = len(lines) / rate

    async def keep_pace(line: Line, first: float) -> None:
        due = first
        while due < start + seconds:
            now = clock()
            # Behind time the wait counts from when the request was due; on time from when it left, since the
            # loop's timers are a millisecond coarse.
            sent = due
            if now < due:
                await asyncio.sleep(due - now)
                sent = clock()
            await line.ask(next(requests))
            latencies.append(clock() - sent)
            due += step

    async with asyncio.timeout(seconds + ANSWER_WITHIN):
        await asyncio.gather(*(keep_pace(line, start + step * n / len(lines)) for n, line in enumerate(lines)))
    return Tally(
        answered=len(latencies), seconds=clock() - start, load_cpu=time.process_time() - cpu, latencies=latencies
    )


async def answers(port: int, requests: list[Request], *, connections: int = 16) -> list[bytes]:
    """Ask each request once and give the bodies, in no particular order."""
    lines = await connect(port, min(connections, len(requests)))
    kept: list[bytes] = []
    await press(lines, chain(requests), seconds=3600.0, kept=kept)
    for line in lines:
        line.close()
    return kept


def request(method: str, path: str, status: int, *, body: bytes = b"", bearer: str = "") -> Request:
    """Make one request ready to be written."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "User-Agent: bench", "Accept: */*"]
    if bearer:
        lines.append(f"Authorization: Bearer {bearer}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return Request(raw="\r\n".join([*lines, "", ""]).encode() + body, status=status)


def _content_length(head: bytes) -> int:
    """Say how long the body is; one whose length is left open (chunked, or until the end) never counts as answered."""
    lowered = head.lower()
    at = lowered.find(_LENGTH)
    if at < 0:
        return 0 if lowered[9:12] == b"204" else sys.maxsize
    end = lowered.find(b"\r\n", at)
    return int(lowered[at + len(_LENGTH) : end if end >= 0 else None])
