"""The OpenAPI document is true: it is valid, it describes what is served and nothing else, and what it says happens."""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from html.parser import HTMLParser
from typing import Any

import httpx
import jsonschema_rs
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute
from msgspec.structs import replace
from schemathesis.specs.openapi import definitions

from auth_service.adapters.memory.core import MemoryCore, memory_core
from auth_service.api.app import create_app
from auth_service.api.djoser.desk import Retypes
from auth_service.api.openapi import describe_service
from auth_service.api.options import Options
from auth_service.domain.links import make_link
from auth_service.domain.model import Letter
from auth_service.domain.policy import Policy

Json = dict[str, Any]

PASSWORD = "could-i-be-any-safer"
NEW_PASSWORD = "we-were-on-a-break"
RETYPES = Retypes(**dict.fromkeys(Retypes.__struct_fields__, True))
INSTALLATIONS = {
    "default": (Policy(), Options()),
    "by address": (Policy(login_field="email", rotate_refresh=True, hide_users=False), Options(throttles=False)),
    "by address, at once": (Policy(login_field="email", email_change="immediate"), Options(retypes=RETYPES)),
    "talkative": (
        Policy(password_reset_tells_unknown=True, username_reset_tells_unknown=True, hide_users=False),
        Options(retypes=RETYPES, insecure_cookies=True),
    ),
    "no activation": (Policy(activation="off"), Options(throttles=False)),
}
# A deadline of the server, a database that does not answer, and accounts that vanish between two steps of a request.
UNPROVOKED = {"408", "503"}
RACES = {
    ("put", "/auth/users/me/"),
    ("patch", "/auth/users/me/"),
    ("delete", "/auth/users/me/"),
    ("post", "/auth/users/set_password/"),
    ("post", "/auth/users/set_username/"),
    ("post", "/auth/users/set_email/"),
    ("put", "/api/user/"),
    ("patch", "/api/user/"),
    ("delete", "/api/user/"),
    ("delete", "/api/delete_account/"),
    ("post", "/api/password"),
}


@pytest.fixture(params=list(INSTALLATIONS.values()), ids=list(INSTALLATIONS))
def installation(request: pytest.FixtureRequest) -> tuple[Policy, Options]:
    """Choose a way to set the service up."""
    chosen: tuple[Policy, Options] = request.param
    return chosen


@pytest.fixture
def document(installation: tuple[Policy, Options]) -> Json:
    """Describe that installation."""
    return describe_service(*installation)


@pytest.fixture
def core(installation: tuple[Policy, Options]) -> MemoryCore:
    """Make the core of that installation."""
    return memory_core(installation[0], common_passwords={"qwertyuiop"})


@pytest.fixture
def app(installation: tuple[Policy, Options], core: MemoryCore) -> Litestar:
    """Make the app of that installation."""
    return _app(core, installation[1])


