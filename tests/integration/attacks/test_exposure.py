"""What strangers find out by knocking: files, administration, defaults, and what failures tell of the house."""

import json
import re
import socket
import time

import pytest

from tests.integration.wire.conftest import Serve
from tests.integration.wire.people import Person, newcomer
from tests.integration.wire.raw import request_bytes
from tests.integration.wire.serving import Server

from .acting import access_of, asked_by_hand, confirmed, page, registered

# A word of any of these in an answer tells what the house is built of, or where.
INSIDE = re.compile(
    r"traceback|litestar|msgspec|sqlalchemy|uvicorn|httptools|asyncpg|aiosqlite|sqlite|postgres|alembic|jinja|pyjwt|argon2"
    r"|site-packages|\.py\b|python|auth\.db|select .* from|insert into|/tmp/|/home/|/root|<frozen|exception|errno",
    re.IGNORECASE,
)
CLIMBS = ["../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..%5c", "....//", "..;/", "%c0%ae%c0%ae/", "..%252f", ".%00./"]


@pytest.mark.parametrize("climb", CLIMBS)
def test_no_file_of_the_installation_is_served(service: Server, climb: str) -> None:
    asked = [
        request_bytes("GET", f"{start}{climb * depth}{name}", more=[(b"Accept", b"*/*")])
        for start in ("/", "/pages/", "/docs/", "/api/", "/auth/", "/.well-known/", "/check-mail/")
        for depth in (1, 6)
        for name in ("etc/passwd", "auth.db", "routes.py", ".env", "pages.css")
    ]
    for answer in asked_by_hand(service.port, asked):
        assert answer.status in {400, 404}
        assert not re.search(rb"root:|SQLite format|^import |SECRET_KEY", answer.body)


HIDDEN = [
    *(
        "/metrics",
        "/admin",
        "/admin/",
        "/administration",
        "/debug",
        "/console",
        "/status",
        "/server-status",
        "/actuator",
    ),
    *("/.env", "/.git/config", "/auth.db", "/auth.db-wal", "/auth.db.secret", "/backup.sql", "/config.json", "/robots"),
    *(
        "/api/users",
        "/api/users/",
        "/api/admin",
        "/api/admin/users",
        "/api/admin/users/1/journal",
        "/staff/people",
        "/api/journal",
        "/api/keys",
        "/api/settings",
        "/api/metrics",
        "/graphql",
    ),
    *(
        "/auth/admin/",
        "/auth/keys/",
        "/auth/users/1/sessions/",
        "/auth/users/1/password/",
        "/schema",
        "/redoc",
        "/swagger",
    ),
]


def test_there_is_nothing_to_administer_from_outside(service: Server, ann: Person) -> None:
    access = access_of(service, ann)
    found = {
        (path, method): service.client.request(method, path, headers=headers).status_code
        for path in HIDDEN
        for method in ("GET", "POST")
        for headers in ({}, access)
    }
    assert {place: status for place, status in found.items() if status not in {401, 404, 405}} == {}


def test_a_fresh_installation_has_nobody_and_no_secret_that_others_have(serve: Serve) -> None:
    fresh = [serve(SECRET_KEY="", SITE_NAME=name) for name in ("one", "other")]
    for server in fresh:
        assert json.loads(server.run("users", "list", "--json")) == []
        for name in ("admin", "root", "administrator", "test", "user", "staff", "postgres", "1", "admin@localhost"):
            for password in ("admin", "password", "changeme", "root", "test", "", "12345678", name):
                answer = server.client.post("/api/login", json={"identifier": name, "password": password})
                assert answer.status_code in {401, 422}
    secrets = [(server.folder / "auth.db.secret").read_text("utf-8").strip() for server in fresh]
    keys = [server.client.get("/.well-known/jwks.json").json()["keys"] for server in fresh]
    assert len(set(secrets)) == 2
    assert min(map(len, secrets)) >= 64
    assert not {key["kid"] for key in keys[0]} & {key["kid"] for key in keys[1]}
    for server, secret in zip(fresh, secrets, strict=True):
        assert secret not in server.log


