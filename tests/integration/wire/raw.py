"""HTTP by hand: whatever bytes a test likes go over connections that are kept alive, and what comes back is read."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from msgspec import Struct

_PATIENCE = 15.0
_AT_ONCE = 12


class Answer(Struct, frozen=True):
    """What came back: status, headers by lower-case name, all of them in order, and the body."""

    status: int
    headers: Mapping[str, str]
    all_headers: Sequence[tuple[str, str]]
    body: bytes

    @property
    def kind(self) -> str:
        """The media type, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0]

    def json(self) -> Any:  # noqa: ANN401 - whatever was sent
        """Return what the body says; None where it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class Connection:
    """One connection to a server; opened anew whenever the server has closed it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> Answer:
        """Send a request as it is and read its answer."""
        reader, writer = await self._open()
        try:
            async with asyncio.timeout(_PATIENCE):
                writer.write(request)
                # A server that has heard enough answers and closes while the rest is still on its way.
                with suppress(ConnectionError):
                    await writer.drain()
                answer = await read_answer(reader, has_body=not request.startswith(b"HEAD "))
        except BaseException:
            await self.close()
            raise
        if answer.headers.get("connection") == "close":
            await self.close()
        return answer

    async def close(self) -> None:
        """Close it, if it is open."""
        if self._streams is not None:
            writer = self._streams[1]
            self._streams = None
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is not None and self._streams[0].at_eof():
            await self.close()
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        return self._streams


@asynccontextmanager
async def opened(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Give the two ends of a connection, for requests that are not even requests."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


@asynccontextmanager
async def connected(port: int, count: int) -> AsyncIterator[list[Connection]]:
    """Give this many connections, and close them in the end."""
    connections = [Connection(port) for _ in range(count)]
    try:
        yield connections
    finally:
        for connection in connections:
            await connection.close()


async def ask_all(port: int, requests: Iterable[bytes]) -> list[Answer]:
    """Return the answers to all requests, in order; a few connections take them in turns."""
    waiting = list(enumerate(requests))[::-1]
    answers: dict[int, Answer] = {}

    async def work(connection: Connection) -> None:
        while waiting:
            number, request = waiting.pop()
            try:
                answers[number] = await connection.ask(request)
            except Exception as fault:
                fault.add_note(f"asking {request[:300]!r}")
                raise

    async with connected(port, _AT_ONCE) as connections:
        await asyncio.gather(*map(work, connections))
    return [answers[number] for number in sorted(answers)]


def request_bytes(
    method: str,
    path: str | bytes,
    body: bytes | None = None,
    kind: str | bytes | None = None,
    *,
    auth: str | bytes | None = None,
    more: Iterable[tuple[bytes, bytes]] = (),
) -> bytes:
    """Write a request; its length is told unless `more` tells something about it."""
    more = list(more)
    lines = [b"%s %s HTTP/1.1" % (method.encode("latin-1"), _bytes(path)), b"Host: auth.test"]
    if auth is not None:
        lines.append(b"Authorization: " + _bytes(auth))
    if kind is not None:
        lines.append(b"Content-Type: " + _bytes(kind))
    if body is not None and not any(name.lower() in {b"content-length", b"transfer-encoding"} for name, _ in more):
        lines.append(b"Content-Length: %d" % len(body))
    lines += [b"%s: %s" % header for header in more]
    return b"\r\n".join(lines) + b"\r\n\r\n" + (body or b"")


def json_request(method: str, path: str, content: object, *, auth: str | None = None) -> bytes:
    """Write a request with a JSON body."""
    return request_bytes(method, path, json.dumps(content).encode(), "application/json", auth=auth)


def chunked(body: bytes, size: int = 8_192) -> bytes:
    """Return a body in chunks."""
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


async def read_answer(reader: asyncio.StreamReader, *, has_body: bool = True) -> Answer:
    """Read one answer; the connection may go on after it."""
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").rstrip().split("\r\n")
    pairs = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    headers = dict(pairs)
    length = int(headers.get("content-length", 0)) if has_body else 0
    return Answer(int(first.split()[1]), headers, pairs, await reader.readexactly(length))


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
