"""Sixteen clients ask several processes for the same thing in the same instant, again and again: one effect each."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.integration.wire.people import Person, newcomer
from tests.integration.wire.raw import Answer, Connection, connected, json_request, request_bytes

from .books import look
from .conftest import figure
from .postbox import Postbox
from .served import Served

ROUNDS = figure("SURVIVAL_ROUNDS", 15)
ROTATIONS = figure("SURVIVAL_ROTATIONS", 200)
CLIENTS = 16
OUTCOMES = {
    "the same name": {201: 1, 400: CLIENTS - 1},
    "the same activation": {204: 1, 403: CLIENTS - 1},
    "the same reset": {204: 1, 400: CLIENTS - 1},
    # Within the grace all get the one successor: the others are the same honest client, who asked again.
    "the same refresh": {200: CLIENTS},
}


class Doors:
    """The processes, sixteen kept connections to them, and one for all that is not raced."""

    def __init__(self, connections: Sequence[Connection], postbox: Postbox, url: str) -> None:
        self.postbox = postbox
        self.url = url
        self._connections = connections

    async def at_once(self, requests: Sequence[bytes]) -> list[Answer]:
        """Send them all in the same instant, each over a connection of its own."""
        return list(await asyncio.gather(*map(Connection.ask, self._connections, requests)))

    async def ask(self, request: bytes) -> Answer:
        """Send one."""
        return await self._connections[0].ask(request)

    async def register(self) -> Person:
        """Return somebody who has just registered."""
        person = newcomer()
        assert (await self.ask(json_request("POST", "/auth/users/", person.sign_up))).status == 201
        return person

    async def active(self) -> Person:
        """Return somebody who may sign in."""
        person = await self.register()
        halves = await self.link(person, "activate")
        assert (await self.ask(json_request("POST", "/auth/users/activation/", halves))).status == 204
        return person

    async def link(self, person: Person, page: str) -> dict[str, str]:
        """Return the halves of the newest link that was mailed."""
        return (await self.postbox.link(person.email, page)).halves


@pytest.fixture
async def doors(
    request: pytest.FixtureRequest, settings: dict[str, str], postbox: Postbox, tmp_path: Path
) -> AsyncIterator[Doors]:
    """Give so many processes on one database: a `serve` each on PostgreSQL, workers of one `serve` on SQLite."""
    processes: int = request.param
    settings = {**settings, "JWT_ROTATE_REFRESH_TOKENS": "1"}
    on_sqlite = settings["DATABASE_URL"].startswith("sqlite")
    async with AsyncExitStack() as stack:
        served = [
            await stack.enter_async_context(
                Served(settings, tmp_path, *(["--workers", str(processes)] if on_sqlite else []))
            )
            for _ in range(1 if on_sqlite else processes)
        ]
        connections = await _spread(stack, served, processes)
        yield Doors(connections, postbox, settings["DATABASE_URL"])


async def _spread(stack: AsyncExitStack, served: Sequence[Served], processes: int) -> list[Connection]:
    """Return sixteen connections, as many to each process, for of many that come together one process takes all."""
    held: dict[str, list[Connection]] = {}
    async with asyncio.timeout(60):
        number = 0
        while sum(len(each) for each in held.values()) < CLIENTS:
            number += 1
            (connection,) = await stack.enter_async_context(connected(served[number % len(served)].port, 1))
            answer = await connection.ask(request_bytes("GET", "/health/live"))
            # What stands before the running number is the process.
            mine = held.setdefault(answer.headers["x-request-id"][:12], [])
            if len(mine) < CLIENTS // processes:
                mine.append(connection)
    assert len(held) == processes
    return [connection for each in held.values() for connection in each]


@pytest.mark.parametrize("doors", [2], ids=["two processes"], indirect=True)
async def test_a_name_a_link_or_a_token_that_many_want_at_once_is_had_by_one(doors: Doors) -> None:
    seen: Counter[str] = Counter()

    def tell(what: str, answers: Sequence[Answer]) -> None:
        seen.update(f"{what}: {count} x {status}" for status, count in Counter(a.status for a in answers).items())

    for number in range(ROUNDS):
        wanted = newcomer()
        rivals = [Person(wanted.username, newcomer().email) for _ in range(CLIENTS)]
        answers = await doors.at_once([json_request("POST", "/auth/users/", rival.sign_up) for rival in rivals])
        tell("the same name", answers)
        (winner,) = [rival for rival, answer in zip(rivals, answers, strict=True) if answer.status == 201]

        halves = await doors.link(winner, "activate")
        tell("the same activation", await doors.at_once([_activation(halves)] * CLIENTS))

        await doors.ask(json_request("POST", "/auth/users/reset_password/", {"email": winner.email}))
        halves = await doors.link(winner, "password-reset")
        passwords = [f"vK8-candidate-{number}-{client}" for client in range(CLIENTS)]
        answers = await doors.at_once([_reset(halves, password) for password in passwords])
        tell("the same reset", answers)
        theirs = [password for password, answer in zip(passwords, answers, strict=True) if answer.status == 204]
        signed_in = await doors.at_once(
            [json_request("POST", "/auth/jwt/create/", winner.with_password(each).sign_in) for each in passwords]
        )
        assert [each for each, answer in zip(passwords, signed_in, strict=True) if answer.status == 200] == theirs

        (first,) = [answer.json()["refresh"] for answer in signed_in if answer.status == 200]
        answers = await doors.at_once([_refresh(first)] * CLIENTS)
        tell("the same refresh", answers)
        (successor,) = {answer.json()["refresh"] for answer in answers} - {first}
        mine = [request_bytes("GET", "/auth/users/me/", auth=f"Bearer {answer.json()['access']}") for answer in answers]
        assert {answer.status for answer in await doors.at_once(mine)} == {200}
        assert (await doors.ask(_refresh(successor))).status == 200
    print(f"{doors.url.partition(':')[0]}: {dict(seen)}")  # noqa: T201 - for whoever runs it by hand
    assert seen == {
        f"{what}: {count} x {status}": ROUNDS for what, outcome in OUTCOMES.items() for status, count in outcome.items()
    }
    (accounts,) = await look(doors.url, "SELECT count(*) FROM users")
    assert accounts[0] == ROUNDS


@pytest.mark.parametrize("doors", [4], ids=["four processes"], indirect=True)
async def test_a_refresh_token_that_many_rotate_again_and_again_has_one_successor_each_time(doors: Doors) -> None:
    person = await doors.active()
    given = (await doors.ask(json_request("POST", "/auth/jwt/create/", person.sign_in))).json()
    seen: Counter[int] = Counter()
    double = 0
    for _ in range(ROTATIONS):
        answers = await doors.at_once([_refresh(given["refresh"])] * CLIENTS)
        seen.update(answer.status for answer in answers)
        successors = {answer.json().get("refresh") for answer in answers if answer.status == 200}
        double += len(successors) - 1
        assert given["refresh"] not in successors
        given = next(answer for answer in answers if answer.status == 200).json()
    alive = await doors.at_once([request_bytes("GET", "/auth/users/me/", auth=f"Bearer {given['access']}")] * CLIENTS)
    print(f"{doors.url.partition(':')[0]}: {ROTATIONS} rotations, {dict(seen)}, {double} double successors")  # noqa: T201 - the same
    assert seen == {200: CLIENTS * ROTATIONS}
    assert double == 0
    assert {answer.status for answer in alive} == {200}
    (sessions,) = await look(doors.url, "SELECT count(*) FROM sessions")
    assert sessions[0] == 1


def _activation(halves: dict[str, str]) -> bytes:
    return json_request("POST", "/auth/users/activation/", halves)


def _reset(halves: dict[str, str], password: str) -> bytes:
    return json_request("POST", "/auth/users/reset_password_confirm/", {**halves, "new_password": password})


def _refresh(token: str) -> bytes:
    return json_request("POST", "/auth/jwt/refresh/", {"refresh": token})
