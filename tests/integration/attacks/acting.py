"""What attackers and their victims do, in a word each."""

import asyncio
import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import httpx

from tests.integration.wire.people import Person, newcomer
from tests.integration.wire.raw import Answer, ask_all
from tests.integration.wire.serving import Link, Server, as_bearer, link_in, link_to, mails_to

# What a browser adds by itself to a form that stands on a page of the same origin.
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
NEW_PASSWORD = "another-vK8-9"


def registered(server: Server, person: Person) -> int:
    """Register somebody and return their id."""
    return int(server.client.post("/auth/users/", json=person.sign_up).raise_for_status().json()["id"])


def confirmed(server: Server, person: Person | None = None) -> Person:
    """Register somebody and prove their address."""
    person = person or newcomer()
    registered(server, person)
    link = link_to(server.mailbox, person.email)
    server.client.post("/auth/users/activation/", json=link.halves).raise_for_status()
    return person


def tokens_of(server: Server, person: Person) -> dict[str, str]:
    """Sign somebody in in every way there is, and return what they were given."""
    attempt = {"identifier": person.email, "password": person.password}
    pair = server.client.post("/auth/jwt/create/", json=attempt).raise_for_status().json()
    opaque = server.client.post("/auth/token/login/", json=attempt).raise_for_status().json()["auth_token"]
    return {**pair, "opaque": opaque, "browser": browser_of(server, person)}


def access_of(server: Server, person: Person) -> dict[str, str]:
    """Sign somebody in and return the header that says so."""
    attempt = {"identifier": person.email, "password": person.password}
    return as_bearer(server.client.post("/api/login", json=attempt).raise_for_status().json()["access"])


def browser_of(server: Server, person: Person) -> str:
    """Sign somebody in on the pages and return what their browser keeps."""
    answer = page(server, "/sign-in", cookies={"probe": "1"}, name=person.email, password=person.password)
    assert answer.status_code == 303, answer.text
    return cookie_in(answer, "session")


def cookie_in(answer: httpx.Response, name: str) -> str:
    """Return what a cookie was set to; of one with a prefix, too."""
    for line in answer.headers.get_list("set-cookie"):
        key, _, value = line.partition(";")[0].partition("=")
        if key.removeprefix("__Host-") == name:
            return str(value)
    raise AssertionError(f"no cookie {name} in {answer.headers}")


def page(
    server: Server,
    path: str,
    *,
    cookies: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    **fields: str,
) -> httpx.Response:
    """Send a form as a browser would."""
    return page_with(server, path, cookies or {}, fields, headers or {})


def page_with(
    server: Server,
    path: str,
    cookies: Mapping[str, str],
    fields: Mapping[str, str],
    headers: Mapping[str, str] = MappingProxyType({}),
) -> httpx.Response:
    """Send a form whose fields have any name. Cookies go under their names with TLS and without, for either server."""
    pairs = [f"{prefix}{name}={value}" for name, value in cookies.items() for prefix in ("", "__Host-")]
    sent = {"Accept": "text/html", "Cookie": "; ".join(pairs), **SAME_ORIGIN, **headers}
    return server.client.post(path, data=fields or {"": ""}, headers=sent)


def looked_at(server: Server, path: str, browser: str) -> httpx.Response:
    """Open a page with the cookie of a browser."""
    held = f"session={browser}; __Host-session={browser}"
    return server.client.get(path, headers={"Accept": "text/html", "Cookie": held})


def opens(server: Server, kind: str, token: str) -> bool:
    """Say whether a token of this kind still opens the door it was given for."""
    client = server.client
    match kind:
        case "access":
            return client.get("/api/user", headers=as_bearer(token)).status_code == 200
        case "opaque":
            return client.get("/auth/users/me/", headers={"Authorization": f"Token {token}"}).status_code == 200
        case "refresh":
            return client.post("/auth/jwt/refresh/", json={"refresh": token}).status_code == 200
        case _:
            return looked_at(server, "/account", token).status_code == 200


def still_open(server: Server, tokens: Mapping[str, str]) -> list[str]:
    """Return the kinds of tokens that still open anything."""
    return [kind for kind, token in tokens.items() if opens(server, kind, token)]


def reset_link(server: Server, person: Person, what: str = "password") -> Link:
    """Have a link mailed that sets a new password, or name, and return it."""
    before = len([mail for mail in server.mailbox.holding(person.email.lower()) if mail.to == person.email])
    server.client.post(f"/auth/users/reset_{what}/", json={"email": person.email}).raise_for_status()
    return link_in(mails_to(server.mailbox, person.email, before + 1)[-1])


def reset(server: Server, link: Link, password: str = NEW_PASSWORD) -> int:
    """Use a link to set a new password; return the status."""
    body = {**link.halves, "new_password": password}
    return server.client.post("/auth/users/reset_password_confirm/", json=body).status_code


def record(server: Server, who: str) -> dict[str, Any]:
    """Return an account as its operator sees it."""
    found: dict[str, Any] = json.loads(server.run("users", "show", who, "--json"))
    return found


def asked_by_hand(port: int, requests: Iterable[bytes]) -> list[Answer]:
    """Send bytes as they are, some at the same time, and return the answers in order."""
    return asyncio.run(ask_all(port, requests))
