"""Browsers as accomplices: planted and stolen cookies, forms from elsewhere, ways out, and frames."""

import re

import httpx
import pytest

from tests.integration.wire.conftest import Serve
from tests.integration.wire.people import Person
from tests.integration.wire.raw import request_bytes
from tests.integration.wire.serving import Server

from .acting import access_of, asked_by_hand, browser_of, confirmed, cookie_in, looked_at, page, page_with, tokens_of

ELSEWHERE: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "same-origin, cross-site"},
    {"Sec-Fetch-Site": "", "Origin": "null"},
    {"Sec-Fetch-Site": "none", "Origin": "https://evil.example"},
    {"Origin": "https://front.example.evil.example", "Sec-Fetch-Site": "cross-site"},
]
FORMS = {
    "/account/name": {"new_username": "taken-over", "current_password": "vK8-long-enough"},
    "/account/password": {"new_password": "taken-over-vK8", "current_password": "vK8-long-enough"},
    "/account/email": {
        "email": "eve@evil.example",
        "new_email": "eve@evil.example",
        "current_password": "vK8-long-enough",
    },
    "/account/delete": {"current_password": "vK8-long-enough"},
    "/account/devices": {"session": "all"},
    "/account/language": {"language": "de"},
    "/sign-out": {},
    "/sign-in": {"name": "eve", "password": "eve-vK8-word"},
    "/register": {"username": "eve", "email": "eve@evil.example", "password": "eve-vK8-word"},
    "/forgot-password": {"email": "ann@example.org"},
}


@pytest.mark.parametrize("path", FORMS)
def test_no_page_takes_a_form_of_another_site(service: Server, path: str) -> None:
    ann = confirmed(service)
    held = tokens_of(service, ann)
    cookies = {"session": held["browser"], "access": held["access"], "probe": "1"}
    for told in ELSEWHERE:
        answer = page(service, path, cookies=cookies, headers=told, **FORMS[path])
        assert answer.status_code == 403, told
        assert "set-cookie" not in answer.headers
    assert looked_at(service, "/account", held["browser"]).status_code == 200
    assert ann.username in looked_at(service, "/account", held["browser"]).text


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "multipart/form-data; boundary=x"])
def test_a_form_of_another_site_is_refused_whatever_it_is_dressed_as(service: Server, ann: Person, kind: str) -> None:
    """A browser sends these from any page, without asking first."""
    held = access_of(service, ann)["Authorization"].partition(" ")[2]
    body = b'{"current_password": "vK8-long-enough", "new_password": "taken-over-vK8", "x": "="}'
    cookie = (b"Cookie", f"__Host-access={held}".encode())
    foreign = (b"Origin", b"https://evil.example")
    asked = [
        request_bytes(method, path, body, kind, more=[cookie, foreign])
        for method, path in (("POST", "/api/password"), ("DELETE", "/api/user"), ("PATCH", "/api/user"))
    ]
    assert {answer.status for answer in asked_by_hand(service.port, asked)} == {403}
    # The dialect of djoser's clients knows no cookies at all.
    change = request_bytes("POST", "/auth/users/set_password/", body, "application/json", more=[cookie])
    (answer,) = asked_by_hand(service.port, [change])
    assert answer.status == 401


def test_a_sign_in_gets_a_cookie_of_its_own_whatever_was_planted(service: Server, ann: Person) -> None:
    eve = confirmed(service)
    planted = browser_of(service, eve)
    for cookie in ("0" * 40, planted, "", "x" * 5_000):
        cookies = {"probe": "1", "session": cookie}
        answer = page(service, "/sign-in", cookies=cookies, name=ann.username, password=ann.password)
        given = cookie_in(answer, "session")
        assert given not in {cookie, planted}
        assert ann.email in looked_at(service, "/account", given).text
        assert ann.email not in looked_at(service, "/account", cookie).text
    # Whoever sat there before is signed out: what was planted is worth nothing any more.
    assert looked_at(service, "/account", planted).status_code == 303
    native = service.client.post(
        "/api/auth/login", json=ann.sign_in, headers={"Cookie": "__Host-access=planted; refresh=planted"}
    )
    assert cookie_in(native, "access") == native.json()["access"]


def test_a_copied_cookie_is_dead_once_its_owner_has_signed_out(either: Server) -> None:
    ann = confirmed(either)
    stolen = browser_of(either, ann)
    assert looked_at(either, "/account", stolen).status_code == 200
    assert page(either, "/sign-out", cookies={"session": stolen}).status_code == 303
    assert looked_at(either, "/account", stolen).status_code == 303
    assert page(either, "/account/name", cookies={"session": stolen}, new_username="x").status_code in {303, 401, 403}


