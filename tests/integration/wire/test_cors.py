"""Pages of other origins: closed to all, unless the operator names them."""

import httpx
import pytest

from .conftest import Serve
from .people import newcomer
from .serving import Server

APP = "https://app.example"
EVIL = ["https://evil.example", "https://app.example.evil", "https://evilapp.example", "http://app.example", "null"]
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}


@pytest.fixture(scope="module")
def named(serve: Serve) -> Server:
    """Give a service whose operator named one origin."""
    return serve(CORS_ORIGINS=f"{APP}, https://other.example:8443")


def told(answer: httpx.Response) -> dict[str, str]:
    """Return what an answer tells of other origins."""
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control")}


@pytest.mark.parametrize("path", ["/api/token/verify", "/api/user", "/auth/users/me/", "/health", "/nowhere"])
def test_a_named_origin_may_read_whatever_is_answered_and_nobody_else(named: Server, path: str) -> None:
    mine = named.client.get(path, headers={"Origin": APP})
    assert told(mine) == {
        "access-control-allow-origin": APP,
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "allow, retry-after, www-authenticate, x-request-id",
    }
    assert mine.headers["vary"] == "Origin"
    for origin in EVIL:
        other = named.client.get(path, headers={"Origin": origin})
        assert told(other) == {}
        assert (other.status_code, other.headers["vary"]) == (mine.status_code, "Origin")


def test_a_browser_that_asks_first_is_told_what_it_may_send(named: Server) -> None:
    asked = named.client.options("/api/login", headers={"Origin": APP, **PREFLIGHT})
    assert (asked.status_code, asked.content) == (204, b"")
    assert told(asked)["access-control-allow-origin"] == APP
    assert told(asked)["access-control-allow-headers"] == "authorization, content-type"
    assert "DELETE" in told(asked)["access-control-allow-methods"]
    for origin in EVIL:
        assert told(named.client.options("/api/login", headers={"Origin": origin, **PREFLIGHT})) == {}


def test_open_to_anybody_is_open_without_cookies(serve: Serve) -> None:
    anybody = serve(CORS_ORIGINS="*")
    answer = told(anybody.client.get("/api/user", headers={"Origin": EVIL[0]}))
    assert answer["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer
    assert told(anybody.client.get("/api/user", headers={"Origin": "null"})) == {}


def test_where_nobody_is_named_nobody_is_told_anything(serve: Serve) -> None:
    closed = serve()
    assert told(closed.client.get("/api/user", headers={"Origin": APP})) == {}
    assert told(closed.client.options("/api/login", headers={"Origin": APP, **PREFLIGHT})) == {}
    assert "vary" not in closed.client.get("/api/user", headers={"Origin": APP}).headers


def test_pages_of_a_named_origin_may_use_cookies_and_no_others(named: Server) -> None:
    ann = newcomer()
    named.client.post("/api/register", json=ann.sign_up).raise_for_status()
    named.run("users", "activate", ann.email)
    for origin, status in ((APP, 200), ("https://other.example:8443", 200), *((evil, 403) for evil in EVIL)):
        answer = named.client.post("/api/auth/login", json=ann.sign_in, headers={"Origin": origin})
        assert answer.status_code == status, origin


def test_open_to_anybody_is_no_proof_for_cookies(serve: Serve) -> None:
    answer = serve(CORS_ORIGINS="*").client.post("/api/auth/login", json={}, headers={"Origin": EVIL[0]})
    assert answer.status_code == 403
