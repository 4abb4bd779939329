"""Mailed links: led astray, used twice, used late, and used on somebody else."""

import re
from collections import Counter
from collections.abc import Callable

import pytest

from tests.integration.wire.conftest import Serve
from tests.integration.wire.people import Person, newcomer
from tests.integration.wire.raw import json_request, request_bytes
from tests.integration.wire.serving import FRONTEND, Server, let_mail_come, link_to, mails_to

from .acting import (
    NEW_PASSWORD,
    access_of,
    asked_by_hand,
    confirmed,
    page,
    registered,
    reset,
    reset_link,
    still_open,
    tokens_of,
)

EVIL = "evil.example"
# Everything by which somebody between us and a person, or that person, might say where we are.
ASTRAY: dict[str, list[tuple[bytes, bytes]]] = {
    "host": [(b"Host", b"evil.example")],
    "host with a port": [(b"Host", b"127.0.0.1:80@evil.example")],
    "two hosts": [(b"Host", b"127.0.0.1"), (b"Host", b"evil.example")],
    "forwarded host": [(b"Host", b"a"), (b"X-Forwarded-Host", b"evil.example"), (b"X-Forwarded-Proto", b"gopher")],
    "forwarded": [(b"Host", b"a"), (b"Forwarded", b"for=1.1.1.1;host=evil.example;proto=http")],
    "other proxies": [(b"Host", b"a"), (b"X-Host", b"evil.example"), (b"X-Forwarded-Server", b"evil.example")],
    "rewritten": [(b"Host", b"a"), (b"X-Original-URL", b"//evil.example/"), (b"X-Rewrite-URL", b"//evil.example/")],
    "where it came from": [(b"Host", b"a"), (b"Origin", b"https://evil.example"), (b"Referer", b"//evil.example/")],
}
LED = {"frontend_url": EVIL, "redirect": EVIL, "next": f"//{EVIL}", "domain": EVIL, "host": EVIL, "url": EVIL}


@pytest.fixture(scope="module")
def out_of_the_box(serve: Serve) -> Server:
    """Give a service whose mails lead to its own pages."""
    return serve(FRONTEND_URL="")


@pytest.mark.parametrize("about", ASTRAY)
@pytest.mark.parametrize("frontend", ["service", "out_of_the_box"])
def test_a_link_leads_where_the_operator_said_whatever_a_request_says(
    request: pytest.FixtureRequest, frontend: str, about: str
) -> None:
    server: Server = request.getfixturevalue(frontend)
    where = FRONTEND if frontend == "service" else f"http://127.0.0.1:{server.port}"
    calls = [("/auth/users/", True), ("/auth/users/resend_activation/", False), ("/api/activate/resend", False)]
    calls += [(f"/auth/users/reset_{what}/", False) for what in ("password", "username")] + [
        ("/api/reset_password", False)
    ]
    person = newcomer()
    for path, signs_up in calls:
        body = {**(person.sign_up if signs_up else {"email": person.email}), **LED}
        asked = json_request("POST", path, body)
        head, _, rest = asked.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Host:")]
        lines += [name + b": " + value for name, value in ASTRAY[about]]
        (answer,) = asked_by_hand(server.port, [b"\r\n".join(lines) + b"\r\n\r\n" + rest])
        assert answer.status in {200, 201, 204, 400}
        assert EVIL not in str(answer.all_headers)
    let_mail_come(server)
    if not server.mailbox.holding(person.email):
        # Two hosts may be refused by whoever reads the request first.
        assert about == "two hosts"
        return
    for mail in server.mailbox.holding(person.email):
        assert EVIL.encode() not in mail.source
        assert re.findall(r"https?://\S+", mail.text)[0].startswith(f"{where}/")


def test_an_absolute_request_target_leads_nowhere_else(service: Server) -> None:
    person = newcomer()
    for path in ("http://evil.example/auth/users/", "//evil.example/auth/users/", "/auth/users/"):
        asked = json_request("POST", path, person.sign_up)
        (answer,) = asked_by_hand(service.port, [asked])
        assert answer.status in {201, 400, 404, 405}
        assert EVIL not in str(answer.all_headers) + answer.body.decode()
    (mail,) = mails_to(service.mailbox, person.email, 1)
    assert EVIL.encode() not in mail.source


def _use(server: Server, page_of_link: str, halves: dict[str, str], number: int) -> bytes:
    assert server
    return {
        "activate": lambda: json_request("POST", "/auth/users/activation/", halves),
        "password-reset": lambda: json_request(
            "POST", "/auth/users/reset_password_confirm/", {**halves, "new_password": f"{NEW_PASSWORD}-{number}"}
        ),
        "username-reset": lambda: json_request(
            "POST", "/auth/users/reset_username_confirm/", {**halves, "new_username": newcomer().username}
        ),
    }[page_of_link]()


