"""Administration over HTTP, on both databases: whole for staff, and to anybody else a path that there is not."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx
import pytest

from .conftest import Serve
from .people import Person, newcomer
from .raw import Answer, ask_all, request_bytes
from .serving import Server, as_bearer, let_mail_come, link_in, mails_to

ALL = "/api/admin/users"
JSON = "application/json"
OWN = {"Sec-Fetch-Site": "same-origin"}
CROSS_SITE = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
BELOW = ("", "/activate", "/deactivate", "/resend", "/reset", "/sessions", "/sessions/none", "/journal")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "PURGE")
PATIENCE = 5.0


@pytest.fixture(scope="module")
def service(serve: Serve, database: dict[str, str]) -> Server:
    return serve(**database)


@pytest.fixture(scope="module")
def boss(service: Server) -> dict[str, str]:
    """Give the headers of a member of staff."""
    return as_bearer(signed_in(service, made(service, "--staff")))


def made(service: Server, *more: str) -> Person:
    """Make an account on the command line."""
    person = newcomer()
    words = ("--username", person.username, "--email", person.email, "--password-stdin", *more)
    service.run("users", "create", *words, stdin=f"{person.password}\n")
    return person


def signed_in(service: Server, person: Person) -> str:
    """Sign somebody in and return the access token."""
    answer = service.client.post("/api/login", json=person.sign_in)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access"])


def ask(service: Server, boss: Mapping[str, str], method: str, path: str, **more: Any) -> httpx.Response:  # noqa: ANN401 - httpx takes it
    return service.client.request(method, f"{ALL}{path}", headers=dict(boss), **more)


def number_of(service: Server, boss: Mapping[str, str], person: Person) -> int:
    """Look somebody's id up, as staff do."""
    (found,) = ask(service, boss, "GET", "", params={"q": person.email}).json()["users"]
    return int(found["id"])


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def faults(answer: httpx.Response) -> dict[str, list[str]]:
    assert answer.status_code == 422, answer.text
    return {name: [fault["code"] for fault in each] for name, each in answer.json()["errors"].items()}


# --- for staff -------------------------------------------------------------------------------------------------------


def test_people_are_found_and_paged_through(service: Server, boss: dict[str, str]) -> None:
    people = [made(service) for _ in range(3)]
    ids = [number_of(service, boss, each) for each in people]
    for spelling in (ALL, f"{ALL}/"):
        first = service.client.get(spelling, params={"q": "@example.org", "limit": 2}, headers=boss)
        assert first.status_code == 200
        assert [user["id"] for user in first.json()["users"]] == ids[:0:-1]
    assert first.json()["next"] == ids[1]
    later = made(service)
    second = ask(service, boss, "GET", "", params={"before": first.json()["next"], "limit": 1}).json()
    assert [user["id"] for user in second["users"]] == [ids[0]]
    (found,) = ask(service, boss, "GET", "", params={"q": later.username.upper(), "state": "", "before": ""}).json()[
        "users"
    ]
    created = found.pop("created")
    assert created.endswith("Z")
    assert found == {
        "id": ids[2] + 1,
        "username": later.username,
        "email": later.email,
        "pending_email": None,
        "is_email_confirmed": True,
        "state": "active",
        "is_staff": False,
        "language": None,
    }


def test_a_search_takes_signs_for_what_they_are(service: Server, boss: dict[str, str]) -> None:
    person = made(service)
    for q in ("%", "_", person.username.replace("x", "_"), "\\", "' OR 1=1 --", "\ud7ff", "x" * 300):
        assert ask(service, boss, "GET", "", params={"q": q}).json() == {"users": [], "next": None}, q


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("state=foo", {"state": ["not_a_choice"]}),
        ("state=Active", {"state": ["not_a_choice"]}),
        ("staff=1", {"staff": ["not_a_choice"]}),
        ("confirmed=maybe&limit=0", {"confirmed": ["not_a_choice"], "limit": ["out_of_range"]}),
        ("before=abc", {"before": ["no_place"]}),
        ("before=0", {"before": ["no_place"]}),
        (f"before={10**30}&limit={10**30}", {"before": ["no_place"], "limit": ["out_of_range"]}),
        ("before=9223372036854775808", {"before": ["no_place"]}),
        ("limit=101", {"limit": ["out_of_range"]}),
        ("limit=-1", {"limit": ["out_of_range"]}),
        ("limit=1.0", {"limit": ["out_of_range"]}),
        ("limit=%D9%A1", {"limit": ["out_of_range"]}),
        ("limit=5&limit=x", {"limit": ["out_of_range"]}),
        ("q=a%00b", {"q": ["null_character"]}),
        ("q=" + "x" * 400, {"q": ["too_long"]}),
    ],
)
def test_a_question_that_makes_no_sense_is_422_and_names_the_field(
    service: Server, boss: dict[str, str], query: str, named: dict[str, list[str]]
) -> None:
    assert faults(ask(service, boss, "GET", f"?{query}")) == named


