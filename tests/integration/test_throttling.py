"""Throttling as people meet it: a service of two processes, and callers at addresses of their own."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count

import httpx
import pytest

from tests.integration.conformance.running import Mailbox
from tests.integration.wire.serving import Server, mails_to

PASSWORD = "correct horse battery"
WRONG = "a wrong horse battery"
# A request id begins with digits that are the process's own.
_PROCESS_DIGITS = 12
_numbers = count(2)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a throttled service of two processes."""
    settings = {"THROTTLING": "1", "ACTIVATION": "optional"}
    with (
        Mailbox() as mailbox,
        Server(settings, mailbox, tmp_path_factory.mktemp("service"), "--workers", "2") as server,
    ):
        yield server


class Callers:
    """Gives callers, each at an address that nobody had before."""

    def __init__(self, server: Server, stack: ExitStack) -> None:
        self._server = server
        self._stack = stack
        self.address = f"http://127.0.0.1:{server.port}"

    def one(self) -> httpx.Client:
        """Give a caller that opens a connection for each request, so that any process may answer it."""
        transport = httpx.HTTPTransport(
            local_address=self.new_address(), limits=httpx.Limits(max_keepalive_connections=0)
        )
        return self._stack.enter_context(httpx.Client(base_url=self.address, transport=transport, timeout=20))

    @staticmethod
    def new_address() -> str:
        """Return an address of this machine that nobody has called from."""
        return f"127.0.1.{next(_numbers)}"


@pytest.fixture
def callers(server: Server) -> Iterator[Callers]:
    """Give callers."""
    with ExitStack() as stack:
        yield Callers(server, stack)


def register(caller: httpx.Client, name: str) -> None:
    answer = caller.post("/auth/users/", json={"username": name, "email": f"{name}@example.org", "password": PASSWORD})
    assert answer.status_code == 201, answer.text


def sign_in(caller: httpx.Client, name: str, password: str = WRONG) -> int:
    """Sign in, and return the status of the answer."""
    return caller.post("/auth/jwt/create/", json={"username": name, "password": password}).status_code


def told_to_wait(answer: httpx.Response, longest: int) -> int:
    """Return for how many seconds an answer says to wait."""
    assert answer.status_code == 429, answer.text
    seconds = int(answer.headers["Retry-After"])
    assert 1 <= seconds <= longest
    return seconds


def test_djosers_dialect_says_for_how_long(callers: Callers) -> None:
    caller = callers.one()
    assert [sign_in(caller, "nobody-there") for _ in range(10)] == [401] * 10
    refused = caller.post("/auth/jwt/create/", json={"username": "nobody-there", "password": WRONG})
    seconds = told_to_wait(refused, 60)
    assert refused.json() == {"detail": f"Request was throttled. Expected available in {seconds} seconds."}
    # The same account by another door.
    told_to_wait(caller.post("/auth/token/login/", json={"username": "nobody-there", "password": WRONG}), 60)


def test_the_native_dialect_says_for_how_long(callers: Callers) -> None:
    caller = callers.one()
    body = {"identifier": "nobody-here", "password": WRONG}
    for path in ("/api/login", "/api/token", "/api/auth/login") * 3 + ("/api/login",):
        assert caller.post(path, json=body).status_code == 401
    for path in ("/api/login", "/api/token", "/api/auth/login"):
        refused = caller.post(path, json=body)
        told_to_wait(refused, 60)
        assert refused.headers["Content-Type"] == "application/problem+json"
        problem = refused.json()
        assert isinstance(problem.pop("detail"), str)
        assert problem == {
            "type": "about:blank",
            "title": "Too Many Requests",
            "status": 429,
            "code": "too_many_attempts",
        }


def test_both_dialects_share_a_counter_and_all_spellings_do(callers: Callers) -> None:
    owner, stranger = callers.one(), callers.one()
    register(owner, "ann")
    spellings = ["ann", "ANN", " ann ", "\uff41\uff4e\uff4e", "ann@example.org", "Ann@EXAMPLE.org"]
    tries: list[tuple[str, dict[str, str]]] = [
        (path, {"identifier": spelling, "password": WRONG})
        for path in ("/auth/jwt/create/", "/api/login")
        for spelling in spellings
    ]
    statuses = [stranger.post(path, json=body).status_code for path, body in tries]
    assert statuses == [401] * 10 + [429] * 2


def test_while_it_is_refused_the_right_password_is_too_and_the_owner_gets_in_from_elsewhere(
    callers: Callers,
) -> None:
    owner, stranger = callers.one(), callers.one()
    register(owner, "bob")
    assert [sign_in(stranger, "bob") for _ in range(15)] == [401] * 10 + [429] * 5
    assert sign_in(stranger, "bob", PASSWORD) == 429
    assert sign_in(owner, "bob", PASSWORD) == 200


async def test_two_processes_let_pass_no_more_than_one_would(callers: Callers) -> None:
    answering: set[str] = set()
    async with asyncio.timeout(20):
        # Again, with another name from elsewhere, until both have answered some of a crowd.
        while len(answering) < 2:
            address = callers.new_address()
            body = {"username": f"nobody at {address}", "password": WRONG}
            transport = httpx.AsyncHTTPTransport(local_address=address)
            async with httpx.AsyncClient(base_url=callers.address, transport=transport, timeout=20) as caller:
                answers = await asyncio.gather(*(caller.post("/auth/jwt/create/", json=body) for _ in range(40)))
            assert Counter(answer.status_code for answer in answers) == {401: 10, 429: 30}
            answering = {answer.headers["X-Request-ID"][:_PROCESS_DIGITS] for answer in answers}


