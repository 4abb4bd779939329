"""Passwords: too long, cut short, spelled otherwise, said back; and who is told whether an account is there."""

import time

import httpx
import pytest

from tests.integration.wire.conftest import Serve
from tests.integration.wire.people import Person, newcomer
from tests.integration.wire.serving import Server, let_mail_come

from .acting import access_of, confirmed, page, reset_link

LONGEST = ("vK8 \u00e9\U0001f989" * 400)[:1_023] + "z"


def signs_in(server: Server, person: Person, password: str) -> bool:
    """Say whether a password lets somebody in."""
    attempt = {"identifier": person.email, "password": password}
    return server.client.post("/api/login", json=attempt).status_code == 200


def test_of_1024_characters_every_one_counts_and_one_more_is_too_long(service: Server) -> None:
    ann = confirmed(service, newcomer().with_password(LONGEST))
    assert signs_in(service, ann, LONGEST)
    for other in (LONGEST[:-1], LONGEST[:-1] + "y", LONGEST[:72], LONGEST + "z", LONGEST.swapcase(), LONGEST[:500]):
        assert not signs_in(service, ann, other)
    for path in ("/auth/users/", "/api/register"):
        answer = service.client.post(path, json={**newcomer().sign_up, "password": LONGEST + "z"})
        assert answer.status_code in {400, 422}
        assert LONGEST[:50] not in answer.text


@pytest.mark.parametrize("ending", ["\0", "\0rest", "\n", " \u200b", "\u00a0x"], ids=ascii)
def test_nothing_is_cut_off_a_password(service: Server, ending: str) -> None:
    ann = confirmed(service)
    # White space around is nobody's password, at registration and at sign-in alike.
    assert signs_in(service, ann, ann.password + ending) == ((ann.password + ending).strip() == ann.password)
    assert not signs_in(service, ann, ann.password[:-1])
    assert not signs_in(service, ann, ann.password.upper())


def test_a_password_of_a_megabyte_costs_nothing(service: Server, ann: Person) -> None:
    huge = "x" * 1_000_000
    began = time.monotonic()
    for path in ("/api/login", "/auth/jwt/create/", "/auth/token/login/", "/auth/users/", "/api/register"):
        assert service.client.post(path, json={**ann.sign_up, "password": huge}).status_code == 413
    assert page(service, "/sign-in", cookies={"probe": "1"}, name=ann.email, password=huge).status_code == 413
    # What still fits into a body is longer than any password, and is not hashed either.
    for _ in range(10):
        assert not signs_in(service, ann, huge[:60_000])
    assert time.monotonic() - began < 5


def test_a_password_is_never_said_back(service: Server, ann: Person) -> None:
    secret, access = "s3cr3t", access_of(service, ann)
    link = reset_link(service, ann)
    client = service.client
    answers = [
        client.post("/auth/users/", json={**newcomer().sign_up, "password": secret}),
        client.post("/api/register", json={**newcomer().sign_up, "password": secret, "re_password": secret + "x"}),
        client.post("/api/login", json={"identifier": "x", "password": secret}),
        client.post("/auth/jwt/create/", json={"username": None, "password": secret}),
        client.post("/api/password", json={"current_password": secret, "new_password": secret}, headers=access),
        client.post("/auth/users/reset_password_confirm/", json={**link.halves, "new_password": secret}),
        client.post(
            "/api/login", content=f'{{"password": "{secret}", }}', headers={"Content-Type": "application/json"}
        ),
        client.post("/api/login", content=f"password={secret}", headers={"Content-Type": "text/plain"}),
        client.request("DELETE", "/api/user", json={"current_password": secret}, headers=access),
        page(service, "/register", username="x", email="x", password=secret),
        page(service, "/sign-in", cookies={"probe": "1"}, name="x", password=secret),
        page(service, f"/{link.page}/{link.uid}/{link.token}", new_password=secret),
    ]
    assert [answer.status_code // 100 for answer in answers] == [4] * len(answers)
    assert [answer.url for answer in answers if secret in answer.text or secret in str(answer.headers)] == []


def seen(answer: httpx.Response) -> tuple[object, ...]:
    """Return all that an answer tells, but for what every answer has of its own."""
    own = {"date", "x-request-id"}
    headers = [(name, value) for name, value in answer.headers.items() if name not in own]
    return answer.status_code, sorted(headers), answer.content


@pytest.fixture(scope="module")
def people(service: Server) -> dict[str, Person]:
    """Give somebody of every kind that a stranger might ask about; their names are of one length."""
    kinds = {kind: confirmed(service) for kind in ("known", "shut out", "gone")}
    kinds |= {kind: newcomer() for kind in ("waiting", "unknown")}
    service.client.post("/auth/users/", json=kinds["waiting"].sign_up).raise_for_status()
    service.run("users", "deactivate", kinds["shut out"].email)
    service.run("users", "delete", kinds["gone"].email, "--yes")
    let_mail_come(service)
    return kinds


ASKED = [
    *((path, "identifier") for path in ("/api/login", "/api/auth/login", "/auth/jwt/create/", "/auth/token/login/")),
    *((path, "email") for path in ("/api/reset_password", "/api/activate/resend", "/auth/users/resend_activation/")),
    *((f"/auth/users/reset_{what}/", "email") for what in ("password", "username")),
]


@pytest.mark.parametrize(("path", "field"), ASKED)
def test_nobody_is_told_who_has_an_account(service: Server, people: dict[str, Person], path: str, field: str) -> None:
    answers = {
        kind: seen(service.client.post(path, json={field: person.email, "password": "wrong-vK8-word"}))
        for kind, person in people.items()
    }
    assert len(set(map(str, answers.values()))) == 1, answers


@pytest.mark.parametrize("path", ["/sign-in", "/forgot-password", "/forgot-name", "/resend-activation"])
def test_no_page_tells_who_has_an_account(service: Server, people: dict[str, Person], path: str) -> None:
    told = set()
    for person in people.values():
        answer = page(
            service, path, cookies={"probe": "1"}, name=person.email, email=person.email, password="wrong-word"
        )
        # The address that was typed is put back into its field; nothing else may differ.
        told.add((answer.status_code, answer.headers.get("location"), answer.text.replace(person.email, "TYPED")))
    assert len(told) == 1


def test_where_it_is_hidden_registration_tells_nobody_either(serve: Serve) -> None:
    hiding = serve(REGISTRATION_HIDES_ACCOUNTS="1")
    ann = confirmed(hiding)
    for path in ("/auth/users/", "/api/register"):
        answers = []
        for email in (ann.email, f"{newcomer().username}@example.org"):
            person = newcomer()
            answer = hiding.client.post(path, json={**person.sign_up, "email": email})
            body = {name: value for name, value in answer.json().items() if name not in {"id", "username", "email"}}
            answers.append((answer.status_code, body, sorted(set(answer.headers) - {"date"})))
        assert answers[0] == answers[1]
        assert answers[0][0] == 201
