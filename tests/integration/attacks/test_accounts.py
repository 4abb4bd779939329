"""Other people's accounts: their ids, their names, their flags, and what is left of those who have gone."""

import json
from typing import Any

import pytest

from tests.integration.wire.people import Person, newcomer
from tests.integration.wire.raw import request_bytes
from tests.integration.wire.serving import Server, as_bearer, link_to

from .acting import (
    access_of,
    asked_by_hand,
    browser_of,
    confirmed,
    looked_at,
    page,
    record,
    registered,
    reset_link,
    still_open,
    tokens_of,
)

POWERS: dict[str, Any] = {
    **dict.fromkeys(("is_staff", "is_superuser", "is_active", "is_admin", "admin", "staff", "email_confirmed"), True),
    "is_email_confirmed": True,
    "state": "active",
    "role": "admin",
    "roles": ["staff"],
    "groups": [1],
    "user_permissions": [1],
    "id": 10**6,
    "user_id": 1,
    "pk": 1,
    "stamp": "x",
    "version": 0,
    "tokens_from": 0,
    "password_hash": "x",
    "pending_email": "b@evil.example",
    "language": "xx",
    "sid": "x",
    "session_id": "x",
}


def powers(server: Server, person: Person) -> tuple[object, ...]:
    """Return what nobody should be able to give themselves."""
    found = record(server, person.email)
    return found["id"], found["is_staff"], found["state"], found["email_confirmed"]


@pytest.mark.parametrize("form", ["json", "data"])
def test_nobody_gives_themselves_what_is_not_theirs_to_give(either: Server, form: str) -> None:
    client = either.client

    def send(method: str, path: str, headers: dict[str, str], **fields: str) -> None:
        flags = POWERS if form == "json" else {name: str(value).lower() for name, value in POWERS.items()}
        arguments: dict[str, Any] = {form: {**flags, **fields}}
        assert client.request(method, path, headers=headers, **arguments).status_code < 500

    for path in ("/auth/users/", "/api/register", "/api/auth/register"):
        person = newcomer()
        send("POST", path, {}, **person.sign_up)
        before = powers(either, person)
        assert before[0] != POWERS["id"]
        assert before[1:] == (False, "active", False), path
        access = access_of(either, person)
        for method in ("PUT", "PATCH"):
            for own in ("/auth/users/me/", f"/auth/users/{before[0]}/", "/api/user"):
                send(method, own, access)
        change = {"current_password": person.password, "new_password": person.password}
        send("POST", "/api/password", access_of(either, person), **change)
        page(either, "/account/name", cookies={"session": browser_of(either, person)}, is_staff="1", id="1")
        assert powers(either, person) == before, path


