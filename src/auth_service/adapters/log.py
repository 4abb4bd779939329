"""The log: readable in a terminal, JSON otherwise, with the request id on every line and no secret on any.

Control characters in values are escaped in both forms, so nothing a person types can begin a line of its own.
"""

import asyncio
import logging
import re
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, Processor

from auth_service.domain.model import Fact
from auth_service.domain.ports.surroundings import Journal

_COLLECTED_FOR = 0.2
# JSON may hold these as they are. To many a viewer they end the line, move its cursor or turn its direction.
_UNSEEN = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
# What uvicorn says when a stranger asks for a WebSocket, which nobody here has.
_ADVICE = ("Unsupported upgrade request", "No supported WebSocket library")
_encode = msgspec.json.Encoder(enc_hook=str).encode


def set_up_log(form: Literal["auto", "console", "json"], stream: TextIO | None = None) -> None:
    """Send all lines, ours and the libraries', to one stream in one form."""
    stream = sys.stderr if stream is None else stream
    readable = form == "console" or (form == "auto" and stream.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # Plain tracebacks: the pretty ones print local variables, and some of those are passwords.
    end: list[Processor] = (
        [
            _escaped,
            structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback),
        ]
        if readable
        else [structlog.processors.format_exc_info, _as_json]
    )
    structlog.configure(
        processors=[*shared, *end] if readable else [*shared, structlog.processors.format_exc_info, _as_json_bytes],
        logger_factory=(
            structlog.WriteLoggerFactory(stream) if readable else structlog.BytesLoggerFactory(stream.buffer)
        ),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    # Libraries log through the standard library; they say little, and it is shown in the same form.
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *end],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("auth_service").setLevel(logging.INFO)
    server = logging.getLogger("uvicorn.error")
    server.setLevel(logging.INFO)
    # Of all that a server says of its own start, this is what somebody waits for.
    server.addFilter(
        lambda line: "running on" in line.msg or (line.levelno > logging.INFO and not line.msg.startswith(_ADVICE))
    )


def request_writer(
    form: Literal["auto", "console", "json"], stream: TextIO | None = None
) -> Callable[[dict[str, object]], None]:
    """Return how the access log writes a line.

    There is one with every request, and a system call for each would cost as much as looking an account up: so they are
    collected for a fraction of a second. A line of the journal takes them along, and what is written stays in order.
    """
    stream = sys.stderr if stream is None else stream
    if form == "console" or (form == "auto" and stream.isatty()):
        log = structlog.get_logger("auth_service.access")

        def write_readable(line: dict[str, object]) -> None:
            rest = dict(line)
            log.info(rest.pop("event"), **rest)

        return write_readable
    encode = msgspec.json.Encoder().encode
    write = stream.buffer.write
    waiting = False

    def flush() -> None:
        nonlocal waiting
        waiting = False
        stream.buffer.flush()

    def write_json(line: dict[str, object]) -> None:
        nonlocal waiting
        line["timestamp"] = time.time()
        write(encode(line) + b"\n")
        if not waiting:
            waiting = True
            asyncio.get_running_loop().call_later(_COLLECTED_FOR, flush)

    return write_json


def bind_request(request_id: str) -> None:
    """Put the request id on every line that is written while this request is served."""
    structlog.contextvars.bind_contextvars(request_id=request_id)


class StructlogJournal:
    """Writes each outcome as a log line, and hands it on to where it is kept."""

    def __init__(self, keeper: Journal) -> None:
        self._keeper = keeper
        self._log = structlog.get_logger("auth_service.journal")

    def note(self, fact: Fact) -> None:
        """Write one fact; what is empty is left out."""
        self._keeper.note(fact)
        rest = {name: getattr(fact, name) for name in ("user_id", "session_id", "address", "agent", "why")}
        # Whoever reads the log may be gone: that must not fail what has happened.
        with suppress(OSError):
            self._log.info(fact.what, **{name: value for name, value in rest.items() if value not in {None, ""}})


def _as_json(logger: object, name: str, line: EventDict) -> str:
    return _as_json_bytes(logger, name, line).decode()


def _as_json_bytes(_logger: object, _name: str, line: EventDict) -> bytes:
    text = _encode(line)
    if text.isascii() and b"\x7f" not in text:
        return text
    return _UNSEEN.sub(lambda sign: f"\\u{ord(sign[0]):04x}", text.decode()).encode()


def _escaped(_logger: object, _name: str, line: EventDict) -> EventDict:
    return {name: _printable(value) for name, value in line.items()}


def _printable(value: Any) -> Any:  # noqa: ANN401 - log values are of any type
    if isinstance(value, str) and not value.isprintable():
        return "".join(char if char.isprintable() else repr(char)[1:-1] for char in value)
    return value
