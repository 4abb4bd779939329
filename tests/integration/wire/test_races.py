"""Many ask for the same thing in the same instant, of two processes on one SQLite file: one of them gets it."""

import asyncio
import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import closing

import asyncpg
import pytest

from .conftest import Serve
from .people import Person, newcomer
from .raw import Answer, Connection, connected, json_request, opened, request_bytes
from .serving import Link, Server, as_bearer, link_to

MANY = 20


@pytest.fixture(scope="module")
def service(serve: Serve, database: dict[str, str]) -> Server:
    server = serve("--workers", "2", JWT_ROTATE_REFRESH_TOKENS="1", **database)
    asyncio.run(_both_are_there(server))
    return server


async def _both_are_there(server: Server) -> None:
    """Wait for the second process: one alone would settle most races by itself."""
    seen: set[str] = set()
    async with asyncio.timeout(20):
        while len(seen) < 2:
            async with connected(server.port, 1) as (connection,):
                seen.add(await _process_behind(connection))
            await asyncio.sleep(0.02)


async def _process_behind(connection: Connection) -> str:
    answer = await connection.ask(request_bytes("GET", "/health/live"))
    # What stands before the running number is the process.
    return answer.headers["x-request-id"][:12]


def all_at_once(service: Server, requests: Sequence[bytes]) -> list[Answer]:
    """Send every request on a connection of its own, all in the same instant, half of them to each process."""

    async def ask() -> list[Answer]:
        async with connected(service.port, 8 * len(requests)) as connections:
            ready = await _halves(connections, len(requests))
            return list(await asyncio.gather(*map(Connection.ask, ready, requests)))

    return asyncio.run(ask())


