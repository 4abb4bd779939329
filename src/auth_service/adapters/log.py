"""The log: readable in a terminal, JSON otherwise, with the request id on every line and no secret on any.

Control characters in values are escaped in both forms, so nothing a person types can begin a line of its own.
"""

import logging
import sys
from collections.abc import Callable
from typing import Any, Literal, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, Processor

from auth_service.domain.model import Fact

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
    end: list[Processor] = (
        [_escaped, structlog.dev.ConsoleRenderer(colors=stream.isatty())]
        if readable
        else [structlog.processors.format_exc_info, _as_json]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *end],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("auth_service").setLevel(logging.INFO)


def request_writer(
    form: Literal["auto", "console", "json"], stream: TextIO | None = None
) -> Callable[[dict[str, object]], None]:
    """Return how the access log writes a line: straight to the stream, for there is one with every request."""
    stream = sys.stderr if stream is None else stream
    if form == "console" or (form == "auto" and stream.isatty()):
        log = structlog.get_logger("auth_service.access")

        def write_readable(line: dict[str, object]) -> None:
            rest = dict(line)
            log.info(rest.pop("event"), **rest)

        return write_readable
    encode = msgspec.json.Encoder().encode
    write = stream.buffer.write
    flush = stream.buffer.flush
    now = structlog.processors.TimeStamper(fmt=None)

    def write_json(line: dict[str, object]) -> None:
        now(None, "", line)
        write(encode(line) + b"\n")
        flush()

    return write_json


def bind_request(request_id: str) -> None:
    """Put the request id on every line that is written while this request is served."""
    structlog.contextvars.bind_contextvars(request_id=request_id)


class StructlogJournal:
    """Writes each outcome as a log line."""

    def __init__(self) -> None:
        self._log = structlog.get_logger("auth_service.journal")

    def note(self, fact: Fact) -> None:
        """Write one fact; what is empty is left out."""
        rest = {name: getattr(fact, name) for name in ("user_id", "session_id", "address", "agent", "why")}
        self._log.info(fact.what, **{name: value for name, value in rest.items() if value not in {None, ""}})


def _as_json(_logger: object, _name: str, line: EventDict) -> str:
    return _encode(line).decode()


def _escaped(_logger: object, _name: str, line: EventDict) -> EventDict:
    return {name: _printable(value) for name, value in line.items()}


def _printable(value: Any) -> Any:  # noqa: ANN401 - log values are of any type
    if isinstance(value, str) and not value.isprintable():
        return "".join(char if char.isprintable() else repr(char)[1:-1] for char in value)
    return value