@pytest.mark.parametrize("kind", ["activate", "password-reset", "username-reset"])
def test_of_twenty_uses_at_once_one_counts(either: Server, kind: str) -> None:
    person = (confirmed if kind != "activate" else _only_registered)(either)
    link = (
        link_to(either.mailbox, person.email)
        if kind == "activate"
        else reset_link(either, person, kind.partition("-")[0])
    )
    assert link.page == kind
    answers = asked_by_hand(either.port, [_use(either, kind, link.halves, number) for number in range(20)])
    assert Counter(answer.status for answer in answers)[204] == 1
    assert {answer.status for answer in answers} <= {204, 400, 403}


def _only_registered(server: Server) -> Person:
    person = newcomer()
    registered(server, person)
    link_to(server.mailbox, person.email)
    return person


def _by_owner(server: Server, person: Person) -> None:
    change = {"current_password": person.password, "new_password": "by-the-owner-vK8"}
    server.client.post("/api/password", json=change, headers=access_of(server, person)).raise_for_status()


def _by_operator(server: Server, person: Person) -> None:
    server.run("users", "set-password", person.email, "--password-stdin", stdin="by-the-operator-vK8\n")


def _new_address(server: Server, person: Person) -> None:
    new = f"new.{person.email}"
    server.client.patch("/api/user", json={"email": new}, headers=access_of(server, person)).raise_for_status()
    server.client.post("/api/activate", json=link_to(server.mailbox, new).halves).raise_for_status()


def _by_another_link(server: Server, person: Person) -> None:
    assert reset(server, reset_link(server, person), "by-another-link-vK8") == 204


def _shut_out(server: Server, person: Person) -> None:
    server.run("users", "deactivate", person.email)


def _shut_out_and_let_in(server: Server, person: Person) -> None:
    _shut_out(server, person)
    server.run("users", "activate", person.email)


def _deleted(server: Server, person: Person) -> None:
    gone = {"current_password": person.password}
    server.client.request("DELETE", "/api/user", json=gone, headers=access_of(server, person)).raise_for_status()


def _deleted_and_back(server: Server, person: Person) -> None:
    _deleted(server, person)
    confirmed_again = Person(person.username, f"again.{person.email}")
    confirmed(server, confirmed_again)


@pytest.mark.parametrize(
    "happens",
    [
        _by_owner,
        _by_operator,
        _new_address,
        _by_another_link,
        _shut_out,
        _shut_out_and_let_in,
        _deleted,
        _deleted_and_back,
    ],
)
def test_a_link_to_a_new_password_dies_with(either: Server, happens: Callable[[Server, Person], None]) -> None:
    person = confirmed(either)
    link = reset_link(either, person)
    happens(either, person)
    assert reset(either, link) == 400


def test_a_link_that_was_used_stays_used_though_the_password_comes_back(either: Server) -> None:
    person = confirmed(either)
    link = reset_link(either, person)
    assert reset(either, link) == 204
    back = {"current_password": NEW_PASSWORD, "new_password": person.password}
    access = access_of(either, person.with_password(NEW_PASSWORD))
    either.client.post("/api/password", json=back, headers=access).raise_for_status()
    assert reset(either, link) == 400
    assert page(either, f"/{link.page}/{link.uid}/{link.token}", new_password=NEW_PASSWORD).status_code != 303


def test_a_reset_shuts_every_door_that_was_open(either: Server) -> None:
    person = confirmed(either)
    tokens = tokens_of(either, person)
    assert still_open(either, tokens) == list(tokens)
    # What a browser or a program got before is no use to whoever has it now.
    assert reset(either, reset_link(either, person)) == 204
    assert still_open(either, tokens) == []


def test_a_link_with_any_character_changed_is_nobodys(service: Server, ann: Person) -> None:
    link = reset_link(service, ann)
    for spot in range(0, len(link.token), 3):
        other = "0" if link.token[spot] != "0" else "1"
        assert (
            reset(service, type(link)(link.page, link.uid, link.token[:spot] + other + link.token[spot + 1 :])) == 400
        )
    for uid in (link.uid + "=", link.uid.swapcase() + "A", f" {link.uid}", "MA", "-1", "../" + link.uid, "x" * 9_000):
        assert reset(service, type(link)(link.page, uid, link.token)) == 400
    assert reset(service, link) == 204


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
def test_nothing_but_a_post_uses_a_link(either: Server, method: str) -> None:
    person = _only_registered(either)
    link = link_to(either.mailbox, person.email)
    paths = ("/auth/users/activation/", "/api/activate", f"/activate/{link.uid}/{link.token}")
    query = f"?uid={link.uid}&token={link.token}&_method=POST"
    override = [(b"X-HTTP-Method-Override", b"POST"), (b"Sec-Fetch-Site", b"same-origin")]
    asked_by_hand(either.port, [request_bytes(method, path + query, more=override) for path in paths])
    assert either.client.post("/auth/users/activation/", json=link.halves).status_code == 204