async def test_two_services_on_one_postgresql_let_pass_exactly_what_one_would(
    postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings = {"THROTTLING": "1", "DATABASE_URL": postgres_url}
    with ExitStack() as stack:
        mailbox = stack.enter_context(Mailbox())
        servers = [Server(settings, mailbox, tmp_path_factory.mktemp("service")) for _ in range(2)]
        for server in servers:
            stack.enter_context(server)
        ports = [server.port for server in servers]
        for path in ("/auth/jwt/create/", "/api/login"):
            address = Callers.new_address()
            body = {"identifier": f"nobody at {address} {time.time()}", "password": WRONG}
            transport = httpx.AsyncHTTPTransport(local_address=address)
            async with httpx.AsyncClient(transport=transport, timeout=20) as caller:
                answers = await asyncio.gather(
                    *(caller.post(f"http://127.0.0.1:{ports[number % 2]}{path}", json=body) for number in range(50))
                )
            assert Counter(answer.status_code for answer in answers) == {401: 10, 429: 40}
            assert all(1 <= int(answer.headers["Retry-After"]) <= 15 for answer in answers if answer.status_code == 429)


SPELLINGS = [
    "spelt",
    "SPELT",
    " spelt ",
    "\uff53\uff50\uff45\uff4c\uff54",
    "\uff33pelt",
    "spelt@example.org",
    "Spelt@EXAMPLE.org",
    "SPELT@example.ORG",
]


def test_no_spelling_of_a_name_opens_another_counter_or_another_account(callers: Callers) -> None:
    owner, stranger = callers.one(), callers.one()
    register(owner, "spelt")
    for spelling in SPELLINGS:
        taken = owner.post(
            "/auth/users/",
            json={
                "username": spelling.strip() if "@" not in spelling else "another",
                "email": spelling if "@" in spelling else "another@example.org",
                "password": PASSWORD,
            },
        )
        assert taken.status_code == 400, spelling
    statuses = [
        stranger.post(path, json={"identifier": spelling, "password": WRONG}).status_code
        for path in ("/api/login", "/auth/jwt/create/", "/auth/token/login/")
        for spelling in SPELLINGS
    ]
    assert statuses == [401] * 10 + [429] * (len(statuses) - 10)
    # Look-alikes of the address are nobody's: neither dotless i, Kelvin sign nor full width leads to this account.
    for address in ("\uff53pelt@example.org", "spelt@example.\uff4frg", "\u017fpelt@example.org"):
        assert owner.post("/auth/users/reset_password/", json={"email": address}).status_code == 400


def test_a_wrong_current_password_counts_as_a_sign_in(callers: Callers) -> None:
    caller = callers.one()
    register(caller, "carl")
    pair = caller.post("/auth/jwt/create/", json={"username": "carl", "password": PASSWORD}).json()
    mine = {"Authorization": f"Bearer {pair['access']}"}
    body = {"current_password": WRONG, "new_password": "quite another staple"}
    statuses = [caller.post("/auth/users/set_password/", json=body, headers=mine).status_code for _ in range(9)]
    assert statuses == [400] * 9
    # The sign-in made the place a familiar one: it counts for nothing there.
    assert caller.post("/auth/users/set_password/", json=body, headers=mine).status_code == 400
    told_to_wait(caller.post("/auth/users/set_password/", json=body, headers=mine), 60)
    told_to_wait(
        caller.request("DELETE", "/api/user", json={"current_password": PASSWORD}, headers=mine),
        60,
    )
    assert caller.get("/auth/users/me/", headers=mine).status_code == 200


def test_a_mailbox_is_not_filled_and_nobody_learns_whether_it_is_known(server: Server, callers: Callers) -> None:
    register(callers.one(), "dora")
    paths = (
        "/auth/users/reset_password/",
        "/api/reset_password",
        "/auth/users/reset_username/",
        "/api/activate/resend",
    )
    told: list[list[tuple[int, str]]] = []
    for address in ("dora@example.org", "nobody@example.org"):
        answers = [callers.one().post(path, json={"email": address}) for path in paths * 2]
        for refused in answers[5:]:
            told_to_wait(refused, 3_600)
        told.append([(answer.status_code, answer.headers.get("Content-Type", "")) for answer in answers])
    assert told[0] == told[1]
    assert [status for status, _ in told[0]] == [204, 200, 204, 200, 204, 429, 429, 429]
    # The activation of the registration, the resent one, and the resets that were let pass.
    assert len(mails_to(server.mailbox, "dora@example.org", 6)) == 6


def test_a_client_registers_no_more_than_sixty_times_an_hour(callers: Callers) -> None:
    caller = callers.one()
    statuses = Counter(caller.post("/auth/users/", json={"username": "x"}).status_code for _ in range(60))
    assert statuses == {400: 60}
    told_to_wait(caller.post("/auth/users/", json={"username": "x"}), 3_600)
    told_to_wait(caller.post("/api/register", json={"username": "x"}), 3_600)
    register(callers.one(), "emil")