@pytest.fixture
async def client(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """Ask that app."""
    async with _client(app) as client:
        yield client


@pytest.fixture
async def page() -> AsyncIterator[httpx.AsyncClient]:
    """Look at the documentation of the default installation."""
    async with _client(_app(memory_core(), Options())) as client:
        yield client


def test_the_document_is_valid(document: Json) -> None:
    assert document["openapi"] == "3.1.0"
    definitions.OPENAPI_31_VALIDATOR.validate(document)


def test_every_reference_leads_somewhere_and_everything_named_is_used(document: Json) -> None:
    leads = {reference for part in _walk(document) if isinstance(reference := part.get("$ref"), str)}
    named = {f"#/components/{kind}/{name}" for kind, parts in document["components"].items() for name in parts}
    assert leads <= named
    assert {name for name in named - leads if "/securitySchemes/" not in name} == set()


def test_every_operation_has_a_name_of_its_own_a_summary_and_a_known_tag(document: Json) -> None:
    operations = [operation for _, _, operation in _operations(document)]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    tags = {tag["name"] for tag in document["tags"]}
    assert tags == {tag for operation in operations for tag in operation["tags"]}
    assert tags == {tag for group in document["x-tagGroups"] for tag in group["tags"]}
    assert all(re.fullmatch(r"[A-Z].{8,98}[^.]", operation["summary"]) for operation in operations)


def test_every_example_is_one(document: Json) -> None:
    seen = 0
    for part in _walk(document["paths"] | document["components"]["responses"]):
        if "schema" not in part:
            continue
        shown = [part["example"]] if "example" in part else []
        shown += [example["value"] for example in part.get("examples", {}).values()]
        for example in shown:
            _judge(document, part["schema"], example)
        seen += len(shown)
    assert seen > 200


def test_every_route_is_described_and_nothing_else_is(document: Json, app: Litestar) -> None:
    described = {(path.rstrip("/"), method) for path, method, _ in _operations(document)}
    assert described <= set(_routes(app))


async def test_what_is_not_described_is_refused(
    document: Json, app: Litestar, core: MemoryCore, client: httpx.AsyncClient
) -> None:
    described = {(path.rstrip("/"), method) for path, method, _ in _operations(document)}
    silent = sorted(set(_routes(app)) - described)
    assert silent
    await core.people.create(username="boss", email="boss@example.com", password=PASSWORD, staff=True)
    boss = await client.post("/api/login", json={"identifier": "boss", "password": PASSWORD})
    # What is not there for others is refused to staff.
    client.headers["Authorization"] = f"Bearer {boss.json()['access']}"
    for path, method in silent:
        answer = await client.request(method, path.replace("{id}", "1").replace("{file}", "docs.css"))
        if method == "options":
            assert answer.status_code in {200, 204}, path
        else:
            assert answer.status_code == 405, (method, path)
        assert answer.headers["allow"]


async def test_what_is_served_is_the_document(document: Json, client: httpx.AsyncClient) -> None:
    answer = await client.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == document


async def test_all_that_is_described_happens_and_only_that(
    document: Json, core: MemoryCore, client: httpx.AsyncClient, installation: tuple[Policy, Options]
) -> None:
    witness = _Witness(document, client, core, insecure=installation[1].insecure_cookies)
    await _send_what_is_bad(witness)
    await _live_through_djoser(witness)
    await _live_through_native(witness)
    await _administer(witness)
    await _look_around(witness)
    if installation[1].throttles:
        throttled = memory_core(installation[0], throttled=True)
        async with _client(_app(throttled, installation[1])) as hurried:
            await _hurry(_Witness(document, hurried, throttled, witness.seen))
    described = {
        (method, path, status)
        for path, method, operation in _operations(document)
        for status in operation["responses"]
        if status not in UNPROVOKED and not (status == "404" and (method, path) in RACES)
    }
    assert described - witness.seen == set()


# --- the documentation ---------------------------------------------------------------------------------------------


async def test_the_page_shows_every_operation_without_a_script(page: httpx.AsyncClient) -> None:
    document = (await page.get("/openapi.json")).json()
    shown = (await page.get("/docs")).text
    for path, method, operation in _operations(document):
        if method != "head":
            assert f'id="{operation["operationId"]}"' in shown
            assert path in shown


async def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing_inline(page: httpx.AsyncClient) -> None:
    answer = await page.get("/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    found = _Page()
    found.feed(answer.text)
    assert found.inline == []
    assert {"/docs/docs.css", "/docs/docs.js", "/docs/docs.svg"} == set(found.needed)
    for needed in found.needed:
        asset = await page.get(needed)
        assert asset.status_code == 200
        assert re.search(r"\bhttps?:|//\w", asset.text.replace("http://www.w3.org/2000/svg", "")) is None, needed


async def test_the_page_escapes_what_the_operator_calls_the_service() -> None:
    app = _app(memory_core(), Options(site_name="<script>alert(1)</script>"))
    async with _client(app) as client:
        assert "<script>alert" not in (await client.get("/docs")).text


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/docs/docs.css", "/docs/docs.js"])
async def test_what_a_client_has_already_is_not_sent_again(page: httpx.AsyncClient, path: str) -> None:
    first = await page.get(path)
    again = await page.get(path, headers={"if-none-match": f'"other", {first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert first.headers["cache-control"] == again.headers["cache-control"] == "public, no-cache"
    assert (await page.get(path, headers={"if-none-match": '"other"'})).status_code == 200


@pytest.mark.parametrize("name", ["page.html", "routes.py", "..%2fapp.py", "nothing.css"])
async def test_no_other_file_is_given_out(page: httpx.AsyncClient, name: str) -> None:
    assert (await page.get(f"/docs/{name}")).status_code == 404


async def test_public_keys_may_be_kept_by_caches(page: httpx.AsyncClient) -> None:
    answer = await page.get("/.well-known/jwks.json")
    assert answer.headers.get_list("cache-control") == ["public, max-age=300"]
    for etag in (answer.headers["etag"], f"W/{answer.headers['etag']}"):
        again = await page.get("/.well-known/jwks.json", headers={"if-none-match": etag})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["cache-control"] == "public, max-age=300"


async def test_public_keys_are_those_of_the_moment_they_are_asked_for() -> None:
    keys: list[dict[str, str]] = []
    async with _client(_app(memory_core(), Options(keys=lambda: keys))) as client:
        before = await client.get("/.well-known/jwks.json")
        keys.append({"kty": "OKP", "kid": "a"})
        after = await client.get("/.well-known/jwks.json", headers={"if-none-match": before.headers["etag"]})
    assert (before.json(), after.json()) == ({"keys": []}, {"keys": keys})


# --- living through it ---------------------------------------------------------------------------------------------


class _Witness:
    """Asks, checks each answer against what is described of it, and remembers what happened."""

    def __init__(
        self,
        document: Json,
        client: httpx.AsyncClient,
        core: MemoryCore,
        seen: set[tuple[str, str, str]] | None = None,
        *,
        insecure: bool = False,
    ) -> None:
        self.document = document
        self.core = core
        self.policy = core.policy
        self.seen = set() if seen is None else seen
        self.access_cookie = "access" if insecure else "__Host-access"
        self._client = client
        self._people = 0

    async def ask(self, method: str, path: str, body: object = None, *, at: str = "", **more: Any) -> httpx.Response:  # noqa: ANN401 - httpx takes it
        """Ask for a described path; `at` is where, if something stands in it."""
        # A cookie comes along only where a test says so.
        self._client.cookies.clear()
        if body is not None:
            more["json"] = body
        answer = await self._client.request(method.upper(), at or path, **more)
        self._check(method, path, answer)
        return answer

    def _check(self, method: str, path: str, answer: httpx.Response) -> None:
        responses = self.document["paths"][path][method]["responses"]
        status = str(answer.status_code)
        assert status in responses, (method, path, status, answer.text)
        described = _found(self.document, responses[status])
        for name, header in described.get("headers", {}).items():
            if _found(self.document, header).get("required"):
                assert name.lower() in answer.headers, (method, path, status, name)
        content = described.get("content", {})
        if content and method != "head":
            media_type = answer.headers["content-type"].partition(";")[0]
            assert media_type in content, (method, path, status, media_type)
            held = answer.json() if media_type.endswith("json") else answer.text
            _judge(self.document, content[media_type]["schema"], held)
        self.seen.add((method, path, status))

    async def newcomer(self, *, staff: bool = False) -> str:
        """Return the name of somebody who may sign in."""
        self._people += 1
        name = f"joey{self._people}"
        await self.core.people.create(username=name, email=_address(name), password=PASSWORD, staff=staff)
        return name

    async def signed_in(self, name: str = "", *, kind: str = "native") -> dict[str, str]:
        """Return the headers of somebody who has signed in."""
        name = name or await self.newcomer()
        if kind == "opaque":
            credentials = {self.policy.login_field: self.login(name), "password": PASSWORD}
            given = (await self.ask("post", "/auth/token/login/", credentials)).json()
            return {"Authorization": f"Token {given['auth_token']}"}
        given = (await self.ask("post", "/api/login/", {"identifier": name, "password": PASSWORD})).json()
        return {"Authorization": f"Bearer {given['access']}"}

    def login(self, name: str) -> str:
        """Return what somebody signs in with here."""
        return _address(name) if self.policy.login_field == "email" else name

    async def pair(self, name: str = "") -> dict[str, str]:
        """Return the tokens of somebody who has signed in as simplejwt has it."""
        name = name or await self.newcomer()
        credentials = {self.policy.login_field: self.login(name), "password": PASSWORD}
        answer: dict[str, str] = (await self.ask("post", "/auth/jwt/create/", credentials)).json()
        return answer

    async def link(self) -> dict[str, str]:
        """Return the halves of the link that was mailed last."""
        letters: list[Letter] = await self.core.deliver()
        uid, token = (letters[-1].link or "").split("/")[-2:]
        return {"uid": uid, "token": token}


async def _send_what_is_bad(witness: _Witness) -> None:
    """Send each operation what every operation of its kind refuses."""
    me, boss = await witness.signed_in(), await witness.signed_in(await witness.newcomer(staff=True))
    token = me["Authorization"].partition(" ")[2]
    for path, method, operation in _operations(witness.document):
        at = path.replace("{id}", "1").replace("{file}", "docs.css")
        security = operation["security"]
        if {"bearer": []} in security:
            await witness.ask(method, path, at=at, headers={"Authorization": "Bearer x.y.z"})
            await witness.ask(method, path, at=at, headers={"Authorization": "Bearer"})
            if {} not in security:
                await witness.ask(method, path, at=at)
        for scheme, cookie in (("cookie", f"{witness.access_cookie}={token}"), ("refreshCookie", "refresh=x.y.z")):
            if {scheme: []} in security and method != "get":
                await witness.ask(method, path, at=at, headers={"Cookie": cookie})
        if "requestBody" not in operation:
            continue
        knows_me = boss if path.startswith("/api/admin/") else me
        await _send_bad_bodies(witness, path, method, knows_me if {} not in security and security else {})


async def _send_bad_bodies(witness: _Witness, path: str, method: str, signed_in: dict[str, str]) -> None:
    """Send an operation bodies of every kind that none of them takes."""
    at = path.replace("{id}", "1")
    if "/users/{id}/" in path:
        at = path.replace(
            "{id}", (await witness.ask("get", "/auth/users/me/", headers=signed_in)).text.split(":")[1][0]
        )
    for body, media_type in (
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b"null", "application/json"),
        (b'{"email": [], "token": [], "refresh": null, "username": {}}', "application/json"),
        (b"x", "text/plain"),
        (b" " * 70_000, "application/json"),
    ):
        headers = signed_in | {"Content-Type": media_type}
        await witness.ask(method, path, at=at, content=body, headers=headers)
    if not signed_in:
        await witness.ask(method, path, {})


async def _live_through_djoser(witness: _Witness) -> None:
    """Do everything that djoser's clients do, well and badly."""
    await _join(witness)
    await _look_after_accounts(witness)
    await _change_credentials(witness)
    await _use_tokens(witness)


async def _join(witness: _Witness) -> None:
    ask, policy = witness.ask, witness.policy
    new = {"username": "ross", "email": "ross@example.com", "password": PASSWORD, "re_password": PASSWORD}
    await ask("post", "/auth/users/", new)
    await ask("post", "/auth/users/", new)
    await ask("post", "/auth/users/resend_activation/", {"email": "ross@example.com"})
    if policy.confirms_addresses:
        link = await witness.link()
    else:
        # Where nobody is asked to, people may still follow a link they got before.
        await ask("post", "/auth/users/reset_password/", {"email": "ross@example.com"})
        link = await _activation_link(witness, "ross")
    await ask("post", "/auth/users/activation/", link)
    await ask("post", "/auth/users/activation/", link)
    await ask("post", "/auth/users/activation/", link | {"uid": "?"})


async def _look_after_accounts(witness: _Witness) -> None:
    ask = witness.ask
    for method in ("get", "head"):
        me = await witness.signed_in(kind="opaque")
        await ask(method, "/auth/users/", headers=me)
        await ask(method, "/auth/users/me/", headers=me)
        number = (await ask("get", "/auth/users/me/", headers=me)).json()["id"]
        await ask(method, "/auth/users/{id}/", at=f"/auth/users/{number}/", headers=me)
        await ask(method, "/auth/users/{id}/", at="/auth/users/9999/", headers=me)
        await ask(method, "/auth/users/{id}/", at="/auth/users/1/", headers=me)
    writable = {"email": "new@example.com", "username": "new"}
    await ask("put", "/auth/users/me/", writable, headers=me)
    await ask("patch", "/auth/users/me/", {}, headers=me)
    for method in ("put", "patch", "delete"):
        await ask(method, "/auth/users/{id}/", writable, at="/auth/users/9999/", headers=me)
        await ask(method, "/auth/users/{id}/", writable, at="/auth/users/1/", headers=me)
    staff = await witness.signed_in(await witness.newcomer(staff=True))
    await ask("put", "/auth/users/{id}/", writable, at=f"/auth/users/{number}/", headers=staff)
    await ask("patch", "/auth/users/{id}/", {}, at=f"/auth/users/{number}/", headers=staff)
    proof = {"current_password": PASSWORD}
    await ask("delete", "/auth/users/{id}/", proof, at=f"/auth/users/{number}/", headers=staff)
    await ask("delete", "/auth/users/me/", proof, headers=await witness.signed_in())


async def _change_credentials(witness: _Witness) -> None:
    ask = witness.ask
    proof = {"current_password": PASSWORD}
    twice = {"new_password": NEW_PASSWORD, "re_new_password": NEW_PASSWORD}
    await ask("post", "/auth/users/set_password/", proof | twice, headers=await witness.signed_in())
    await ask("post", "/auth/users/reset_password/", {"email": _address(await witness.newcomer())})
    await ask("post", "/auth/users/reset_password_confirm/", await witness.link() | twice)
    await ask("post", "/auth/users/reset_password/", {"email": "nobody@example.com"})

    field = witness.policy.login_field
    value = "monica" if field == "username" else "monica@example.com"
    renamed = {f"new_{field}": value, f"re_new_{field}": value}
    await ask("post", f"/auth/users/set_{field}/", proof | renamed, headers=await witness.signed_in())
    await ask("post", f"/auth/users/reset_{field}/", {"email": _address(await witness.newcomer())})
    link = await witness.link()
    again = {name: f"more-{text}" for name, text in renamed.items()}
    await ask("post", f"/auth/users/reset_{field}_confirm/", link | again)
    await ask("post", f"/auth/users/reset_{field}/", {"email": "nobody@example.com"})


async def _use_tokens(witness: _Witness) -> None:
    ask, field = witness.ask, witness.policy.login_field
    await ask("post", "/auth/token/logout/", headers=await witness.signed_in(kind="opaque"))
    await ask("post", "/auth/token/login/", {field: "nobody", "password": "x"})
    await ask("post", "/auth/jwt/create/", {field: "nobody", "password": "x"})
    for token in ("x.y.z", (await witness.pair())["refresh"]):
        await ask("post", "/auth/jwt/verify/", {"token": token})
        await ask("post", "/auth/jwt/refresh/", {"refresh": token})
        # Where tokens rotate, only the newest may be revoked without a suspicion.
        newest = token if token == "x.y.z" else (await witness.pair())["refresh"]
        await ask("post", "/auth/jwt/blacklist/", {"refresh": newest})


async def _live_through_native(witness: _Witness) -> None:
    ask = witness.ask
    for number, path in enumerate(("/api/register/", "/api/auth/register")):
        new = {"email": f"rachel{number}@example.com", "password": PASSWORD}
        await ask("post", path, new)
        await ask("post", path, new)
    await ask("post", "/api/activate/resend", {"email": "rachel0@example.com"})
    link = await witness.link() if witness.policy.confirms_addresses else await _activation_link(witness, "rachel0")
    await ask("post", "/api/activate", link)
    await ask("post", "/api/activate", link)
    await ask("post", "/api/activate", link | {"token": "x"})

    me = await witness.signed_in()
    await ask("get", "/api/user/", headers=me)
    await ask("get", "/api/detail", headers=me)
    for method in ("put", "patch"):
        me = await witness.signed_in()
        await ask(method, "/api/user/", {"username": f"chandler-{method}"}, headers=me)
        await ask(method, "/api/user/", {"email": "rachel0@example.com"}, headers=me)
        await ask(method, "/api/user/", {"email": f"{method}@example.com"}, headers=me)
    me = await witness.signed_in()
    await ask("get", "/api/sessions", headers=me)
    await ask("delete", "/api/sessions", headers=me)
    await ask("delete", "/api/sessions/{id}", at="/api/sessions/none", headers=me)
    session = (await ask("get", "/api/sessions", headers=me)).json()[0]["id"]
    await ask("delete", "/api/sessions/{id}", at=f"/api/sessions/{session}", headers=me)
    changed = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    await ask("post", "/api/password", changed, headers=await witness.signed_in())
    await ask("delete", "/api/user/", {"current_password": PASSWORD}, headers=await witness.signed_in())
    await ask("delete", "/api/delete_account/", headers=await witness.signed_in())
    await ask("post", "/api/reset_password/", {"email": _address(await witness.newcomer())})
    link = await witness.link()
    await ask("post", "/api/reset_password/confirm/", link | {"new_password": NEW_PASSWORD})
    await ask("post", "/api/reset_password/confirm/", link | {"new_password": NEW_PASSWORD})

    for path in ("/api/login/", "/api/token/", "/api/auth/login"):
        await ask("post", path, {"identifier": await witness.newcomer(), "password": PASSWORD})
        await ask("post", path, {"identifier": "nobody", "password": PASSWORD})
    await ask("post", "/api/auth/login", {}, headers={"Origin": "https://elsewhere.example"})
    for token in ("x.y.z", (await witness.pair())["refresh"]):
        await ask("post", "/api/token/verify/", {"token": token})
        await ask("post", "/api/token/refresh/", {"refresh": token})
        await ask("post", "/api/logout", {"refresh": token})
    cookie = {"Cookie": f"refresh={(await witness.pair())['refresh']}", "Sec-Fetch-Site": "same-origin"}
    await ask("post", "/api/token/refresh/", headers=cookie)
    await ask("post", "/api/logout", headers=cookie)


async def _administer(witness: _Witness) -> None:
    """Do what staff do, well and badly."""
    ask, top = witness.ask, "/api/admin/users"
    staff = await witness.newcomer(staff=True)
    boss, me = await witness.signed_in(staff), (await witness.core.people.find(_address(staff))).id
    for method in ("get", "head"):
        for query in ("", "?q=joey&state=active&staff=false&confirmed=true&limit=1", "?limit=0"):
            await ask(method, top, at=f"{top}{query}", headers=boss)
        name = await witness.newcomer()
        await witness.signed_in(name)
        number = (await witness.core.people.find(_address(name))).id
        for below in ("", "/sessions", "/journal"):
            await ask(method, f"{top}/{{id}}{below}", at=f"{top}/{number}{below}", headers=boss)
        await ask(method, f"{top}/{{id}}/journal", at=f"{top}/{number}/journal?limit=x", headers=boss)
    newcomer = {"username": "mike", "email": "mike@example.com", "password": PASSWORD}
    made = (await ask("post", "/api/register/", newcomer)).json()["id"]
    for each, verb in ((made, "resend"), (number, "resend"), (number, "reset"), (made, "activate"), (me, "deactivate")):
        await ask("post", f"{top}/{{id}}/{verb}", at=f"{top}/{each}/{verb}", headers=boss)
    session = (await ask("get", f"{top}/{{id}}/sessions", at=f"{top}/{number}/sessions", headers=boss)).json()[0]["id"]
    await _ask_for_device(witness, number, session, boss)
    await ask("delete", f"{top}/{{id}}/sessions", at=f"{top}/{number}/sessions", headers=boss)
    for verb in ("deactivate", "reset"):
        await ask("post", f"{top}/{{id}}/{verb}", at=f"{top}/{number}/{verb}", headers=boss)
    for each, confirm in ((me, me), (number, "nobody"), (number, number)):
        await ask("delete", f"{top}/{{id}}", {"confirm": confirm}, at=f"{top}/{each}", headers=boss)
    # A cookie without proof that our own page sent it.
    cookie = {"Cookie": f"{witness.access_cookie}={boss['Authorization'].partition(' ')[2]}"}
    for path, method, _ in _operations(witness.document):
        if path.startswith(top) and method not in {"get", "head"}:
            await ask(method, path, at=path.replace("{id}", "1").replace("{session_id}", "x"), headers=cookie)


async def _ask_for_device(witness: _Witness, number: int, session: str, boss: dict[str, str]) -> None:
    path = "/api/admin/users/{id}/sessions/{session_id}"
    for each in (session, session):
        await witness.ask("delete", path, at=f"/api/admin/users/{number}/sessions/{each}", headers=boss)


async def _look_around(witness: _Witness) -> None:
    for path in ("/health", "/health/live", "/.well-known/jwks.json", "/openapi.json", "/docs"):
        for method in ("get", "head"):
            etag = (await witness.ask(method, path)).headers.get("etag", "")
            await witness.ask(method, path, headers={"If-None-Match": etag})
    for name in ("docs.css", "docs.js", "docs.svg", "none.css"):
        for method in ("get", "head"):
            etag = (await witness.ask(method, "/docs/{file}", at=f"/docs/{name}")).headers.get("etag", "")
            await witness.ask(method, "/docs/{file}", at=f"/docs/{name}", headers={"If-None-Match": etag})


async def _hurry(witness: _Witness) -> None:
    """Do again and again what is counted, until it is refused."""
    name = await witness.newcomer()
    me = await witness.signed_in(name)
    number = (await witness.ask("get", "/auth/users/me/", headers=me)).json()["id"]
    wrong = {"current_password": "wrong-and-wrong"}
    renamed = {"new_username": "gunther", "new_email": "gunther@example.com"}
    bodies = wrong | renamed | {f"re_{field}": text for field, text in renamed.items()}
    bodies |= {"new_password": NEW_PASSWORD, "re_new_password": NEW_PASSWORD, "password": "wrong"}
    signs_in = bodies | {"identifier": name, witness.policy.login_field: witness.login(name)}
    for path, method, operation in _operations(witness.document):
        if "429" not in operation["responses"]:
            continue
        at = path.replace("{id}", str(number))
        headers = me if operation["security"] and {} not in operation["security"] else {}
        if path.startswith("/api/admin/"):
            await witness.core.people.activate(_address(name))
            pending = await witness.core.people.find(_address(name))
            work = witness.core.store.begin()
            work.users.save(replace(pending, pending_email=f"other-{_address(name)}"))
            await work.commit()
            headers = await witness.signed_in(await witness.newcomer(staff=True))
        for attempt in range(70):
            fresh = {"email": f"a{attempt}@example.com", "username": f"a{attempt}"}
            body = signs_in if re.search("login|create|token", path) else bodies | fresh
            if (
                await witness.ask(method, path, body, at=at, headers=headers)
            ).status_code == httpx.codes.TOO_MANY_REQUESTS:
                break


# --- reading the document ------------------------------------------------------------------------------------------


class _Page(HTMLParser):
    """What a page needs from elsewhere, and what of it would be run or applied where it stands."""

    def __init__(self) -> None:
        super().__init__()
        self.needed: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.inline += [name for name in found if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in found):
            self.inline.append(tag)
        if tag == "link" or "src" in found:
            self.needed.append(found.get("href") or found.get("src") or "")


def _app(core: MemoryCore, options: Options) -> Litestar:
    async def ping() -> None:
        return

    return create_app(core, options, ping=ping)


def _client(app: Litestar) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://service.example")  # type: ignore[arg-type]


def _address(name: str) -> str:
    return f"{name}@example.com"


async def _activation_link(witness: _Witness, name: str) -> dict[str, str]:
    """Make the link that nobody is mailed any more where addresses are not confirmed."""
    user = await witness.core.people.find(_address(name))
    link = make_link("activation", user, user.email, witness.core.clock.now(), witness.core.link_signer)
    return {"uid": link.uid, "token": link.token}


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _routes(app: Litestar) -> Iterator[tuple[str, str]]:
    for route in app.routes:
        assert isinstance(route, HTTPRoute)
        path = re.sub(r"\{(user_id|session_id):str\}", "{id}", route.path).replace("{file:str}", "{file}")
        path = path.replace("{device_id:str}", "{session_id}")
        yield from ((path.rstrip("/"), method.lower()) for method in route.methods)


def _walk(part: object) -> Iterator[Json]:
    if isinstance(part, dict):
        yield part
        for inner in part.values():
            yield from _walk(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _walk(inner)


def _found(document: Json, part: Json) -> Json:
    for step in part["$ref"].split("/")[1:] if "$ref" in part else ():
        document = document[step]
    return document if "$ref" in part else part


def _judge(document: Json, schema: Mapping[str, Any], held: object) -> None:
    whole = {**schema, "components": document["components"]}
    jsonschema_rs.Draft202012Validator(whole, validate_formats=True).validate(held)