@pytest.mark.parametrize(
    "query", ["", "&&&", "=", "%", "q=%ff", "q=%zz", "a[]=1", "unknown=1", "before=9223372036854775807"]
)
def test_whatever_else_stands_in_a_query_is_no_matter(service: Server, boss: dict[str, str], query: str) -> None:
    assert ask(service, boss, "GET", f"?{query}").status_code == 200


def test_an_entry_shows_all_but_secrets(service: Server, boss: dict[str, str]) -> None:
    ann = made(service)
    signed_in(service, ann)
    number = number_of(service, boss, ann)
    deadline = time.monotonic() + PATIENCE
    while not (entry := ask(service, boss, "GET", f"/{number}").json())["journal"]:
        assert time.monotonic() < deadline
    assert set(entry) == {
        *("id", "username", "email", "pending_email", "is_email_confirmed", "state", "is_staff", "language"),
        *("created", "sessions", "journal"),
    }
    assert [set(each) for each in entry["sessions"]] == [
        {"id", "kind", "created", "last_seen", "address", "agent", "current"}
    ]
    assert set(entry["journal"][0]) == {"id", "at", "what", "session", "address", "agent", "why"}
    assert ask(service, boss, "GET", f"/{number}/sessions/").json() == entry["sessions"]


def test_every_change_is_in_the_journal_with_who_made_it(service: Server, boss: dict[str, str]) -> None:
    ann = made(service)
    number, mine = number_of(service, boss, ann), service.client.get("/api/user", headers=boss).json()["id"]
    for verb in ("deactivate", "activate", "reset"):
        assert ask(service, boss, "POST", f"/{number}/{verb}").status_code == 200
    assert ask(service, boss, "DELETE", f"/{number}", json={"confirm": ann.email}).status_code == 204
    wanted = ["deleted", "password_reset_requested", "activated", "deactivated"]
    deadline = time.monotonic() + PATIENCE
    done: list[str] = []
    # It is written down twice a second.
    while done[:1] != ["deleted"]:
        assert time.monotonic() < deadline, done
        records = ask(service, boss, "GET", f"/{number}/journal").json()
        done = [each["what"] for each in records if each["why"] == f"by staff {mine}"]
    assert done == wanted
    assert code_of(ask(service, boss, "GET", f"/{number}")) == (404, "not_found")


def test_shutting_out_and_letting_in(service: Server, boss: dict[str, str]) -> None:
    ann = made(service)
    access, number = signed_in(service, ann), number_of(service, boss, ann)
    answer = ask(service, boss, "POST", f"/{number}/deactivate/")
    assert (answer.status_code, answer.json()["state"]) == (200, "deactivated")
    assert service.client.get("/api/user", headers=as_bearer(access)).status_code == 401
    assert service.client.post("/api/login", json=ann.sign_in).status_code == 401
    assert ask(service, boss, "POST", f"/{number}/activate").json()["state"] == "active"
    assert service.client.get("/api/user", headers=as_bearer(access)).status_code == 401
    signed_in(service, ann)


def test_mails_that_staff_send_are_those_that_people_ask_for(service: Server, boss: dict[str, str]) -> None:
    ann = newcomer()
    number = service.client.post("/api/register", json=ann.sign_up).json()["id"]
    assert ask(service, boss, "POST", f"/{number}/reset").json()["detail"].startswith("This account is not active")
    # A link of the same second would be the same.
    mails_to(service.mailbox, ann.email, 1)
    assert ask(service, boss, "POST", f"/{number}/resend").json() == {"status": "ok"}
    link = link_in(mails_to(service.mailbox, ann.email, 2)[1])
    service.client.post("/api/activate", json=link.halves).raise_for_status()
    assert code_of(ask(service, boss, "POST", f"/{number}/resend")) == (403, "not_allowed")
    assert ask(service, boss, "POST", f"/{number}/reset").json() == {"status": "ok"}
    mail = mails_to(service.mailbox, ann.email, 3)[2]
    assert "127.0.0.1" not in mail.text
    new = {**link_in(mail).halves, "new_password": "another-long-enough"}
    service.client.post("/api/reset_password/confirm", json=new).raise_for_status()
    signed_in(service, ann.with_password("another-long-enough"))
    let_mail_come(service)


