"""The postman with real mail servers: what is stuck delays nobody, and requests do not feel it."""

import asyncio
import shutil
import sqlite3
import statistics
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path
from typing import cast

import httpx
import pytest
from httpx._transports.asgi import _ASGIApp

from auth_service.domain.post import HANDS
from auth_service.settings import read_settings
from auth_service.wiring import chores, running

from .conftest import OpenPostOffice, PostOffice

Serve = Callable[[int], AbstractAsyncContextManager[httpx.AsyncClient]]
_CHEAP = {"ARGON2_TIME_COST": "1", "ARGON2_MEMORY_KIB": "8", "ARGON2_PARALLELISM": "1", "THROTTLING": "0"}


@pytest.fixture
def serve(empty_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Serve over a mail server at some port, and ask over ASGI."""
    file = tmp_path / "auth.db"
    shutil.copy(empty_database, file)
    # What is stuck at the end of a test is not waited for.
    monkeypatch.setattr(chores, "_FINISHES_WITHIN", 0.1)

    @asynccontextmanager
    async def served(port: int) -> AsyncIterator[httpx.AsyncClient]:
        given = {**_CHEAP, "DATABASE_URL": f"sqlite:///{file}", "MAIL_URL": f"smtp://127.0.0.1:{port}"}
        async with running(read_settings(given, None)) as app:
            over = httpx.ASGITransport(cast("_ASGIApp", app))
            async with httpx.AsyncClient(transport=over, base_url="http://auth.test") as client:
                yield client

    return served


async def register(client: httpx.AsyncClient, name: str) -> float:
    """Register, which mails a link; return how long it took."""
    body = {"username": name, "email": f"{name}@example.org", "password": "walnut-Ferry-97-lantern"}
    begun = time.perf_counter()
    answer = await client.post("/auth/users/", json=body)
    took = time.perf_counter() - begun
    assert answer.status_code == 201, answer.text
    return took


async def until(holds: Callable[[], bool], patience: float = 10.0) -> None:
    async with asyncio.timeout(patience):
        while not holds():  # noqa: ASYNC110 - the server is no task of ours
            await asyncio.sleep(0.01)


def got(office: PostOffice) -> list[str]:
    return [envelope.rcpt_tos[0].partition("@")[0] for envelope in office.taken]


async def test_a_mail_that_is_stuck_delays_no_other(serve: Serve, post_office: OpenPostOffice) -> None:
    office = await post_office()
    office.stuck = {"stuck@example.org"}
    async with serve(office.port) as client:
        await register(client, "stuck")
        for number in range(HANDS + 4):
            await register(client, f"n{number}")
            await until(lambda number=number: f"n{number}" in got(office), patience=5.0)  # type: ignore[misc]


async def test_of_a_crowd_that_comes_at_once_all_go_but_those_that_are_stuck(
    serve: Serve, post_office: OpenPostOffice
) -> None:
    office = await post_office()
    office.stuck = {f"n{number}@example.org" for number in range(0, 60, 5)}
    async with serve(office.port) as client:
        await asyncio.gather(*(register(client, f"n{number}") for number in range(60)))
        await until(lambda: len(office.taken) == 60 - len(office.stuck), patience=8.0)


async def test_requests_take_as_long_while_the_mail_server_hangs_as_they_take_otherwise(
    serve: Serve, post_office: OpenPostOffice
) -> None:
    office = await post_office()
    office.stuck = {f"hung{number}@example.org" for number in range(30)}
    async with serve(office.port) as client:
        quick = [await register(client, f"quick{number}") for number in range(30)]
        await until(lambda: len(office.taken) == 30)
        hung = [await register(client, f"hung{number}") for number in range(30)]
        assert len(office.taken) == 30
    assert statistics.median(hung) < 3 * statistics.median(quick)


async def test_what_a_server_that_was_down_did_not_take_goes_out_when_it_is_back(
    serve: Serve, post_office: OpenPostOffice, free_port: int, tmp_path: Path
) -> None:
    async with serve(free_port) as client:
        await asyncio.gather(*(register(client, f"n{number}") for number in range(5)))
        await until(lambda: _tried(tmp_path, 5))
    office = await post_office()
    async with serve(office.port):
        await until(lambda: len(office.taken) == 5)
    names = {name for *_, name in _kept(tmp_path)}
    assert {_message_id(envelope.content) for envelope in office.taken} == names


async def test_a_newer_link_is_not_followed_by_an_older_one(
    serve: Serve, post_office: OpenPostOffice, tmp_path: Path
) -> None:
    office = await post_office()
    office.recipients["ann@example.org"] = "450 4.2.1 greylisted"
    async with serve(office.port) as client:
        await register(client, "ann")
        await until(lambda: _tried(tmp_path, 1))
        office.recipients.clear()
        (await client.post("/auth/users/resend_activation/", json={"email": "ANN@example.org"})).raise_for_status()
        await until(lambda: len(office.taken) == 1)
        await until(lambda: [state for state, *_ in _kept(tmp_path)] == ["superseded", "sent"])
    (only,) = office.taken
    assert _message_id(only.content) == _kept(tmp_path)[1][-1]


def _kept(folder: Path) -> list[tuple[str, int, float, str]]:
    """Return state, tries, end of the lease and name of all mails."""
    with closing(sqlite3.connect(folder / "auth.db")) as connection:
        return connection.execute("SELECT state, attempts, leased_until, message_id FROM outbox ORDER BY id").fetchall()


def _tried(folder: Path, count: int) -> bool:
    return sum(tries >= 1 and not held for _, tries, held, _ in _kept(folder)) == count


def _message_id(content: bytes | str | None) -> str:
    assert isinstance(content, bytes)
    line = next(line for line in content.splitlines() if line.lower().startswith(b"message-id:"))
    return line.partition(b":")[2].strip().decode()