def test_every_cookie_is_for_this_host_over_tls_and_no_script(service: Server, ann: Person) -> None:
    answers = [
        service.client.get("/sign-in", headers={"Accept": "text/html"}),
        page(service, "/sign-in", cookies={"probe": "1"}, name=ann.username, password=ann.password),
        page(service, "/forgot-password", email=ann.email),
        page(service, "/sign-out", cookies={"session": browser_of(service, ann)}),
        service.client.post("/api/auth/login", json=ann.sign_in),
    ]
    lines = [line for answer in answers for line in answer.headers.get_list("set-cookie")]
    assert len(lines) >= 7
    for line in lines:
        assert line.endswith("; HttpOnly; SameSite=Lax; Secure"), line
        assert "domain" not in line.lower()
        # The refresh token alone is kept to its two paths, which the prefix would forbid.
        assert line.startswith("__Host-") != line.startswith("refresh="), line


AWAY = [
    *("https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "/%09/evil.example"),
    *("/account@evil.example", "/account/../../evil", "javascript:alert(1)", "data:text/html,x", "https:evil.example"),
    *("/account\r\nLocation: https://evil.example", "/account\nSet-Cookie: session=planted", "http:///evil.example"),
]


@pytest.mark.parametrize("target", AWAY, ids=ascii)
def test_nobody_is_sent_away(service: Server, ann: Person, target: str) -> None:
    for name in ("next", "redirect", "return_to", "url"):
        looked = service.client.get("/sign-in", params={name: target}, headers={"Accept": "text/html"})
        assert "evil" not in looked.text + str(looked.headers)
        fields = {"name": ann.username, "password": ann.password, name: target}
        answer = page_with(service, "/sign-in", {"probe": "1"}, fields)
        assert (answer.status_code, answer.headers["location"]) == (303, "/account")
        assert "planted" not in str(answer.headers)


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "//evil.example/..",
        "/\\evil.example",
        "/%5cevil.example",
        "//evil.example/%2e%2e/account",
        "/account//evil.example",
    ],
)
def test_no_path_leads_to_another_host(service: Server, path: str) -> None:
    hosts = ((b"Accept", b"text/html"), (b"X-Forwarded-Host", b"evil.example"))
    for method in ("GET", "HEAD", "POST"):
        (answer,) = asked_by_hand(service.port, [request_bytes(method, path, more=hosts)])
        assert "evil" not in answer.headers.get("location", "")
        assert answer.status in {303, 400, 403, 404, 405}


def test_pages_can_be_framed_by_nobody_and_load_nothing_from_elsewhere(service: Server, ann: Person) -> None:
    held = browser_of(service, ann)
    for path in ("/register", "/forgot-password", "/account", "/account/devices", "/nowhere", "/docs"):
        answer = looked_at(service, path, held)
        policy = answer.headers.get("content-security-policy", f"none on {path}: {answer.status_code}")
        assert "frame-ancestors 'none'" in policy
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        loaded = re.findall(r"(?:src|href|action)=[\"']?((?:https?:)?//[^\"' >]+)", answer.text)
        assert loaded == [] or path == "/docs"
        assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|style=", answer.text)
        if path.startswith("/account"):
            assert "no-store" in answer.headers["cache-control"]


ORIGINS = [
    "https://evil.example",
    "null",
    "https://front.example.evil.example",
    "file://",
    "https://front.example\\@evil",
]


@pytest.mark.parametrize("origin", ORIGINS)
def test_no_origin_is_reflected(serve: Serve, service: Server, ann: Person, origin: str) -> None:
    opened = serve(CORS_ORIGINS="https://front.example", ACTIVATION="off")
    asked = {"Origin": origin, "Access-Control-Request-Method": "DELETE", "Access-Control-Request-Headers": "x-evil"}

    def allowed(answer: httpx.Response) -> list[str]:
        return [name for name in answer.headers if name.startswith("access-control")]

    for server in (service, opened):
        for path in ("/api/user", "/auth/users/me/", "/api/token/refresh", "/sign-in", "/health", "/nowhere"):
            assert allowed(server.client.get(path, headers=asked)) == []
            assert allowed(server.client.options(path, headers=asked)) == []
    assert service.client.get("/api/user", headers=access_of(service, ann)).headers["cache-control"] == "no-store"
