"""A spent refresh token that is used again ends its session for good: told once, recorded once, killed or not."""

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest

from tests.integration.conformance.running import Mailbox, ReceivedMail

from .people import Person, newcomer
from .serving import Server, as_bearer, let_mail_come

_SETTINGS = {"JWT_ROTATE_REFRESH_TOKENS": "1", "JWT_REFRESH_GRACE": "0", "ACTIVATION": "off"}
_PATIENCE = 10.0
_BROWSER = {"User-Agent": "Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/140.0"}


@pytest.fixture
def server(database: dict[str, str], mailbox: Mailbox, tmp_path: Path) -> Iterator[Server]:
    """Give a service of two processes that is this test's own, to be killed."""
    with Server({**_SETTINGS, **database}, mailbox, tmp_path, "--workers", "2") as server:
        yield server


def sign_up(server: Server) -> Person:
    person = newcomer()
    server.client.post("/auth/users/", json=person.sign_up).raise_for_status()
    return person


def sign_in(server: Server, person: Person) -> dict[str, str]:
    answer = server.client.post("/auth/jwt/create/", json=person.sign_in)
    pair: dict[str, str] = answer.raise_for_status().json()
    return pair


def refresh(server: Server, token: str) -> httpx.Response:
    return server.client.post("/auth/jwt/refresh/", json={"refresh": token}, headers=_BROWSER)


def spend(server: Server, person: Person) -> tuple[str, str]:
    """Sign in, rotate and wait: return a token that is spent, and the one that took its place."""
    spent = sign_in(server, person)["refresh"]
    live = refresh(server, spent).json()["refresh"]
    time.sleep(0.05)
    return spent, live


def warnings_to(server: Server, person: Person) -> list[ReceivedMail]:
    return [
        mail for mail in server.mailbox.holding(person.email) if "sign-ins" in mail.text and "was ended" in mail.text
    ]


def records(server: Server, person: Person, what: str, *, least: int = 1) -> list[dict[str, Any]]:
    """Return what the journal says of somebody, as soon as it says so much."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        told = server.run("journal", "list", "--user", person.username, "--what", what, "--json").splitlines()
        if len(told) >= least:
            return [msgspec.json.decode(line) for line in told]
        assert time.monotonic() < deadline, f"{len(told)} records of {what}, not {least}"
        time.sleep(0.05)


async def _warnings_queued(url: str, person: Person) -> int:
    """Return how many mails about an end were ever queued for somebody."""
    asked = f"SELECT count(*) FROM outbox WHERE kind = 'session_ended_by_reuse' AND recipient = '{person.email}'"
    if url.startswith("postgresql:"):
        connection = await asyncpg.connect(url)
        count = int(await connection.fetchval(asked))
        await connection.close()
        return count
    with closing(sqlite3.connect(f"file:{url.removeprefix('sqlite:///')}?mode=ro", uri=True)) as database:
        return int(database.execute(asked).fetchone()[0])


def test_many_replays_at_once_end_the_session_once_tell_once_and_are_recorded_once(server: Server) -> None:
    ann = sign_up(server)
    spent, live = spend(server, ann)
    other = sign_in(server, ann)
    with ThreadPoolExecutor(16) as crowd:
        answers = list(crowd.map(lambda _: refresh(server, spent), range(16)))
    assert {answer.status_code for answer in answers} == {401}
    assert refresh(server, live).status_code == 401
    # The other device has done nothing.
    assert server.client.get("/auth/users/me/", headers=as_bearer(other["access"])).status_code == 200
    assert refresh(server, other["refresh"]).status_code == 200

    let_mail_come(server)
    (mail,) = warnings_to(server, ann)
    assert "Firefox on Windows" in mail.text
    (record,) = records(server, ann, "refresh_reused")
    assert (record["address"], record["agent"]) == ("127.0.0.1", _BROWSER["User-Agent"])
    assert record["session_id"]
    # The others came too late, and that is recorded too; none of it holds a token.
    assert records(server, ann, "refresh_refused")
    assert not any(token in repr(record) for token in (spent, live, other["refresh"]))
    assert "is whole" in server.run("journal", "verify")


def test_what_was_ended_stays_ended_when_the_service_is_killed_at_once(
    mailbox: Mailbox, database: dict[str, str], tmp_path: Path
) -> None:
    settings = {**_SETTINGS, **database}
    with Server(settings, mailbox, tmp_path) as server:
        ann = sign_up(server)
        spent, live = spend(server, ann)
        assert records(server, ann, "signed_in")
        assert refresh(server, spent).status_code == 401
        server.kill()
        # Session and mail went in one commit, before the answer.
        assert asyncio.run(_warnings_queued(server.database_url, ann)) == 1
    with Server(settings, mailbox, tmp_path) as again:
        assert refresh(again, live).status_code == 401
        assert refresh(again, spent).status_code == 401
        assert asyncio.run(_warnings_queued(again.database_url, ann)) == 1
        # The last half second may be missing from the journal, and nothing else: it goes on where it was.
        assert records(again, ann, "refresh_refused")
        assert len(records(again, ann, "signed_in")) == 1
        assert "is whole" in again.run("journal", "verify")