@pytest.fixture(scope="module", params=["", "1"], ids=["in public", "in development"])
def told(request: pytest.FixtureRequest, serve: Serve) -> Server:
    """Give a service as it is, and one with DEBUG."""
    return serve(DEBUG=request.param) if request.param else serve()


def test_no_failure_tells_what_the_house_is_built_of(told: Server) -> None:
    ann = confirmed(told)
    auth = access_of(told, ann)["Authorization"]
    bodies = [
        (b"{", "application/json"),
        (b'{"email": ' + b"[" * 9_000, "application/json"),
        (b"\xff\xfe", "application/json"),
        (b'{"email": 1e999}', "application/json"),
        (b"[]", "application/json"),
        (b"%ff=%zz", "application/x-www-form-urlencoded"),
        (b"--x\r\n\r\n", "multipart/form-data; boundary=x"),
        (b"<a/>", "application/xml"),
        (b"x" * 70_000, "application/json"),
        (b'{"email": "\\u0000\\u001b", "username": "\\u0000", "password": "\\u0000"}', "application/json"),
        (b'{"refresh": "a.b.c", "token": "a.b.c", "uid": "a", "new_password": "x"}', "application/json"),
    ]
    paths = [
        "/auth/users/",
        "/auth/jwt/create/",
        "/auth/jwt/refresh/",
        "/auth/users/me/",
        "/auth/users/x/",
        "/api/login",
    ]
    paths += [
        "/api/register",
        "/api/token/refresh",
        "/api/user",
        "/api/sessions/%00",
        "/sign-in",
        "/activate/a/b",
        "/x",
    ]
    asked = [
        request_bytes(method, path, body, kind, auth=credentials, more=accept)
        for method in ("POST", "PATCH", "DELETE", "TRACE")
        for path in paths
        for body, kind in bodies
        for credentials, accept in ((auth, []), (None, [(b"Accept", b"text/html")]))
    ]
    for request, answer in zip(asked, asked_by_hand(told.port, asked), strict=True):
        assert answer.status < 500, request[:200]
        shown = answer.body.decode() if answer.kind != "text/html" else re.sub(r"<[^>]+>", " ", answer.body.decode())
        assert not INSIDE.search(shown), (request[:200], shown)
        assert not {"server", "x-powered-by", "via"} & answer.headers.keys()
    assert told.client.get("/health").status_code == 200


SMUGGLED = [
    b"Content-Length: 4\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    b"Transfer-Encoding: xchunked",
    b"Transfer-Encoding:\x0bchunked",
    b"Transfer-Encoding : chunked",
    b"X: y\r\n Transfer-Encoding: chunked",
    b"Content-Length: 4\r\nContent-Length: 4, 5",
    b"Content-Length: +4",
    b"Content-Length: 0x4",
    b"Content-Length: 4\nTransfer-Encoding: chunked",
]


@pytest.mark.parametrize("headers", SMUGGLED, ids=lambda headers: headers.decode("latin-1").replace("\r\n", " ")[:40])
def test_no_second_request_hides_in_a_first(service: Server, ann: Person, headers: bytes) -> None:
    """It would be answered as if whoever shares the connection had sent it."""
    auth = access_of(service, ann)["Authorization"].encode()
    hidden = b"DELETE /api/delete_account HTTP/1.1\r\nHost: a\r\nAuthorization: " + auth + b"\r\n\r\n"
    first = b"POST /api/token/verify HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" + headers
    asked_by_hand(service.port, [first + b"\r\n\r\n0\r\n\r\n" + hidden])
    time.sleep(0.05)
    assert service.client.get("/api/user", headers={"Authorization": auth.decode()}).status_code == 200


def test_a_flood_of_nonsense_ends_nothing(service: Server) -> None:
    junk = [b"\0" * 200, b"GET", b"GET / HTTP/1.1\r\n" + b"A" * 90_000 + b"\r\n\r\n", b"\x16\x03\x01" * 50]
    for index in range(40):
        with socket.create_connection(("127.0.0.1", service.port), 5) as connection:
            connection.sendall(junk[index % len(junk)])
    assert service.client.get("/health").status_code == 200
    person = newcomer()
    assert registered(service, person) > 0
    assert page(service, "/nowhere").status_code in {403, 404, 405}
