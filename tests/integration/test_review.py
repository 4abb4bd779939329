"""What a reading of the whole with fresh eyes found, and is not to come back."""

import asyncio
import time
from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest

from auth_service.adapters.memory.core import memory_core
from auth_service.api.app import create_app
from auth_service.api.options import Options
from auth_service.domain.core import Core
from auth_service.domain.model import Session
from auth_service.domain.policy import Policy
from auth_service.settings import read_settings
from auth_service.wiring import open_core

PASSWORD = "vK8-long-enough"


@pytest.fixture
async def core(postgres_url: str) -> AsyncIterator[Core]:
    """Give a core over an empty PostgreSQL database."""
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("TRUNCATE users, sessions, revoked_tokens, attempts, outbox RESTART IDENTITY CASCADE")
    await connection.close()
    settings = {
        "DATABASE_URL": postgres_url,
        "SECRET_KEY": "a secret that both sides of the house know",
        "JWT_ALGORITHM": "HS256",
        "ARGON2_TIME_COST": "1",
        "ARGON2_MEMORY_KIB": "8",
        "THROTTLING": "0",
    }
    async with open_core(read_settings(settings, None)) as opened:
        yield opened


async def test_a_sign_in_that_slips_in_while_somebody_is_shut_out_ends_with_the_others(
    core: Core, postgres_url: str
) -> None:
    ann = await core.people.create(username="ann", email="ann@example.org", password=PASSWORD, staff=False)
    elsewhere = await asyncpg.connect(postgres_url)
    lock = elsewhere.transaction()
    await lock.start()
    # The account cannot be written for now, and can be read.
    await elsewhere.execute("SELECT 1 FROM users WHERE id = $1 FOR SHARE", ann.id)
    shutting_out = asyncio.create_task(core.people.deactivate("ann"))
    while not await elsewhere.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110 - the database tells nobody
        await asyncio.sleep(0.01)
    work = core.tokens.store.begin()
    now = time.time()
    session = Session(
        id="f" * 32, user_id=ann.id, kind="jwt", created_at=now, last_seen_at=now, expires_at=now + 60, refresh_id="a"
    )
    work.sessions.open(session, stamp=ann.stamp)
    await work.commit()
    await lock.commit()
    await shutting_out
    await elsewhere.close()
    assert await core.tokens.sessions.of_user(ann.id) == []


ANN = {"username": "ann", "email": "ann@example.org", "password": PASSWORD}
CROSS_SITE = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}


def browser(**choices: str) -> httpx.AsyncClient:
    """Give somebody who calls a service on memory, whose operator chose this."""

    async def ping() -> None: ...

    app = create_app(memory_core(Policy(activation="off", **choices)), Options(), ping=ping)  # type: ignore[arg-type]
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="https://auth.test")


async def test_the_frontend_is_known_by_its_origin_however_the_operator_spells_its_address() -> None:
    async with browser(frontend_url="https://Front.Example:443/app") as client:
        (await client.post("/api/register", json=ANN)).raise_for_status()
        headers = {"Origin": "https://front.example", "Sec-Fetch-Site": "cross-site"}
        assert (await client.post("/api/auth/login", json=ANN, headers=headers)).status_code == 200
        for other in ("http://front.example", "https://front.example:444"):
            headers["Origin"] = other
            assert (await client.post("/api/auth/login", json=ANN, headers=headers)).status_code == 403


async def test_another_site_that_signs_out_of_its_own_account_takes_nobodys_cookies_away() -> None:
    async with browser() as client:
        (await client.post("/api/register", json=ANN)).raise_for_status()
        for headers, clears in ((CROSS_SITE, False), ({}, True), ({"Sec-Fetch-Site": "same-origin"}, True)):
            refresh = (await client.post("/api/login", json=ANN)).json()["refresh"]
            answer = await client.post("/api/logout", json={"refresh": refresh}, headers=headers)
            assert answer.status_code == 200
            assert ("set-cookie" in answer.headers) is clears
