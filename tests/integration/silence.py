"""Do two kinds of request look the same from outside? Status, headers, body, and the time they take.

By hand, with as many pairs as you like: `python -m tests.integration.silence 20000`.
"""

import asyncio
import math
import os
import random
import statistics
import sys
import tempfile
import time
from bisect import bisect_right
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from contextlib import asynccontextmanager, redirect_stderr
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import structlog
from msgspec import Struct
from msgspec.structs import replace

from auth_service.adapters.log import bind_request, request_writer, set_up_log
from auth_service.api.app import create_app
from auth_service.api.log import RequestLog
from auth_service.api.straight import StraightRoad
from auth_service.domain.core import Core
from auth_service.domain.model import User
from auth_service.settings import Settings
from auth_service.wiring.serving import options_of
from auth_service.wiring.works import open_works

PASSWORD = "correct horse battery"
WRONG = "a wrong horse battery"
# Cheap, and real: a tenth of the one that is shipped, with a tenth of what chance adds to it.
HASH = {"argon2_time_cost": 1, "argon2_memory_kib": 2_048, "argon2_parallelism": 1}
# A second apart at most: what differs between two answers of one kind.
_PASSING = (b"date", b"x-request-id")
_OF_EACH = 4
_numbers = count(1)

App = Callable[..., Awaitable[None]]


