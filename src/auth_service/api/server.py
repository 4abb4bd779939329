"""The server: uvicorn, with patience for slow clients but not without end.

uvicorn waits for a request for as long as its client likes. A hundred clients that send a byte now and then would hold
a hundred connections for nothing, so a request has to arrive whole, headers and body, within a time.
"""

import asyncio
import resource
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

ARRIVES_WITHIN = 25.0
_MOST_OPEN = 10_000
_KEPT_FOR_OURSELVES = 200
IDLE_KEPT = 75
# Who stops a service does it by force after ten seconds, as a rule: by then everything has to be closed.
ARRIVES_AT_THE_END_WITHIN = 3.0
FINISHES_WITHIN = 8


def _last_words(status: bytes, sentence: bytes) -> bytes:
    """Return the answer after which a connection is closed: no dialect is known where a request is not even read."""
    body = b'{"detail": "%s"}' % sentence
    head = b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
    return head % (status, len(body)) + body


def most_open() -> int:
    """Return how many connections are held at a time: what the system gives out, less what the service needs itself.

    Past that the system would refuse every file, database and connection alike.
    """
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST_OPEN if files == resource.RLIM_INFINITY else max(1, min(_MOST_OPEN, files - _KEPT_FOR_OURSELVES))


_TOO_LATE = _last_words(b"408 Request Timeout", b"The request came in too slowly.")
_TOO_MANY = _last_words(b"503 Service Unavailable\r\nretry-after: 5", b"Too many connections are open. Try again.")
_NO_HTTP = _last_words(b"400 Bad Request", b"This is not a valid HTTP request.")


class _Together:
    """A transport that sends in one piece what is written to it in one go.

    uvicorn writes the head of an answer and its body apart. Each would be a system call and a packet of its own, and
    the second is a fifth of all that a small answer costs.
    """

    __slots__ = ("_loop", "_transport", "_written")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._written: list[bytes] = []

    def write(self, part: bytes) -> None:
        """Send it as soon as whoever writes has nothing more to write for now."""
        if not self._written:
            self._loop.call_soon(self._send)
        self._written.append(part)

    def close(self) -> None:
        """Send what is left, then close."""
        self._send()
        self._transport.close()

    def is_closing(self) -> bool:
        """Is it of no use to write any more?"""
        return self._transport.is_closing()

    def _send(self) -> None:
        written = b"".join(self._written)
        self._written.clear()
        if written and not self._transport.is_closing():
            self._transport.write(written)


class PatientProtocol(HttpToolsProtocol):
    """HTTP/1.1 by httptools; a connection whose request does not arrive in time is closed with a 408."""

    most_open = most_open()
    _deadline: asyncio.TimerHandle | None = None
    _arriving = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait: a connection that never says anything is a slow request too."""
        super().connection_made(transport)
        if len(self.connections) > self.most_open:
            transport.write(_TOO_MANY)
            transport.close()
            return
        # Not a whole transport, but all of one that uvicorn uses here.
        self.transport = _Together(transport, self.loop)  # type: ignore[assignment]
        self._wait(ARRIVES_WITHIN)

    def data_received(self, data: bytes) -> None:
        """Wait while a request has arrived in part; nearly all arrive in one piece and need no timer."""
        super().data_received(data)
        if not self._arriving:
            self._stop_waiting()
        elif self._deadline is None:
            self._wait(ARRIVES_WITHIN)

    def on_message_begin(self) -> None:
        """Note that a request has begun."""
        super().on_message_begin()
        self._arriving = True

    def on_message_complete(self) -> None:
        """Note that it has all arrived."""
        super().on_message_complete()
        self._arriving = False

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's form
        """Refuse what is no HTTP, in JSON as everything else."""
        self.transport.write(_NO_HTTP)
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting: nothing will come."""
        self._stop_waiting()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Finish what has arrived; what has begun to arrive gets a little time."""
        super().shutdown()
        if self._deadline is not None:
            self._stop_waiting()
            self._wait(ARRIVES_AT_THE_END_WITHIN)

    def _wait(self, seconds: float) -> None:
        self._deadline = self.loop.call_later(seconds, self._give_up)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        if not self._is_answered():
            transport.write(_TOO_LATE)
        transport.close()

    def _is_answered(self) -> bool:
        """Is the answer to what is still arriving on its way? The one to the request before it is none."""
        cycle = self.cycle
        return cycle is not None and cycle.response_started and (cycle.more_body or not cycle.response_complete)


def uvicorn_options() -> dict[str, Any]:
    """Return how uvicorn is to serve: what it would log and tell of itself is left out, for others do it better."""
    return {
        "loop": "uvloop",
        "http": PatientProtocol,
        "ws": "none",
        "access_log": False,
        "server_header": False,
        "log_config": None,
        "timeout_keep_alive": IDLE_KEPT,
        "timeout_graceful_shutdown": FINISHES_WITHIN,
        "proxy_headers": False,
        "backlog": 2048,
        "h11_max_incomplete_event_size": 65_536,
    }
