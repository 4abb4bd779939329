"""The service as a process among slow clients, other processes and operators."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import uvicorn

from auth_service.adapters.memory.core import memory_core
from auth_service.api.app import create_app
from auth_service.api.options import Options
from auth_service.api.server import most_open, uvicorn_options
from tests.integration.conformance.running import Mailbox, free_port

from .conftest import Serve
from .people import newcomer
from .raw import connected, json_request, opened, read_answer, request_bytes
from .serving import Server, as_bearer, link_to

PATIENCE = 0.25


# --- slow clients ----------------------------------------------------------------------------------------------------


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's form, which is any
    """Answer with the length of the body; `/slow` takes its time over it, `/refused` does not wait for it."""
    message = await receive()
    length = len(message.get("body", b""))
    while message.get("more_body") and scope["path"] != "/refused":
        message = await receive()
        length += len(message.get("body", b""))
    if scope["path"] == "/slow":
        await asyncio.sleep(2 * PATIENCE)
    body = b"%d" % length
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def impatient(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """Give the port of a server as ours is, but with less patience."""
    monkeypatch.setattr("auth_service.api.server.ARRIVES_WITHIN", PATIENCE)
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(echo, port=port, lifespan="off", **uvicorn_options()))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.005)
    try:
        yield port
    finally:
        server.should_exit = True
        await serving


HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n"


@pytest.mark.parametrize(
    ("about", "sent"),
    [
        ("nothing", b""),
        ("half a line", b"POST / HT"),
        ("half a head", HEAD[:-2]),
        ("a head without its body", HEAD),
        ("half a body", HEAD + b"12345"),
        ("a chunk without its end", b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n"),
        ("another request begun", HEAD + b"1234567890" + HEAD[:20]),
    ],
)
async def test_a_request_that_does_not_arrive_whole_is_dropped_with_a_408(
    monkeypatch: pytest.MonkeyPatch, about: str, sent: bytes
) -> None:
    async with impatient(monkeypatch) as port, opened(port) as (reader, writer), asyncio.timeout(5):
        writer.write(sent)
        if about == "another request begun":
            assert (await read_answer(reader)).status == 200
        began = time.monotonic()
        answer = await read_answer(reader)
        assert await reader.read() == b""
        assert PATIENCE * 0.5 < time.monotonic() - began < 3
        assert (answer.status, answer.kind) == (408, "application/json")
        assert answer.json() == {"detail": "The request came in too slowly."}


async def test_who_dawdles_over_what_was_refused_already_hears_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    async with impatient(monkeypatch) as port, opened(port) as (reader, writer), asyncio.timeout(5):
        writer.write(HEAD.replace(b"POST /", b"POST /refused") + b"123")
        assert (await read_answer(reader)).status == 200
        assert await reader.read() == b""


async def test_a_client_that_dribbles_is_dropped_as_soon_as_one_that_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    async with impatient(monkeypatch) as port, opened(port) as (reader, writer), asyncio.timeout(5):
        began = time.monotonic()
        dribbling = asyncio.create_task(_dribble(writer))
        assert (await read_answer(reader)).status == 408
        assert time.monotonic() - began < 3
        dribbling.cancel()


async def _dribble(writer: asyncio.StreamWriter) -> None:
    for byte in HEAD + b"1234567890" * 100:
        writer.write(bytes([byte]))
        await asyncio.sleep(PATIENCE / 20)


async def test_a_hundred_slow_clients_keep_nobody_else_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(impatient(monkeypatch))
        slow = [await stack.enter_async_context(opened(port)) for _ in range(100)]
        for _, writer in slow:
            writer.write(HEAD + b"123")
        (connection,) = await stack.enter_async_context(connected(port, 1))
        for _ in range(20):
            began = time.monotonic()
            assert (await connection.ask(request_bytes("GET", "/"))).status == 200
            assert time.monotonic() - began < 2 * PATIENCE
        async with asyncio.timeout(5):
            answers = await asyncio.gather(*(read_answer(reader) for reader, _ in slow))
        assert {answer.status for answer in answers} == {408}


async def test_patience_is_for_requests_and_not_for_answers_or_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    async with impatient(monkeypatch) as port, opened(port) as (reader, writer), asyncio.timeout(5):
        for path in ("/slow", "/"):
            writer.write(request_bytes("POST", path, b"12345"))
            assert (await read_answer(reader)).body == b"5"
            await asyncio.sleep(1.5 * PATIENCE)
        assert not reader.at_eof()


# --- many clients ----------------------------------------------------------------------------------------------------


async def test_past_the_most_there_may_be_a_connection_is_told_when_to_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("auth_service.api.server.PatientProtocol.most_open", 20)
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(impatient(monkeypatch))
        monkeypatch.setattr("auth_service.api.server.ARRIVES_WITHIN", 30.0)
        (connection,) = await stack.enter_async_context(connected(port, 1))
        assert (await connection.ask(request_bytes("GET", "/"))).status == 200
        idle = [await stack.enter_async_context(opened(port)) for _ in range(19)]
        async with opened(port) as (reader, _), asyncio.timeout(5):
            refused = await read_answer(reader)
            assert await reader.read() == b""
        assert (refused.status, refused.headers["retry-after"]) == (503, "5")
        # Who was there before notices nothing, and there is room again when one has gone.
        assert (await connection.ask(request_bytes("GET", "/"))).status == 200
        idle[0][1].close()
        await idle[0][1].wait_closed()
        async with opened(port) as (reader, writer), asyncio.timeout(5):
            writer.write(request_bytes("GET", "/"))
            assert (await read_answer(reader)).status == 200


def test_no_more_connections_are_held_than_the_system_has_files_for(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = 1_024
    monkeypatch.setattr("resource.getrlimit", lambda _: (limit, limit))
    assert most_open() < limit


# --- ending ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def mortal(mailbox: Mailbox, tmp_path: Path) -> Iterator[Server]:
    """Give a server that a test may end."""
    with Server({"ACTIVATION": "off"}, mailbox, tmp_path) as server:
        yield server


async def test_told_to_stop_it_finishes_what_is_in_flight_and_ends_well(mortal: Server) -> None:
    ann = newcomer()
    request = json_request("POST", "/api/register", ann.sign_up)
    async with opened(mortal.port) as (reader, writer), opened(mortal.port):
        writer.write(request[:-10])
        await asyncio.sleep(0.1)
        began = time.monotonic()
        mortal.tell_to_stop()
        await asyncio.sleep(0.3)
        with pytest.raises(OSError, match="onnect"):
            await asyncio.open_connection("127.0.0.1", mortal.port)
        writer.write(request[-10:])
        async with asyncio.timeout(5):
            answer = await read_answer(reader)
        assert (answer.status, answer.json()["email"]) == (201, ann.email)
        assert await asyncio.to_thread(mortal.wait_for_end, 10) == 0
        assert time.monotonic() - began < 10
    # What it had answered for is there.
    shown = await asyncio.to_thread(mortal.run, "users", "show", ann.email, "--json")
    assert json.loads(shown)["email"] == ann.email


async def test_told_to_stop_it_does_not_wait_long_for_a_client_that_does_not_go_on(mortal: Server) -> None:
    async with opened(mortal.port) as (reader, writer):
        writer.write(json_request("POST", "/api/register", newcomer().sign_up)[:-10])
        await asyncio.sleep(0.1)
        mortal.tell_to_stop()
        assert (await read_answer(reader)).status == 408
        assert await asyncio.to_thread(mortal.wait_for_end, 10) == 0
    assert '"level":"error"' not in mortal.log


def test_several_processes_end_together_and_well(mailbox: Mailbox, tmp_path: Path) -> None:
    with Server({}, mailbox, tmp_path, "--workers", "2") as server:
        server.tell_to_stop()
        assert server.wait_for_end(10) == 0
        with pytest.raises(httpx.TransportError):
            server.client.get("/health")


# --- together --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def two(mailbox: Mailbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    """Give two processes that were started at the same time on a database that was not there yet."""
    folder = tmp_path_factory.mktemp("together")
    servers = [Server({"SECRET_KEY": ""}, mailbox, folder) for _ in range(2)]
    with ExitStack() as stack:
        with ThreadPoolExecutor(2) as pool:
            for started in pool.map(Server.__enter__, servers):
                stack.push(started.__exit__)
        yield servers[0], servers[1]


def test_two_that_start_together_make_one_schema_and_one_key(two: tuple[Server, Server]) -> None:
    here, there = two
    keys = [server.client.get("/.well-known/jwks.json").json() for server in two]
    assert keys[0] == keys[1]
    assert len(keys[0]["keys"]) == 2  # one signs, one is next
    for server in two:
        assert '"level":"error"' not in server.log
    assert list(here.folder.glob("*.pem")) == []
    assert there.folder == here.folder


def test_what_one_does_the_other_knows_at_once(two: tuple[Server, Server]) -> None:
    here, there = two
    ann = newcomer()
    here.client.post("/api/register", json=ann.sign_up).raise_for_status()
    there.client.post("/api/activate", json=link_to(here.mailbox, ann.email).halves).raise_for_status()
    tokens = here.client.post("/api/login", json=ann.sign_in).raise_for_status().json()
    auth = as_bearer(tokens["access"])
    for server in (here, there, here):
        assert server.client.get("/api/user", headers=auth).json()["username"] == ann.username
    there.client.post("/api/logout", json={"refresh": tokens["refresh"]}).raise_for_status()
    for server in (here, there):
        assert server.client.get("/api/user", headers=auth).status_code == 401


def test_what_lies_on_the_disk_is_for_its_owner_alone(two: tuple[Server, Server]) -> None:
    files = [file for file in two[0].folder.iterdir() if file.name.startswith("auth.db")]
    assert len(files) >= 3
    assert [file.name for file in files if file.stat().st_mode & 0o077] == []


# --- what is written down --------------------------------------------------------------------------------------------


def test_every_answer_has_an_id_and_the_log_has_it_too(serve: Serve) -> None:
    service = serve()
    answers = [
        service.client.get("/health"),
        service.client.get("/nothing"),
        service.client.get("/api/user"),
        service.client.post("/api/login", json={"username": "x", "password": "y"}),
        service.client.options("/auth/users/"),
        service.client.request("TRACE", "/api/user"),
        service.client.post("/auth/jwt/verify/", content=b"{", headers={"Content-Type": "application/json"}),
        service.client.post("/auth/jwt/verify/", content=b"x" * 70_000),
        service.client.get("/api/user", headers={"X-Request-ID": "mine"}),
    ]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(ids)) == len(ids)
    assert "mine" not in ids
    deadline = time.monotonic() + 3
    while ids[-1] not in service.log:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    lines = service.lines
    told = {line["request_id"]: line["status"] for line in lines if line.get("event") == "request"}
    assert [told[each] for each in ids] == [answer.status_code for answer in answers]
    # What the domain noted on the way has the id of the request that it was on.
    assert any(line["event"] == "sign_in_refused" and line["request_id"] == ids[3] for line in lines)


def test_no_secret_of_a_whole_journey_stands_in_the_log_or_in_the_database(two: tuple[Server, Server]) -> None:
    service, _ = two
    ann = newcomer()
    new, third = "another-vK8-9", "a-third-vK8-word"
    secrets = [ann.password, new, third, "wrong-vK8-guess"]
    client = service.client
    client.post("/api/register", json=ann.sign_up).raise_for_status()
    links = [link_to(service.mailbox, ann.email)]
    # As people do: in the path of a page, in a query, and wrong at first.
    client.get(f"/activate/{links[0].uid}/{links[0].token}")
    client.get(f"/api/activate?token={links[0].token}")
    client.post("/api/activate", json={**links[0].halves, "uid": "MQ"})
    client.post("/api/activate", json=links[0].halves).raise_for_status()
    client.post("/api/login", json={**ann.sign_in, "password": "wrong-vK8-guess"})
    tokens = client.post("/api/auth/login", json=ann.sign_in).raise_for_status().json()
    opaque = client.post("/auth/token/login/", json=ann.sign_in).raise_for_status().json()["auth_token"]
    access = client.post("/api/token/refresh", json={"refresh": tokens["refresh"]}).raise_for_status().json()["access"]
    auth = as_bearer(access)
    client.get("/api/user", headers=auth).raise_for_status()
    client.get(f"/api/user?access_token={access}")
    client.get("/auth/users/me/", headers={"Authorization": f"Token {opaque}"}).raise_for_status()
    change = {"current_password": ann.password, "new_password": new}
    client.post("/api/password", json=change, headers=auth).raise_for_status()
    client.post("/api/reset_password", json={"email": ann.email}).raise_for_status()
    links.append(link_to(service.mailbox, ann.email, 2))
    client.post("/api/reset_password/confirm", json={**links[1].halves, "new_password": third}).raise_for_status()
    client.post("/auth/users/", content=f'{{"password": "{third}"', headers={"Content-Type": "application/json"})
    last = client.post("/api/login", json=ann.with_password(third).sign_in).raise_for_status().json()
    client.delete(f"/api/sessions/{last['access']}", headers=as_bearer(last["access"]))
    client.post("/api/logout", json={"refresh": last["refresh"]}).raise_for_status()

    given = [*tokens.values(), *last.values(), access]
    secrets += [opaque, *(part for token in given for part in (token, token.rpartition(".")[2]))]
    secrets += [half for link in links for half in (link.token, link.token.partition("-")[2])]
    time.sleep(0.3)
    written = service.log.encode()
    assert written.count(b'"event":"request"') >= 18
    for file in service.folder.glob("auth.db*"):
        written += file.read_bytes()
    assert [secret for secret in secrets if secret.encode() in written] == []


def test_a_log_line_cannot_be_forged_by_what_people_type(serve: Serve) -> None:
    service = serve()
    forged = '{"event": "signed_in", "user_id": 1}'
    agent = f"x\t{forged}\u0085\u2028{forged}".encode()
    headers = [(b"User-Agent", agent), (b"X-Forwarded-For", b"6.6.6.6"), (b"Forwarded", b"for=6.6.6.6")]
    attempt = {"username": f"x\n{forged}\r\n", "password": "y"}
    refused = service.client.post("/api/login", json=attempt, headers=headers)
    assert refused.status_code == 401
    service.client.post("/api/login", json=attempt)
    (noted,) = [
        line
        for line in service.lines
        if line.get("request_id") == refused.headers["x-request-id"] and line["event"] != "request"
    ]
    assert (noted["event"], noted["address"]) == ("sign_in_refused", "127.0.0.1")


def test_links_lead_to_the_frontend_whatever_host_was_asked(serve: Serve) -> None:
    service = serve()
    ann = newcomer()
    evil = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Origin": "https://evil.example"}
    service.client.post("/auth/users/", json=ann.sign_up, headers=evil).raise_for_status()
    assert link_to(service.mailbox, ann.email).page == "activate"
    (mail,) = service.mailbox.holding(ann.email)
    assert "evil.example" not in mail.text


def test_nothing_that_is_read_spends_a_link(serve: Serve) -> None:
    """Mail scanners follow every link before its reader does."""
    service = serve()
    ann = newcomer()
    service.client.post("/auth/users/", json=ann.sign_up).raise_for_status()
    link = link_to(service.mailbox, ann.email)
    for path in (f"/activate/{link.uid}/{link.token}", "/auth/users/activation/", "/api/activate"):
        for method in ("GET", "HEAD", "OPTIONS"):
            service.client.request(method, path, params=link.halves)
    assert service.client.post("/auth/users/activation/", json=link.halves).status_code == 204


def test_health_tells_whether_it_lives_and_whether_it_is_ready(serve: Serve) -> None:
    service = serve()
    ready = service.client.get("/health")
    assert (ready.status_code, ready.json()) == (200, {"status": "ok", "database": "ok"})
    assert service.client.get("/health/live").json() == {"status": "ok"}
    assert service.client.head("/health").status_code == 200


async def test_without_its_database_it_lives_and_is_not_ready() -> None:
    async def ping() -> None:
        raise OSError("the database is away")

    app = create_app(memory_core(), Options(), ping=ping)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(cast("Any", app)), base_url="http://auth.test"
    ) as client:
        unready = await client.get("/health")
        assert (unready.status_code, unready.json()) == (503, {"status": "unavailable", "database": "unreachable"})
        assert int(unready.headers["retry-after"]) >= 1
        assert (await client.get("/health/live")).status_code == 200