class Answer(Struct, frozen=True):
    """What a caller sees, and how long it took to come."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    seconds: float


class Outlook(Struct, frozen=True):
    """What somebody with a stopwatch can tell of two kinds of request."""

    difference: float
    p: float

    @property
    def tells(self) -> bool:
        """Can they be told apart?"""
        return abs(self.difference) >= 0.000_3 or self.p <= 0.01

    def __str__(self) -> str:
        """Say so in figures."""
        return f"medians {self.difference * 1_000:+.3f} ms apart, p = {self.p:.3f}"


class Door(Struct, frozen=True):
    """A request with a name or an address in it; of what is sent back, `echoed` is what was sent."""

    name: str
    path: str
    body: Callable[[str], dict[str, str]]


SIGN_IN = Door("sign-in", "/auth/jwt/create/", lambda who: {"username": who, "password": WRONG})
SIGN_IN_NATIVE = Door(
    "native sign-in", "/api/login", lambda who: {"identifier": f"{who}@example.org", "password": WRONG}
)
SIGN_IN_WITH_RIGHT_PASSWORD = Door(
    "sign-in, password right", "/auth/token/login/", lambda who: {"username": who, "password": PASSWORD}
)
RESET = Door("reset", "/auth/users/reset_password/", lambda who: {"email": f"{who}@example.org"})
RESEND = Door("resend", "/auth/users/resend_activation/", lambda who: {"email": f"{who}@example.org"})


def _newcomer(who: str) -> dict[str, str]:
    return {"username": f"x{next(_numbers):07}", "email": f"{who}@example.org", "password": PASSWORD}


REGISTRATION = Door("registration", "/auth/users/", _newcomer)
REGISTRATION_NATIVE = Door("native registration", "/api/register", _newcomer)


class Comparison(Struct, frozen=True):
    """A door, and two kinds of names to knock with."""

    door: Door
    kinds: tuple[str, str]

    def __str__(self) -> str:
        """Say which."""
        return f"{self.door.name}: {self.kinds[0]} and {self.kinds[1]}"


COMPARISONS = [
    Comparison(SIGN_IN, ("active", "unknown")),
    Comparison(SIGN_IN, ("deactivated", "active")),
    Comparison(SIGN_IN, ("unusable", "unknown")),
    Comparison(SIGN_IN_NATIVE, ("active", "unknown")),
    Comparison(SIGN_IN_WITH_RIGHT_PASSWORD, ("pending", "unknown")),
    Comparison(RESET, ("active", "unknown")),
    Comparison(RESET, ("deactivated", "unusable")),
    Comparison(RESEND, ("pending", "unknown")),
    Comparison(RESEND, ("active", "unknown")),
    Comparison(REGISTRATION, ("active", "fresh")),
    Comparison(REGISTRATION_NATIVE, ("pending", "fresh")),
]


@asynccontextmanager
async def service(folder: Path) -> AsyncIterator[App]:
    """Give a service with people of every kind, which hides who has an account."""
    settings = Settings(
        secret_key="s" * 40,
        database_url=f"sqlite:///{folder / 'auth.db'}",
        mail_url=f"file://{folder / 'mail'}",
        throttling=False,
        registration_hides_accounts=True,
        log_format="json",
        **HASH,  # type: ignore[arg-type]
    )
    with (folder / "log").open("w") as log, redirect_stderr(log):
        # To log is part of the work; where it goes is of no interest here.
        set_up_log("json", log)
        # Without its postman: what he does comes after the answer, and would be noise on the next one.
        async with open_works(settings) as works:
            await people(works.core)
            app = create_app(works.core, options_of(settings), ping=works.ping)
            try:
                yield RequestLog(StraightRoad(app), request_writer("json"), bind_request)
            finally:
                # Whatever logs next in this process must not write into a file that is closed by then.
                structlog.reset_defaults()


async def people(core: Core) -> None:
    """Make some accounts of each kind."""
    for kind in ("active", "pending", "deactivated", "unusable"):
        for number in range(_OF_EACH):
            name = f"{kind}{number}"
            user = await core.people.create(username=name, email=f"{name}@example.org", password=PASSWORD, staff=False)
            changes: dict[str, Any] = {"email_confirmed": kind != "pending"}
            if kind in {"pending", "deactivated"}:
                changes["state"] = kind
            if kind == "unusable":
                changes["password_hash"] = "!no-password-at-all"
            await _save(core, replace(user, **changes))


async def _save(core: Core, user: User) -> None:
    work = core.registration.store.begin()
    work.users.save(user)
    await work.commit()


def somebody(kind: str) -> str:
    """Return a name of this kind, of which there are many: none is met so often that it is known by heart."""
    if kind == "fresh":
        return f"fresh{next(_numbers):07}"
    return f"{kind}{random.randrange(_OF_EACH)}"  # noqa: S311 - no secret


async def ask(app: App, path: str, body: dict[str, str]) -> Answer:
    """Send a request, straight into the service: a network would only add noise."""
    raw = msgspec.json.encode(body)
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(raw)).encode())],
        "client": ("192.0.2.1", 1234),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": raw, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    begun = time.perf_counter()
    await app(scope, receive, send)
    seconds = time.perf_counter() - begun
    headers = tuple(sorted((name, text) for name, text in sent[0]["headers"] if name.lower() not in _PASSING))
    return Answer(sent[0]["status"], headers, b"".join(part.get("body", b"") for part in sent[1:]), seconds)


async def compare(app: App, comparison: Comparison, pairs: int) -> tuple[Outlook, dict[str, set[object]]]:
    """Knock with both kinds in turn, which comes first by chance; return what the times tell, and what was seen."""
    door = comparison.door
    seconds: dict[str, list[float]] = {kind: [] for kind in comparison.kinds}
    seen: dict[str, set[object]] = {kind: set() for kind in comparison.kinds}
    for _ in range(pairs):
        for kind in random.sample(comparison.kinds, 2):
            body = door.body(somebody(kind))
            answer = await ask(app, door.path, body)
            seconds[kind].append(answer.seconds)
            seen[kind].add(what_is_told(answer, body))
            # What is still to be done, by the postman or the log, is done for neither of them.
            await asyncio.sleep(0)
    first, second = (seconds[kind] for kind in comparison.kinds)
    return Outlook(statistics.median(first) - statistics.median(second), kolmogorov_smirnov(first, second)), seen


def what_is_told(answer: Answer, body: dict[str, str]) -> object:
    """Return an answer without what the caller sent and without ids, which go up by one each time."""
    text = answer.body.decode()
    for name in sorted(body, key=lambda name: -len(body[name])):
        text = text.replace(body[name], f"<{name}>")
    told = msgspec.json.decode(text) if text else None
    if isinstance(told, dict) and isinstance(told.get("id"), int):
        told["id"] = "<id>"
    headers = [
        (name, b"" if name == b"content-length" and "<id>" in str(told) else text) for name, text in answer.headers
    ]
    return answer.status, tuple(headers), msgspec.json.encode(told)


def kolmogorov_smirnov(first: Sequence[float], second: Sequence[float]) -> float:
    """Return how likely it is that two samples of one distribution differ as much as these do."""
    ones, others = sorted(first), sorted(second)
    farthest = max(
        abs(bisect_right(ones, value) / len(ones) - bisect_right(others, value) / len(others))
        for value in (*ones, *others)
    )
    size = math.sqrt(len(first) * len(second) / (len(first) + len(second)))
    reach = (size + 0.12 + 0.11 / size) * farthest
    if reach < 0.2:
        return 1.0
    return min(1.0, max(0.0, 2 * sum((-1.0) ** (k - 1) * math.exp(-2 * (k * reach) ** 2) for k in range(1, 101))))


def quick_folder() -> Path | None:
    """Return a folder in memory, where there is one: how long a disk takes is chance, and as much as all the rest."""
    return next((folder for folder in (Path("/dev/shm"),) if os.access(folder, os.W_OK)), None)  # noqa: S108 - as it is called


async def _by_hand(pairs: int) -> None:
    with tempfile.TemporaryDirectory(dir=quick_folder()) as folder:
        async with service(Path(folder)) as app:
            for comparison in COMPARISONS:
                begun = time.monotonic()
                outlook, seen = await compare(app, comparison, pairs)
                alike = seen[comparison.kinds[0]] == seen[comparison.kinds[1]]
                took = time.monotonic() - begun
                print(f"{comparison!s:48} {outlook}  {'alike' if alike else seen}  ({took:.1f} s)")  # noqa: T201


if __name__ == "__main__":
    asyncio.run(_by_hand(int(sys.argv[1])))