def test_sign_ins_are_ended_one_by_one_and_all_together(service: Server, boss: dict[str, str]) -> None:
    ann, bob = made(service), made(service)
    tokens = [signed_in(service, ann) for _ in range(3)]
    number, other = number_of(service, boss, ann), number_of(service, boss, bob)
    newest, *_ = ask(service, boss, "GET", f"/{number}/sessions").json()
    # Whose session it is stands in the path, and has to be true.
    assert ask(service, boss, "DELETE", f"/{other}/sessions/{newest['id']}").status_code == 404
    assert ask(service, boss, "DELETE", f"/{number}/sessions/{newest['id']}").status_code == 204
    assert ask(service, boss, "DELETE", f"/{number}/sessions/{newest['id']}").status_code == 404
    assert len(ask(service, boss, "GET", f"/{number}/sessions").json()) == 2
    assert ask(service, boss, "DELETE", f"/{number}/sessions/").status_code == 204
    assert ask(service, boss, "GET", f"/{number}/sessions").json() == []
    for access in tokens:
        assert service.client.get("/api/user", headers=as_bearer(access)).status_code == 401


def test_deleting_takes_the_address_or_the_id_of_that_very_account(service: Server, boss: dict[str, str]) -> None:
    ann, bob = made(service), made(service)
    number, other = number_of(service, boss, ann), number_of(service, boss, bob)
    for body, code in (
        ({}, "required"),
        ({"confirm": bob.email}, "not_confirmed"),
        ({"confirm": other}, "not_confirmed"),
        ({"confirm": ann.username}, "not_confirmed"),
        ({"confirm": True}, "not_a_string"),
        ({"confirm": None}, "null"),
        ({"confirm": [ann.email]}, "not_a_string"),
        ({"confirm": "\0"}, "null_character"),
    ):
        assert faults(ask(service, boss, "DELETE", f"/{number}", json=body)) == {"confirm": [code]}, body
    assert code_of(ask(service, boss, "DELETE", f"/{number}", content=b"{")) == (415, "unsupported_media_type")
    assert ask(service, boss, "DELETE", f"/{number}", json={"confirm": number}).status_code == 204
    assert ask(service, boss, "DELETE", f"/{other}/", data={"confirm": bob.email.upper()}).status_code == 204
    assert ask(service, boss, "GET", "", params={"q": ann.email}).json()["users"] == []


def test_staff_neither_shut_out_nor_delete_themselves(service: Server, boss: dict[str, str]) -> None:
    me = service.client.get("/api/user", headers=boss).json()
    assert code_of(ask(service, boss, "POST", f"/{me['id']}/deactivate")) == (403, "not_allowed")
    answer = ask(service, boss, "DELETE", f"/{me['id']}", json={"confirm": me["email"]})
    assert code_of(answer) == (403, "not_allowed")
    assert "yourself" in answer.json()["detail"]


def test_no_body_makes_anybody_anything(service: Server, boss: dict[str, str]) -> None:
    ann = made(service)
    number = number_of(service, boss, ann)
    before = ask(service, boss, "GET", "", params={"q": ann.email}).json()["users"]
    greedy = {"is_staff": True, "staff": True, "email": "x@example.org", "password": "x", "state": "pending", "id": 1}
    assert ask(service, boss, "POST", f"/{number}/activate", json=greedy).json()["is_staff"] is False
    for method in ("PUT", "PATCH"):
        assert ask(service, boss, method, f"/{number}", json=greedy).status_code == 405
    assert ask(service, boss, "GET", "", params={"q": ann.email}).json()["users"] == before


def test_odd_ids_are_nobodys(service: Server, boss: dict[str, str]) -> None:
    for odd in ("0", "-1", "+1", "1e0", "0x1", "9" * 19, "9" * 400, "%D9%A1", "%00", "%ff", "me", "1%0a", "1;2", "*"):
        for method, below in (("GET", ""), ("POST", "/deactivate"), ("GET", "/journal"), ("DELETE", "/sessions/%00")):
            assert ask(service, boss, method, f"/{odd}{below}").status_code == 404, odd


