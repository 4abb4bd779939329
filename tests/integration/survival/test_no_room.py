"""SQLite without room or without leave to write: it says so, harms nothing, reads on, and goes on with room."""

import asyncio
import os
import resource
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.wire.people import Person, newcomer
from tests.integration.wire.raw import Answer, Connection, connected, json_request, request_bytes

from .postbox import Postbox
from .served import Served

# Of a file that may not grow any more, the system says the same as of a disk: here a file's end, there the disk's.
SMALL = 700 * 1_024
TINY = 20 * 1_024
UNLIMITED = resource.RLIM_INFINITY
# An administrator may write what they like; without that privilege they are a user like any other.
_AS_A_USER = "setpriv --bounding-set -dac_override,-dac_read_search" if os.geteuid() == 0 else ""


@pytest.fixture
def house(tmp_path: Path, postbox: Postbox) -> Served:
    """Give a service that is not started yet."""
    settings = {
        "DATABASE_URL": f"sqlite:///{tmp_path / 'auth.db'}",
        "MAIL_URL": f"smtp://127.0.0.1:{postbox.port}",
    }
    return Served(settings, tmp_path, before=_AS_A_USER)


@pytest.fixture
async def connection(house: Served) -> AsyncIterator[Connection]:
    """Give a connection to it."""
    async with connected(house.port, 1) as (connection,):
        yield connection


def room(service: Served, size: int) -> None:
    """Let its files grow to this size and no further, from now on."""
    _, most = resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (size, most))


def is_whole(file: Path) -> bool:
    """Ask SQLite itself."""
    with closing(sqlite3.connect(file)) as database:
        return database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_on_a_full_disk_writing_is_refused_and_reading_goes_on(
    house: Served, connection: Connection, postbox: Postbox, tmp_path: Path
) -> None:
    async with house:
        ann = newcomer()
        await connection.ask(json_request("POST", "/auth/users/", ann.sign_up))
        link = await postbox.link(ann.email, "activate")
        assert (await connection.ask(json_request("POST", "/auth/users/activation/", link.halves))).status == 204
        access = (await connection.ask(json_request("POST", "/auth/jwt/create/", ann.sign_in))).json()["access"]
        me = request_bytes("GET", "/auth/users/me/", auth=f"Bearer {access}")

        room(house, SMALL)
        kept: list[tuple[Person, Answer]] = []
        refused: list[tuple[Person, Answer]] = []
        while len(refused) < 20:
            person = newcomer()
            answer = await connection.ask(json_request("POST", "/auth/users/", person.sign_up))
            (kept if answer.status == 201 else refused).append((person, answer))
            assert len(kept) < 2_000
        assert len(kept) > 10
        assert {answer.status for _, answer in refused} == {503}
        assert all(int(answer.headers["retry-after"]) >= 1 for _, answer in refused)
        assert (await connection.ask(me)).status == 200
        assert (await connection.ask(request_bytes("GET", "/health/live"))).status == 200

        room(house, UNLIMITED)
        for person, _ in refused:
            assert (await connection.ask(json_request("POST", "/auth/users/", person.sign_up))).status == 201
        for person, _ in (*kept, *refused):
            await postbox.link(person.email, "activate")
        assert postbox.duplicates == 0
        assert await house.stop() == 0
    assert is_whole(tmp_path / "auth.db")
    with closing(sqlite3.connect(tmp_path / "auth.db")) as database:
        names = {name for (name,) in database.execute("SELECT username FROM users")}
    assert names == {ann.username} | {person.username for person, _ in (*kept, *refused)}


async def test_a_start_on_a_full_disk_ends_with_a_sentence_and_a_next_one_with_room_succeeds(
    house: Served, tmp_path: Path
) -> None:
    assert await _fails_to_start(house, "cannot be written", limit=f"ulimit -S -f {TINY // 512}")
    async with house:
        assert await house.stop() == 0
    assert is_whole(tmp_path / "auth.db")


async def test_a_start_on_a_file_that_may_only_be_read_ends_with_a_sentence(house: Served, tmp_path: Path) -> None:
    async with house:
        assert await house.stop() == 0
    file = tmp_path / "auth.db"
    before = file.read_bytes()
    file.chmod(0o444)
    assert await _fails_to_start(house, "Permission denied")
    assert file.read_bytes() == before
    file.chmod(0o600)
    async with house:
        assert await house.stop() == 0


async def test_a_start_in_a_folder_that_takes_no_file_ends_with_a_sentence(house: Served, tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    house.change(DATABASE_URL=f"sqlite:///{folder / 'auth.db'}")
    assert await _fails_to_start(house, "Permission denied")
    assert list(folder.iterdir()) == []


async def _fails_to_start(service: Served, why: str, *, limit: str = "") -> bool:
    """Say whether it ended at once, with a code and one sentence that says why."""
    said = len(service.log) if (service.folder / "service.log").exists() else 0
    service.start(limit=limit)
    try:
        code = await asyncio.to_thread(service.process.wait, 15)
    finally:
        await service.kill()
    lines = service.log[said:].splitlines()
    assert code == 1, lines
    # What the doctor has to say of the settings stands in the log before it.
    (sentence,) = [line for line in lines if not line.startswith("{")]
    assert why in sentence
    return True