async def _halves(connections: Sequence[Connection], count: int) -> list[Connection]:
    """Return so many open connections, half of them to each of the two processes.

    One after another, for of many that come together the process that wakes up first takes all.
    """
    held: dict[str, list[Connection]] = defaultdict(list)
    for connection in connections:
        held[await _process_behind(connection)].append(connection)
        halves = [each[: count // 2] for each in held.values()]
        if sum(map(len, halves)) == count:
            return [connection for two in zip(*halves, strict=True) for connection in two]
    pytest.fail(f"connections went to processes as {list(map(len, held.values()))}")


def statuses(answers: Sequence[Answer]) -> Counter[int]:
    return Counter(answer.status for answer in answers)


def active(service: Server) -> Person:
    person = newcomer()
    service.client.post("/auth/users/", json=person.sign_up).raise_for_status()
    service.client.post(
        "/auth/users/activation/", json=link_to(service.mailbox, person.email).halves
    ).raise_for_status()
    return person


def wait_for_postmen(service: Server) -> None:
    """Return when there is no mail left to send."""
    deadline = time.monotonic() + 5
    while asyncio.run(_waiting(service.database_url)):
        assert time.monotonic() < deadline, "the outbox does not empty"
        time.sleep(0.01)


async def _waiting(url: str) -> int:
    """Return how many mails are still to be sent."""
    asked = "SELECT count(*) FROM outbox WHERE state = 'waiting'"
    if url.startswith("postgresql:"):
        connection = await asyncpg.connect(url)
        count = int(await connection.fetchval(asked))
        await connection.close()
        return count
    with closing(sqlite3.connect(f"file:{url.removeprefix('sqlite:///')}?mode=ro", uri=True)) as database:
        return int(database.execute(asked).fetchone()[0])


@pytest.mark.parametrize("same", ["username", "email", "both"])
@pytest.mark.parametrize("path", ["/auth/users/", "/api/register"])
def test_one_of_many_gets_a_name_or_an_address_and_the_others_are_told_which(
    service: Server, same: str, path: str
) -> None:
    ann = newcomer()
    people = [newcomer() for _ in range(MANY)]
    if same != "email":
        people = [Person(ann.username, person.email) for person in people]
    if same != "username":
        people = [Person(person.username, ann.email) for person in people]
    answers = all_at_once(service, [json_request("POST", path, person.sign_up) for person in people])
    refused = 400 if path.startswith("/auth") else 409
    assert statuses(answers) == {201: 1, refused: MANY - 1}
    named = {"username", "email"} if same == "both" else {same}
    for answer in answers:
        if answer.status != 201:
            body = answer.json() if refused == 400 else answer.json()["errors"]
            # Who looks while the winner commits may find one of two taken and the other not yet.
            assert body.keys() <= named
            assert body
    wait_for_postmen(service)
    (winner,) = [person for person, answer in zip(people, answers, strict=True) if answer.status == 201]
    mailed = [email for email in {person.email for person in people} if service.mailbox.holding(email)]
    assert mailed == [winner.email]
    assert len(service.mailbox.holding(winner.email)) == 1


def test_one_of_many_activates_and_the_others_find_it_done(service: Server) -> None:
    ann = newcomer()
    service.client.post("/auth/users/", json=ann.sign_up).raise_for_status()
    request = json_request("POST", "/auth/users/activation/", link_to(service.mailbox, ann.email).halves)
    answers = all_at_once(service, [request] * MANY)
    assert statuses(answers) == {204: 1, 403: MANY - 1}
    assert {answer.json()["detail"] for answer in answers if answer.status == 403} == {"Stale token for given user."}


def _reset_link(service: Server, ann: Person) -> Link:
    service.client.post("/auth/users/reset_password/", json={"email": ann.email}).raise_for_status()
    return link_to(service.mailbox, ann.email, 2)


@pytest.mark.parametrize(
    ("path", "done", "refused"),
    [("/auth/users/reset_password_confirm/", 204, 400), ("/api/reset_password/confirm", 200, 410)],
)
def test_one_of_many_resets_the_password_and_theirs_counts(service: Server, path: str, done: int, refused: int) -> None:
    ann = active(service)
    halves = _reset_link(service, ann).halves
    passwords = [f"vK8-candidate-{number}" for number in range(MANY)]
    answers = all_at_once(
        service, [json_request("POST", path, {**halves, "new_password": password}) for password in passwords]
    )
    assert statuses(answers) == {done: 1, refused: MANY - 1}
    good = [
        password
        for password in passwords
        if service.client.post("/auth/jwt/create/", json=ann.with_password(password).sign_in).status_code == 200
    ]
    assert good == [password for password, answer in zip(passwords, answers, strict=True) if answer.status == done]


def test_of_many_refreshes_at_once_all_get_the_same_live_successor(service: Server) -> None:
    ann = active(service)
    first = service.client.post("/auth/jwt/create/", json=ann.sign_in).json()["refresh"]
    requests = [
        json_request("POST", path, {"refresh": first})
        for path in ("/auth/jwt/refresh/", "/api/token/refresh")
        for _ in range(8)
    ]
    answers = all_at_once(service, requests)
    assert statuses(answers) == {200: 16}
    (successor,) = {answer.json()["refresh"] for answer in answers}
    assert successor != first
    for answer in answers:
        access = as_bearer(answer.json()["access"])
        assert service.client.get("/auth/users/me/", headers=access).status_code == 200
    again = service.client.post("/auth/jwt/refresh/", json={"refresh": successor})
    assert again.status_code == 200
    assert again.json()["refresh"] != successor


def test_a_change_of_password_and_a_reset_at_once_leave_one_password(service: Server) -> None:
    ann = active(service)
    link = _reset_link(service, ann)
    access = service.client.post("/auth/jwt/create/", json=ann.sign_in).json()["access"]
    change = {"current_password": ann.password, "new_password": "vK8-by-the-change"}
    reset = {**link.halves, "new_password": "vK8-by-the-reset"}
    answers = all_at_once(
        service,
        [
            json_request("POST", "/auth/users/set_password/", change, auth=f"Bearer {access}"),
            json_request("POST", "/auth/users/reset_password_confirm/", reset),
        ]
        * 4,
    )
    assert all(answer.status in {204, 400, 401} for answer in answers)
    good = [
        password
        for password in (ann.password, "vK8-by-the-change", "vK8-by-the-reset")
        if service.client.post("/auth/jwt/create/", json=ann.with_password(password).sign_in).status_code == 200
    ]
    assert len(good) == 1
    assert good != [ann.password]


def test_many_sign_ins_of_one_person_at_once_are_many_sessions(service: Server) -> None:
    ann = active(service)
    requests = [json_request("POST", path, ann.sign_in) for path in ("/auth/token/login/", "/api/login")] * (MANY // 2)
    answers = all_at_once(service, requests)
    assert statuses(answers) == {200: MANY}
    tokens = {str(answer.json().get("auth_token") or answer.json()["access"]) for answer in answers}
    assert len(tokens) == MANY
    devices = service.client.get("/api/sessions", headers=as_bearer(tokens.pop())).json()
    assert len(devices) == MANY


def test_signing_out_and_refreshing_at_once_leave_nothing_alive(service: Server) -> None:
    ann = active(service)
    tokens = service.client.post("/api/login", json=ann.sign_in).json()
    body = {"refresh": tokens["refresh"]}
    answers = all_at_once(
        service, [json_request("POST", path, body) for path in ("/api/logout", "/api/token/refresh")] * 6
    )
    assert all(answer.status in {200, 401} for answer in answers)
    handed_out = [answer.json()["access"] for answer in answers if "access" in answer.json()]
    for access in (tokens["access"], *handed_out):
        assert service.client.get("/api/user", headers=as_bearer(access)).status_code == 401


def test_one_account_deleted_by_many_at_once_is_deleted_once(service: Server) -> None:
    ann = active(service)
    access = service.client.post("/api/login", json=ann.sign_in).json()["access"]
    request = json_request("DELETE", "/auth/users/me/", {"current_password": ann.password}, auth=f"Bearer {access}")
    counts = statuses(all_at_once(service, [request] * 8))
    assert counts[204] == 1
    assert counts.keys() <= {204, 401, 404}


def test_one_pending_address_goes_to_one_of_two_who_prove_it_at_once(service: Server) -> None:
    wanted = newcomer().email
    people = [active(service) for _ in range(2)]
    links = []
    for number, person in enumerate(people, 1):
        access = service.client.post("/api/login", json=person.sign_in).json()["access"]
        changed = service.client.patch("/api/user", json={"email": wanted}, headers=as_bearer(access))
        changed.raise_for_status()
        links.append(link_to(service.mailbox, wanted, number))
    answers = all_at_once(service, [json_request("POST", "/auth/users/activation/", link.halves) for link in links])
    assert statuses(answers) == {204: 1, 400: 1}


def test_a_connection_cut_off_in_mid_registration_leaves_a_whole_account_or_none(service: Server) -> None:
    people = [newcomer() for _ in range(MANY)]

    async def begin_and_leave(person: Person) -> None:
        async with opened(service.port) as (_, writer):
            writer.write(json_request("POST", "/auth/users/", person.sign_up))
            await writer.drain()

    async def all_leave() -> None:
        await asyncio.gather(*map(begin_and_leave, people))

    asyncio.run(all_leave())
    wait_for_postmen(service)
    for person in people:
        again = service.client.post("/auth/users/", json=person.sign_up)
        assert again.status_code == 201 or set(again.json()) == {"username", "email"}
    wait_for_postmen(service)
    assert [len(service.mailbox.holding(person.email)) for person in people] == [1] * MANY