def test_staff_are_told_which_methods_there_are(service: Server, boss: dict[str, str]) -> None:
    for path, allow in (
        ("", "GET, HEAD, OPTIONS"),
        ("/1", "GET, HEAD, DELETE, OPTIONS"),
        ("/1/reset", "POST, OPTIONS"),
        ("/1/sessions", "GET, HEAD, DELETE, OPTIONS"),
        ("/1/sessions/x", "DELETE, OPTIONS"),
        ("/1/journal/", "GET, HEAD, OPTIONS"),
    ):
        for method, status in (("OPTIONS", 200), ("PUT", 405)):
            answer = ask(service, boss, method, path)
            assert (answer.status_code, answer.headers.get_list("allow")) == (status, [allow]), path


def test_staff_with_a_cookie_prove_that_our_own_page_asks(service: Server) -> None:
    ann, staff = made(service), made(service, "--staff")
    cookie = {"Cookie": f"__Host-access={signed_in(service, staff)}"}
    assert ask(service, cookie, "GET", "").status_code == 200
    number = number_of(service, cookie, ann)
    for headers in (cookie, cookie | CROSS_SITE):
        assert code_of(ask(service, headers, "POST", f"/{number}/deactivate")) == (403, "csrf")
        assert code_of(ask(service, headers, "DELETE", f"/{number}", json={"confirm": number})) == (403, "csrf")
    assert ask(service, cookie | OWN, "POST", f"/{number}/deactivate").status_code == 200


# --- for anybody else ------------------------------------------------------------------------------------------------


def _strangers(service: Server) -> Iterator[tuple[str, dict[str, str]]]:
    """Give everybody who is no staff, with what they send to say who they are."""
    person, fired, demoted = made(service), made(service, "--staff"), made(service, "--staff")
    access, dead = signed_in(service, person), signed_in(service, fired)
    service.run("users", "deactivate", fired.username)
    opaque = service.client.post("/auth/token/login/", json=person.sign_in).json()["auth_token"]
    ended = signed_in(service, demoted)
    service.client.post("/api/logout", headers=as_bearer(ended)).raise_for_status()
    yield "nobody", {}
    yield "somebody", as_bearer(access)
    yield "somebody, by an opaque token", {"Authorization": f"Token {opaque}"}
    yield "staff that were shut out", as_bearer(dead)
    yield "staff that signed out", as_bearer(ended)
    yield "a token of nobody", as_bearer("x.y.z")
    yield "half a header", {"Authorization": "Bearer"}
    for name, token in (("somebody", access), ("staff that were shut out", dead), ("nobody", "x.y.z")):
        for site in ({}, OWN, CROSS_SITE):
            yield f"a cookie of {name}, {site}", {"Cookie": f"__Host-access={token}", **site}


BODIES: Sequence[tuple[bytes | None, str | None]] = (
    (None, None),
    (b'{"confirm": "1"}', JSON),
    (b"{", JSON),
    (b"x", "text/plain"),
)


def _seen(answer: Answer) -> tuple[object, ...]:
    """Return all of an answer but what is another one every time."""
    changing = {"x-request-id", "date"}
    return answer.status, [pair for pair in answer.all_headers if pair[0] not in changing], answer.body


def test_to_anybody_else_it_is_as_if_nothing_were_there(service: Server, boss: dict[str, str]) -> None:
    mine = service.client.get("/api/user", headers=boss).json()["id"]
    pairs = [
        (ALL, "/api/nothing/users"),
        (f"{ALL}/", "/api/nothing/users/"),
        (f"{ALL}?limit=0", "/api/nothing?limit=0"),
    ]
    pairs += [(f"{ALL}/{each}{below}", f"/api/nothing/users/{each}{below}") for each in (mine, 99) for below in BELOW]
    pairs += [(f"/api//admin/users/{mine}", "/api//nothing"), ("/api/admin", "/api/nothing")]
    asked, who = [], []
    for name, headers in _strangers(service):
        more = [(key.encode(), value.encode()) for key, value in headers.items()]
        for method in METHODS:
            # A body tells whether it was looked at; those that read none need be asked but once.
            for body, kind in BODIES if method == "DELETE" else BODIES[:2]:
                for paths in pairs:
                    asked += [request_bytes(method, path, body, kind, more=more) for path in paths]
                    who.append(f"{name}: {method} {paths[0]} {body!r}")
    answers = asyncio.run(ask_all(service.port, asked))
    told = [
        name
        for name, there, nowhere in zip(who, answers[::2], answers[1::2], strict=True)
        if _seen(there) != _seen(nowhere)
    ]
    assert told == []
    assert {answer.status for answer in answers} == {404}
    assert ask(service, boss, "GET", f"/{mine}").status_code == 200