def test_of_doubled_keys_the_last_counts_and_for_all_purposes(either: Server) -> None:
    ann, eve = confirmed(either), confirmed(either)
    client, kind = either.client, {"Content-Type": "application/json"}

    def both(name: str, first: str, last: str, **more: str) -> bytes:
        rest = "".join(f', "{key}": {json.dumps(value)}' for key, value in more.items())
        return f'{{"{name}": {json.dumps(first)}, "{name}": {json.dumps(last)}{rest}}}'.encode()

    asked = both("email", eve.email, ann.email)
    client.post("/auth/users/reset_password/", content=asked, headers=kind).raise_for_status()
    assert link_to(either.mailbox, ann.email, 2).page == "password-reset"
    for name in ("username", "email", "identifier"):
        attempt = both(name, eve.email, ann.email, password=eve.password + "x")
        assert client.post("/api/login", content=attempt, headers=kind).status_code == 401
    mixed = {"identifier": eve.email, "username": ann.email, "email": ann.email, "password": eve.password}
    tokens = client.post("/api/login", json=mixed)
    if tokens.status_code == 200 and ann.password != eve.password:
        raise AssertionError("one person's password let another in")
    me = client.get("/api/user", headers=as_bearer(tokens.json()["access"])).json()["email"]
    assert me == eve.email
    form = client.post(
        "/api/login?identifier=" + ann.email,
        content=f"identifier={ann.email}&identifier={eve.email}&password={eve.password}",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert client.get("/api/user", headers=as_bearer(form.json()["access"])).json()["email"] == eve.email


def test_nothing_of_somebody_else_is_read_changed_or_ended_by_its_id(either: Server) -> None:
    ann, eve = confirmed(either), confirmed(either)
    held = tokens_of(either, ann)
    before, access, hers = record(either, ann.email), access_of(either, eve), as_bearer(held["access"])
    sessions = [each["id"] for each in either.client.get("/api/sessions", headers=hers).json()]
    assert len(sessions) == 3
    own = {each["id"] for each in either.client.get("/api/sessions", headers=access).json()}
    assert own.isdisjoint(sessions)
    for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE"):
        body = {"email": newcomer().email, "current_password": eve.password}
        theirs, nobodys = (
            either.client.request(method, f"/auth/users/{user_id}/", json=body, headers=access)
            for user_id in (before["id"], 10**8)
        )
        assert (theirs.status_code, theirs.content) == (nobodys.status_code, nobodys.content) == (404, theirs.content)
    for session in sessions:
        theirs, nobodys = (
            either.client.delete(f"/api/sessions/{each}", headers=access) for each in (session, "0" * len(session))
        )
        assert (theirs.status_code, theirs.content) == (nobodys.status_code, nobodys.content) == (404, theirs.content)
        page(either, "/account/devices", cookies={"session": browser_of(either, eve)}, session=session)
    for path in (f"/api/user/{before['id']}", f"/api/users/{before['id']}", f"/api/user?id={before['id']}"):
        answer = either.client.get(path, headers=access)
        assert answer.status_code == 404 or answer.json()["email"] == eve.email
    assert still_open(either, held) == list(held)
    assert record(either, ann.email) == before


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_a_method_in_a_header_deletes_nobody(service: Server, ann: Person, header: str) -> None:
    auth = access_of(service, ann)["Authorization"]
    body = json.dumps({"current_password": ann.password, "_method": "DELETE"}).encode()
    more = [(header.encode(), b"DELETE")]
    asked_by_hand(
        service.port,
        [
            request_bytes(method, path, body, "application/json", auth=auth, more=more)
            for method in ("GET", "POST", "PATCH")
            for path in ("/auth/users/me/?_method=DELETE", "/api/user?_method=DELETE", "/api/delete_account")
        ],
    )
    assert record(service, ann.email)["state"] == "active"


def test_what_is_left_of_somebody_who_has_gone_opens_nothing(either: Server) -> None:
    ann = confirmed(either)
    held, link, user_id = tokens_of(either, ann), reset_link(either, ann), record(either, ann.email)["id"]
    gone = {"current_password": ann.password}
    either.client.request("DELETE", "/api/user", json=gone, headers=as_bearer(held["access"])).raise_for_status()
    assert still_open(either, held) == []
    # The same name, address and password again: somebody else, all the same.
    back = Person(ann.username, ann.email, ann.password)
    assert registered(either, back) > user_id
    assert still_open(either, held) == []
    body = {**link.halves, "new_password": "another-vK8-9"}
    assert either.client.post("/auth/users/reset_password_confirm/", json=body).status_code == 400


def test_somebody_shut_out_is_out_by_every_door_and_what_they_held_stays_dead(either: Server) -> None:
    ann = confirmed(either)
    held = tokens_of(either, ann)
    either.run("users", "deactivate", ann.email)
    assert still_open(either, held) == []
    assert either.client.post("/api/login", json=ann.sign_in).status_code == 401
    either.client.post("/auth/users/resend_activation/", json={"email": ann.email}).raise_for_status()
    either.run("users", "activate", ann.email)
    assert still_open(either, held) == []
    assert either.client.post("/api/login", json=ann.sign_in).status_code == 200


@pytest.mark.parametrize(
    "ends",
    [
        ("POST", "/api/password", {"current_password": "", "new_password": "another-vK8-9"}),
        ("POST", "/auth/users/set_password/", {"current_password": "", "new_password": "another-vK8-9"}),
        ("DELETE", "/api/sessions", {}),
    ],
    ids=lambda ends: ends[1],
)
def test_what_ends_the_other_sign_ins_ends_all_kinds_of_them(
    either: Server, ends: tuple[str, str, dict[str, str]]
) -> None:
    ann = confirmed(either)
    held, mine = tokens_of(either, ann), access_of(either, ann)
    method, path, body = ends
    typed = {name: text or ann.password for name, text in body.items()}
    either.client.request(method, path, json=typed, headers=mine).raise_for_status()
    assert still_open(either, held) == []
    assert either.client.get("/api/user", headers=mine).status_code == 200


def test_signing_out_ends_every_token_of_that_sign_in_at_once(either: Server) -> None:
    ann = confirmed(either)
    pair = either.client.post("/api/login", json=ann.sign_in).json()
    other = access_of(either, ann)
    either.client.post("/api/logout", headers=as_bearer(pair["access"])).raise_for_status()
    assert still_open(either, pair) == []
    assert either.client.get("/api/user", headers=other).status_code == 200


def test_whoever_is_called_like_an_address_gets_none_of_its_owners_mail_nor_sign_ins(either: Server) -> None:
    ann = confirmed(either)
    eve = Person(ann.email.upper(), newcomer().email, "eve-vK8-password")
    taken = either.client.post("/auth/users/", json=eve.sign_up)
    assert taken.status_code in {201, 400}
    # Each with their own password, by that name: the owner gets in and the other does not.
    assert either.client.post("/api/login", json={"identifier": ann.email, "password": ann.password}).status_code == 200
    for field in ("identifier", "email"):
        attempt = {field: ann.email, "password": eve.password}
        assert either.client.post("/api/login", json=attempt).status_code == 401
    assert reset_link(either, ann).page == "password-reset"
    if taken.status_code == 201:
        assert either.client.post("/api/login", json={"email": eve.email, "password": eve.password}).status_code == 200


def test_what_staff_may_do_is_for_staff_as_long_as_they_are(service: Server) -> None:
    boss, ann = newcomer(), confirmed(service)
    service.run(
        "users",
        "create",
        "--staff",
        "--username",
        boss.username,
        "--email",
        boss.email,
        "--password-stdin",
        stdin=f"{boss.password}\n",
    )
    path, access = f"/auth/users/{record(service, ann.email)['id']}/", access_of(service, boss)
    shown = service.client.get(path, headers=access).json()
    assert not {"password", "password_hash", "stamp", "is_staff"} & shown.keys()
    service.client.patch(path, json=POWERS, headers=access).raise_for_status()
    assert powers(service, ann)[1:] == (False, "active", True)
    # Not the password of others, and nothing of theirs without one's own.
    change = {"current_password": boss.password, "new_password": "another-vK8-9"}
    assert service.client.post(f"{path}set_password/", json=change, headers=access).status_code in {404, 405}
    for wrong in ({}, {"current_password": "wrong"}, {"current_password": f"{boss.password}x"}):
        assert service.client.request("DELETE", path, json=wrong, headers=access).status_code == 400
    service.run("users", "deactivate", boss.email)
    assert service.client.get(path, headers=access).status_code == 401
    assert looked_at(service, "/account", "0" * 40).status_code == 303
