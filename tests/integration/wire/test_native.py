"""The native wire, row by row: `/api/…` as its document has it."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from http.cookies import Morsel, SimpleCookie
from typing import Any

import httpx
import pytest

from tests.integration.conformance.running import ReceivedMail

from .conftest import Serve
from .people import Person, newcomer
from .serving import FRONTEND, Server, as_bearer, let_mail_come, link_in, link_to, mails_to

PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def service(serve: Serve) -> Server:
    return serve()


@pytest.fixture(scope="module")
def unasked(serve: Serve) -> Server:
    """Give a server where nobody has to prove an address."""
    return serve(ACTIVATION="off")


@pytest.fixture(scope="module")
def lenient(serve: Serve) -> Server:
    """Give one where an address may be proven, tokens rotate, and there is no TLS."""
    return serve(ACTIVATION="optional", JWT_ROTATE_REFRESH_TOKENS="1", JWT_REFRESH_GRACE="1", DEBUG="1")


@pytest.fixture
def ann(service: Server) -> Person:
    return active(service)


def active(service: Server) -> Person:
    """Register somebody and prove their address."""
    person = newcomer()
    service.client.post("/api/register", json=person.sign_up).raise_for_status()
    service.client.post("/api/activate", json=link_to(service.mailbox, person.email).halves).raise_for_status()
    return person


def sign_in(service: Server, person: Person) -> dict[str, str]:
    answer = service.client.post("/api/login", json=person.sign_in)
    assert answer.status_code == 200, answer.text
    tokens: dict[str, str] = answer.json()
    return tokens


def bearer(service: Server, person: Person) -> dict[str, str]:
    return as_bearer(sign_in(service, person)["access"])


def is_signed_in(service: Server, access: str) -> bool:
    return service.client.get("/api/user", headers=as_bearer(access)).status_code == 200


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Return the problem, which has to be this one, whole and in its form."""
    problem: dict[str, Any] = answer.json()
    assert answer.headers["content-type"] == PROBLEM
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code), answer.text
    assert problem["type"] == "about:blank"
    assert problem["title"] == httpx.codes.get_reason_phrase(status)
    assert problem["detail"]
    assert set(problem) - {"errors"} == {"type", "title", "status", "detail", "code"}
    assert (answer.headers.get("www-authenticate") == 'Bearer realm="api"') == (status == 401)
    return problem


def faults(answer: httpx.Response, status: int = 422, code: str = "invalid_input") -> dict[str, list[str]]:
    """Return the codes of what is wrong, by field."""
    found = refused(answer, status, code)["errors"]
    assert all(fault["message"].endswith(".") for each in found.values() for fault in each)
    return {name: [fault["code"] for fault in each] for name, each in found.items()}


# --- registering -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/register", "/api/register/", "/api/auth/register", "/api/auth/register/"])
@pytest.mark.parametrize("form", ["json", "data", "files"])
def test_registration_answers_201_and_mails_the_link(service: Server, path: str, form: str) -> None:
    ann = newcomer()
    fields: Any = {name: (None, text) for name, text in ann.sign_up.items()} if form == "files" else ann.sign_up
    answer = service.client.post(path, **{form: fields})
    body = answer.json()
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    assert isinstance(body.pop("id"), int)
    assert body == {
        "message": "User registered successfully",
        "username": ann.username,
        "email": ann.email,
        "is_email_confirmed": False,
    }
    assert link_to(service.mailbox, ann.email).page == "activate"


def test_a_name_is_not_needed(service: Server) -> None:
    ann = newcomer()
    answer = service.client.post("/api/register", json={"email": ann.email, "password": ann.password})
    assert (answer.status_code, answer.json()["username"]) == (201, None)
    service.client.post("/api/activate", json=link_to(service.mailbox, ann.email).halves).raise_for_status()
    tokens = service.client.post("/api/login", json={"email": ann.email, "password": ann.password}).json()
    assert service.client.get("/api/user", headers=as_bearer(tokens["access"])).json()["username"] is None


def test_two_people_without_a_name_are_two_people(service: Server) -> None:
    ids = [
        service.client.post("/api/register", json={"email": newcomer().email, "password": "vK8-long-enough"}).json()[
            "id"
        ]
        for _ in range(2)
    ]
    assert ids[0] != ids[1]


def test_a_password_typed_twice_is_compared_when_it_is_sent(service: Server) -> None:
    ann = newcomer()
    differs = service.client.post("/api/register", json={**ann.sign_up, "re_password": "vK8-long-enough-too"})
    assert list(faults(differs).values()) == [["mismatch"]]
    same = service.client.post("/api/register", json={**ann.sign_up, "re_password": ann.password})
    assert same.status_code == 201


def test_all_fields_at_fault_are_named_in_one_answer(service: Server) -> None:
    answer = service.client.post("/api/register", json={"username": "a b", "email": "nobody", "password": ["x"]})
    assert faults(answer) == {
        "username": ["username_characters"],
        "email": ["email_form"],
        "password": ["not_a_string"],
    }
    assert faults(service.client.post("/api/register")) == {"email": ["required"], "password": ["required"]}


def test_a_weak_password_is_told_every_reason(service: Server) -> None:
    answer = service.client.post("/api/register", json={**newcomer().sign_up, "password": "12345"})
    assert faults(answer) == {"password": ["password_short", "password_common", "password_numeric"]}


def test_a_password_known_from_thefts_is_refused_here_and_taken_where_djosers_clients_expect_it(
    service: Server,
) -> None:
    stolen = {**newcomer().sign_up, "password": "gogolmogol"}
    assert faults(service.client.post("/api/register", json=stolen)) == {"password": ["password_breached"]}
    assert service.client.post("/auth/users/", json=stolen).status_code == 201


def test_a_taken_name_and_address_are_409_however_they_are_spelled(service: Server, ann: Person) -> None:
    again = {"username": ann.username.upper(), "email": ann.email.upper(), "password": ann.password}
    answer = service.client.post("/api/register", json=again)
    assert faults(answer, 409, "already_taken") == {"username": ["taken"], "email": ["taken"]}


def test_a_fault_beside_a_taken_name_is_422(service: Server, ann: Person) -> None:
    answer = service.client.post("/api/register", json={**ann.sign_up, "email": "nobody"})
    assert faults(answer) == {"username": ["taken"], "email": ["email_form"]}


def test_flags_that_are_sent_along_are_not_taken(service: Server) -> None:
    ann = newcomer()
    flags = {"is_staff": True, "is_active": True, "id": 1, "is_email_confirmed": True, "state": "active", "stamp": "x"}
    answer = service.client.post("/api/register", json={**ann.sign_up, **flags})
    assert (answer.status_code, answer.json()["is_email_confirmed"]) == (201, False)
    assert answer.json()["id"] != 1 or service.client.get("/auth/users/1/").status_code == 401
    refused(service.client.post("/api/login", json=ann.sign_in), 401, "bad_credentials")


# --- confirming an address -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_link_confirms_and_says_so_again(service: Server, slash: str) -> None:
    ann = newcomer()
    service.client.post("/api/register", json=ann.sign_up)
    link = link_to(service.mailbox, ann.email).halves
    for _ in range(2):
        answer = service.client.post(f"/api/activate{slash}", json=link)
        assert (answer.status_code, answer.json()) == (200, {"message": "Email confirmed", "is_email_confirmed": True})
    assert is_signed_in(service, sign_in(service, ann)["access"])


def test_a_link_that_is_wrong_is_410(service: Server) -> None:
    ann, bea = newcomer(), newcomer()
    for person in (ann, bea):
        service.client.post("/api/register", json=person.sign_up)
    link, other = link_to(service.mailbox, ann.email).halves, link_to(service.mailbox, bea.email).halves
    for wrong in (
        {**link, "token": other["token"]},
        {**link, "token": link["token"][:-1]},
        {**link, "token": "x"},
        {**link, "uid": "OTk5OTk5OTk5"},
        {**link, "uid": "!"},
    ):
        refused(service.client.post("/api/activate", json=wrong), 410, "link_rejected")
    assert faults(service.client.post("/api/activate", json={"uid": None})) == {"uid": ["null"], "token": ["required"]}


def test_links_work_for_their_own_purpose_only(service: Server, ann: Person) -> None:
    activation = link_to(service.mailbox, ann.email)
    service.client.post("/api/reset_password", json={"email": ann.email})
    service.client.post("/auth/users/reset_username/", json={"email": ann.email})
    reset, rename = (link_in(mail) for mail in sorted(mails_to(service.mailbox, ann.email, 3)[1:], key=_page))
    assert (reset.page, rename.page) == ("password-reset", "username-reset")
    for link in (reset, rename):
        refused(service.client.post("/api/activate", json=link.halves), 410, "link_rejected")
    for link in (activation, rename):
        new = {**link.halves, "new_password": "another-vK8-9"}
        refused(service.client.post("/api/reset_password/confirm", json=new), 410, "link_rejected")


def _page(mail: ReceivedMail) -> str:
    return link_in(mail).page


@pytest.mark.parametrize("path", ["/api/activate/resend", "/api/activate/resend/"])
def test_resending_mails_the_unconfirmed_and_tells_nobody(service: Server, path: str, ann: Person) -> None:
    pending, unknown = newcomer(), newcomer()
    service.client.post("/api/register", json=pending.sign_up)
    for address in (pending.email, ann.email, unknown.email):
        answer = service.client.post(path, json={"email": address})
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    let_mail_come(service)
    counts = [len(service.mailbox.holding(address)) for address in (pending.email, ann.email, unknown.email)]
    assert counts == [2, 1, 0]
    assert faults(service.client.post(path, json={"email": "nobody"})) == {"email": ["email_form"]}


def test_with_activation_off_people_sign_in_at_once_and_no_link_is_mailed(unasked: Server) -> None:
    ann = newcomer()
    unasked.client.post("/api/register", json=ann.sign_up).raise_for_status()
    assert is_signed_in(unasked, sign_in(unasked, ann)["access"])
    assert unasked.client.post("/api/activate/resend", json={"email": ann.email}).json() == {"status": "ok"}
    let_mail_come(unasked)
    assert not unasked.mailbox.holding(ann.email)


def test_with_activation_optional_people_sign_in_meanwhile_and_the_link_still_confirms(lenient: Server) -> None:
    ann = newcomer()
    lenient.client.post("/api/register", json=ann.sign_up).raise_for_status()
    auth = bearer(lenient, ann)
    assert lenient.client.get("/api/user", headers=auth).json()["is_email_confirmed"] is False
    link = link_to(lenient.mailbox, ann.email)
    assert lenient.client.post("/api/activate", json=link.halves).status_code == 200
    assert lenient.client.get("/api/user", headers=auth).json()["is_email_confirmed"] is True


# --- signing in ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/api/login", "/api/login/", "/api/token", "/api/token/", "/api/auth/login", "/api/auth/login/"]
)
@pytest.mark.parametrize("field", ["identifier", "username", "email"])
def test_people_sign_in_by_name_or_address_in_any_of_three_fields(
    service: Server, ann: Person, path: str, field: str
) -> None:
    for name in (ann.username, ann.email, ann.username.upper(), ann.email.upper(), f" {ann.username} "):
        answer = service.client.post(path, data={field: name, "password": ann.password})
        assert answer.status_code == 200, answer.text
        assert set(answer.json()) == {"access", "refresh"}
        assert answer.headers["cache-control"] == "no-store"


def test_a_refused_sign_in_is_the_same_for_known_unknown_and_unconfirmed(service: Server, ann: Person) -> None:
    pending = newcomer()
    service.client.post("/api/register", json=pending.sign_up)
    answers = [
        service.client.post("/api/login", json=attempt)
        for attempt in (
            {**ann.sign_in, "password": "not the password"},
            newcomer().sign_in,
            pending.sign_in,
            {**ann.sign_in, "password": "x" * 5_000},
        )
    ]
    for answer in answers:
        refused(answer, 401, "bad_credentials")
    assert len({answer.content for answer in answers}) == 1


def test_a_sign_in_names_the_fields_it_misses(service: Server) -> None:
    assert faults(service.client.post("/api/login", json={})) == {"password": ["required"]}
    assert faults(service.client.post("/api/login", json={"password": "x"})) == {"identifier": ["required"]}
    blank = service.client.post("/api/login", json={"email": "", "password": ""})
    assert faults(blank) == {"email": ["blank"], "password": ["blank"]}


def test_a_name_that_looks_like_an_address_never_shadows_it(service: Server, ann: Person) -> None:
    thief = newcomer()
    taken = service.client.post("/api/register", json={**thief.sign_up, "username": ann.email})
    if taken.status_code == 201:
        service.client.post("/api/activate", json=link_to(service.mailbox, thief.email).halves).raise_for_status()
    for field in ("identifier", "email", "username"):
        answer = service.client.post("/api/login", json={field: ann.email, "password": ann.password})
        assert answer.status_code == 200
        me = service.client.get("/api/user", headers=as_bearer(answer.json()["access"])).json()
        assert me["email"] == ann.email


# --- cookies and proof of origin -------------------------------------------------------------------------------------


def cookies_of(answer: httpx.Response) -> list[Morsel[str]]:
    found = []
    for header in answer.headers.get_list("set-cookie"):
        (morsel,) = SimpleCookie(header).values()
        found.append(morsel)
    return found


def as_cookie(**cookies: str) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name.replace('HOST_', '__Host-')}={value}" for name, value in cookies.items())}


SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


def test_a_browser_gets_both_tokens_as_cookies_that_no_script_reads(service: Server, ann: Person) -> None:
    answer = service.client.post("/api/auth/login", json=ann.sign_in)
    access, *refresh = cookies_of(answer)
    assert (access.key, access["path"], access.value) == ("__Host-access", "/", answer.json()["access"])
    assert {(each.key, each["path"]) for each in refresh} == {
        ("refresh", "/api/token/refresh"),
        ("refresh", "/api/logout"),
    }
    assert {each.value for each in refresh} == {answer.json()["refresh"]}
    for each in (access, *refresh):
        assert each["httponly"]
        assert each["secure"]
        assert each["samesite"] == "Lax"
        assert not each["domain"]
    assert (access["max-age"], refresh[0]["max-age"]) == ("900", "1209600")


def test_only_where_there_is_no_tls_cookies_are_not_secure(lenient: Server) -> None:
    ann = newcomer()
    lenient.client.post("/api/register", json=ann.sign_up)
    found = cookies_of(lenient.client.post("/api/auth/login", json=ann.sign_in))
    assert {each.key for each in found} == {"access", "refresh"}
    assert all(each["httponly"] and each["samesite"] == "Lax" and not each["secure"] for each in found)


@pytest.mark.parametrize("path", ["/api/login", "/api/token"])
def test_programs_get_no_cookies(service: Server, ann: Person, path: str) -> None:
    assert not cookies_of(service.client.post(path, json=ann.sign_in))


def test_a_browser_is_known_by_its_cookie_and_refreshes_and_signs_out_by_it(service: Server, ann: Person) -> None:
    tokens = service.client.post("/api/auth/login", json=ann.sign_in).json()
    held = as_cookie(HOST_access=tokens["access"])
    assert service.client.get("/api/user", headers=held).json()["email"] == ann.email

    kept = as_cookie(refresh=tokens["refresh"])
    renewed = service.client.post("/api/token/refresh", headers={**kept, **SAME_ORIGIN})
    assert renewed.status_code == 200
    (access,) = cookies_of(renewed)
    assert (access.key, access.value) == ("__Host-access", renewed.json()["access"])

    gone = service.client.post("/api/logout", headers={**kept, **SAME_ORIGIN})
    assert (gone.status_code, gone.json()) == (200, {"message": "Signed out"})
    assert {(each.key, each["path"], each.value, each["max-age"]) for each in cookies_of(gone)} == {
        ("__Host-access", "/", "", "0"),
        ("refresh", "/api/token/refresh", "", "0"),
        ("refresh", "/api/logout", "", "0"),
    }
    for access_token in (tokens["access"], renewed.json()["access"]):
        refused(service.client.get("/api/user", headers=as_cookie(HOST_access=access_token)), 401, "token_not_valid")


def test_a_browser_with_dead_cookies_is_rid_of_them_by_signing_out(service: Server, ann: Person) -> None:
    tokens = service.client.post("/api/auth/login", json=ann.sign_in).json()
    service.client.post("/api/logout", json={"refresh": tokens["refresh"]}).raise_for_status()
    dead = as_cookie(HOST_access=tokens["access"], refresh=tokens["refresh"])
    answer = service.client.post("/api/logout", headers={**dead, **SAME_ORIGIN})
    assert len(cookies_of(answer)) == 3, answer.text


OWN = "http://auth.test"
PROVEN: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "same-origin", "Origin": OWN},
    {"Sec-Fetch-Site": "none"},
    {"Origin": OWN},
    {"Origin": "https://auth.test"},
    {"Origin": FRONTEND},
    {"Sec-Fetch-Site": "cross-site", "Origin": FRONTEND},
    {"Sec-Fetch-Site": "same-site", "Origin": FRONTEND},
]
FOREIGN: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "none", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "SAME-ORIGIN-not"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": f"{FRONTEND}.evil.example"},
    {"Origin": f"{FRONTEND}:8443"},
    {"Origin": FRONTEND.replace("https", "http")},
    {"Origin": ""},
    {"Referer": f"{FRONTEND}/page"},
    {"Origin": "http://auth.test.evil.example"},
]


def _headers(proof: Mapping[str, str]) -> dict[str, str]:
    return {"Host": "auth.test", **proof}


@pytest.mark.parametrize("proof", PROVEN, ids=str)
def test_a_cookie_counts_for_an_unsafe_request_from_our_own_pages(
    service: Server, browser: dict[str, str], proof: dict[str, str]
) -> None:
    held = as_cookie(HOST_access=browser["access"])
    answer = service.client.patch("/api/user", json={}, headers={**held, **_headers(proof)})
    assert answer.status_code == 200, answer.text
    kept = as_cookie(refresh=browser["refresh"])
    assert service.client.post("/api/token/refresh", headers={**kept, **_headers(proof)}).status_code == 200


@pytest.mark.parametrize("proof", [*FOREIGN, {}], ids=str)
def test_a_cookie_does_not_count_for_an_unsafe_request_from_elsewhere(
    service: Server, browser: dict[str, str], proof: dict[str, str]
) -> None:
    held = {**as_cookie(HOST_access=browser["access"]), **_headers(proof)}
    kept = {**as_cookie(refresh=browser["refresh"]), **_headers(proof)}
    for answer in (
        service.client.patch("/api/user", json={}, headers=held),
        service.client.request("DELETE", "/api/delete_account", headers=held),
        service.client.request("DELETE", "/api/sessions", headers=held),
        service.client.post("/api/password", json={}, headers=held),
        service.client.post("/api/token/refresh", headers=kept),
        service.client.post("/api/logout", headers=kept),
    ):
        refused(answer, 403, "csrf")
    # Reading changes nothing, and other sites cannot see the answer.
    assert service.client.get("/api/user", headers=held).status_code == 200


@pytest.mark.parametrize("proof", [*PROVEN, {}], ids=str)
def test_a_browser_signs_in_from_our_own_pages_and_a_program_from_anywhere(
    service: Server, browser: dict[str, str], proof: dict[str, str]
) -> None:
    attempt = {"username": browser["username"], "password": browser["password"]}
    assert service.client.post("/api/auth/login", json=attempt, headers=_headers(proof)).status_code == 200


@pytest.mark.parametrize("proof", [proof for proof in FOREIGN if "Referer" not in proof], ids=str)
def test_no_other_site_signs_a_visitor_in(service: Server, browser: dict[str, str], proof: dict[str, str]) -> None:
    attempt = {"username": browser["username"], "password": browser["password"]}
    refused(service.client.post("/api/auth/login", json=attempt, headers=_headers(proof)), 403, "csrf")


@pytest.mark.parametrize("proof", FOREIGN, ids=str)
def test_a_bearer_never_needs_proof_of_origin(service: Server, browser: dict[str, str], proof: dict[str, str]) -> None:
    both = {**as_bearer(browser["access"]), **as_cookie(HOST_access=browser["access"]), **_headers(proof)}
    assert service.client.patch("/api/user", json={}, headers=both).status_code == 200
    body = service.client.post("/api/token/refresh", json={"refresh": browser["refresh"]}, headers=_headers(proof))
    assert (body.status_code, cookies_of(body)) == (200, [])


@pytest.fixture(scope="module")
def browser(service: Server) -> dict[str, str]:
    """Give the tokens of somebody who signed in by browser, and what they typed."""
    ann = active(service)
    return {**ann.sign_in, **service.client.post("/api/auth/login", json=ann.sign_in).json()}


def test_what_the_header_says_goes_before_the_cookie(service: Server, ann: Person) -> None:
    bea = active(service)
    cookie = as_cookie(HOST_access=sign_in(service, bea)["access"])
    me = service.client.get("/api/user", headers={**bearer(service, ann), **cookie}).json()
    assert me["email"] == ann.email
    refused(service.client.get("/api/user", headers={**as_bearer("x.y.z"), **cookie}), 401, "token_not_valid")


def test_cors_is_closed(service: Server, ann: Person) -> None:
    for origin in ("https://evil.example", "null", FRONTEND):
        for answer in (
            service.client.get("/api/user", headers={**bearer(service, ann), "Origin": origin}),
            service.client.options("/api/user", headers={"Origin": origin, "Access-Control-Request-Method": "GET"}),
        ):
            assert not [name for name in answer.headers if name.startswith("access-control-")]


# --- tokens ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
def test_without_rotation_a_refresh_answers_an_access_token_alone(service: Server, ann: Person, slash: str) -> None:
    refresh = sign_in(service, ann)["refresh"]
    for _ in range(2):
        answer = service.client.post(f"/api/token/refresh{slash}", data={"refresh": refresh})
        assert (answer.status_code, set(answer.json())) == (200, {"access"})
        assert is_signed_in(service, answer.json()["access"])


def test_access_and_refresh_tokens_are_never_taken_for_each_other(service: Server, ann: Person) -> None:
    tokens = sign_in(service, ann)
    swapped = service.client.post("/api/token/refresh", json={"refresh": tokens["access"]})
    refused(swapped, 401, "token_not_valid")
    refused(service.client.get("/api/user", headers=as_bearer(tokens["refresh"])), 401, "token_not_valid")


def test_a_refresh_without_a_token_says_what_it_misses(service: Server) -> None:
    assert faults(service.client.post("/api/token/refresh")) == {"refresh": ["required"]}
    assert faults(service.client.post("/api/token/refresh", json={"refresh": ""})) == {"refresh": ["blank"]}


@pytest.mark.parametrize("slash", ["", "/"])
def test_verify_says_whether_a_token_is_good_here_and_now(service: Server, ann: Person, slash: str) -> None:
    tokens = sign_in(service, ann)
    path = f"/api/token/verify{slash}"
    for token in tokens.values():
        answer = service.client.post(path, json={"token": token})
        assert (answer.status_code, answer.json()) == (200, {})
    service.client.post("/api/logout", json={"refresh": tokens["refresh"]})
    for token in (*tokens.values(), "x"):
        refused(service.client.post(path, json={"token": token}), 401, "token_not_valid")
    assert faults(service.client.post(path)) == {"token": ["required"]}


def test_with_rotation_each_refresh_gives_a_successor(lenient: Server) -> None:
    first = _rotating(lenient)
    answer = lenient.client.post("/api/token/refresh", json={"refresh": first})
    assert set(answer.json()) == {"access", "refresh"}
    assert answer.json()["refresh"] != first
    assert is_signed_in(lenient, answer.json()["access"])
    again = lenient.client.post("/api/token/refresh", json={"refresh": answer.json()["refresh"]})
    assert again.status_code == 200


def test_a_retry_within_the_grace_gets_the_very_same_successor(lenient: Server) -> None:
    first = _rotating(lenient)
    answers = [lenient.client.post("/api/token/refresh", json={"refresh": first}).json() for _ in range(3)]
    assert len({answer["refresh"] for answer in answers}) == 1
    assert all(is_signed_in(lenient, answer["access"]) for answer in answers)


def test_reuse_after_the_grace_ends_the_session(lenient: Server) -> None:
    first = _rotating(lenient)
    pair = lenient.client.post("/api/token/refresh", json={"refresh": first}).json()
    time.sleep(1.1)
    for token in (first, pair["refresh"]):
        refused(lenient.client.post("/api/token/refresh", json={"refresh": token}), 401, "token_not_valid")
    assert not is_signed_in(lenient, pair["access"])


def test_reuse_of_an_older_ancestor_ends_the_session_even_at_once(lenient: Server) -> None:
    first = _rotating(lenient)
    second = lenient.client.post("/api/token/refresh", json={"refresh": first}).json()["refresh"]
    third = lenient.client.post("/api/token/refresh", json={"refresh": second}).json()
    for token in (first, second, third["refresh"]):
        refused(lenient.client.post("/api/token/refresh", json={"refresh": token}), 401, "token_not_valid")
    assert not is_signed_in(lenient, third["access"])


def test_where_tokens_rotate_both_cookies_are_set_again(lenient: Server) -> None:
    held = as_cookie(refresh=_rotating(lenient))
    answer = lenient.client.post("/api/token/refresh", headers={**held, **SAME_ORIGIN})
    values = {each.key: each.value for each in cookies_of(answer)}
    assert values == {"access": answer.json()["access"], "refresh": answer.json()["refresh"]}


def _rotating(lenient: Server) -> str:
    ann = newcomer()
    lenient.client.post("/api/register", json=ann.sign_up).raise_for_status()
    return sign_in(lenient, ann)["refresh"]


# --- signing out and devices -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("by", ["refresh", "bearer"])
def test_signing_out_ends_the_session_at_once_and_no_other(service: Server, ann: Person, by: str, slash: str) -> None:
    here, elsewhere = sign_in(service, ann), sign_in(service, ann)
    renewed = service.client.post("/api/token/refresh", json={"refresh": here["refresh"]}).json()["access"]
    told: dict[str, Any] = (
        {"json": {"refresh": here["refresh"]}} if by == "refresh" else {"headers": as_bearer(here["access"])}
    )
    answer = service.client.post(f"/api/logout{slash}", **told)
    assert (answer.status_code, answer.json()) == (200, {"message": "Signed out"})
    assert not is_signed_in(service, here["access"])
    assert not is_signed_in(service, renewed)
    assert service.client.post("/api/token/refresh", json={"refresh": here["refresh"]}).status_code == 401
    assert is_signed_in(service, elsewhere["access"])


def test_signing_out_of_nothing_is_401(service: Server, ann: Person) -> None:
    refused(service.client.post("/api/logout"), 401, "not_signed_in")
    refused(service.client.post("/api/logout", json={"refresh": "x"}), 401, "token_not_valid")
    tokens = sign_in(service, ann)
    service.client.post("/api/logout", json={"refresh": tokens["refresh"]})
    refused(service.client.post("/api/logout", json={"refresh": tokens["refresh"]}), 401, "token_not_valid")
    refused(service.client.post("/api/logout", headers=as_bearer(tokens["access"])), 401, "token_not_valid")


def test_devices_are_listed_with_when_where_and_which_is_this_one(service: Server, ann: Person) -> None:
    began = datetime.now(UTC).timestamp() - 1
    for agent in ("Phone/1", "Laptop/2"):
        service.client.post("/api/login", json=ann.sign_in, headers={"User-Agent": agent}).raise_for_status()
    answer = service.client.get("/api/sessions", headers=bearer(service, ann))
    assert answer.status_code == 200
    devices = answer.json()
    assert [device["current"] for device in devices].count(True) == 1
    assert {"Phone/1", "Laptop/2"} <= {device["agent"] for device in devices}
    for device in devices:
        assert set(device) == {"id", "kind", "created", "last_seen", "address", "agent", "current"}
        assert device["address"] == "127.0.0.1"
        assert began <= datetime.fromisoformat(device["created"]).timestamp() <= time.time()
        assert datetime.fromisoformat(device["last_seen"]) >= datetime.fromisoformat(device["created"])


def test_one_device_is_signed_out_by_its_id_and_only_ones_own(service: Server, ann: Person) -> None:
    bea = active(service)
    here, there, hers = (sign_in(service, person) for person in (ann, ann, bea))
    mine = service.client.get("/api/sessions", headers=as_bearer(there["access"])).json()
    (that,) = [device["id"] for device in mine if device["current"]]
    refused(service.client.delete(f"/api/sessions/{that}", headers=as_bearer(hers["access"])), 404, "not_found")
    assert is_signed_in(service, there["access"])
    assert service.client.delete(f"/api/sessions/{that}/", headers=as_bearer(here["access"])).status_code == 204
    assert not is_signed_in(service, there["access"])
    assert is_signed_in(service, here["access"])
    refused(service.client.delete(f"/api/sessions/{that}", headers=as_bearer(here["access"])), 404, "not_found")


@pytest.mark.parametrize("slash", ["", "/"])
def test_all_other_devices_are_signed_out_together(service: Server, ann: Person, slash: str) -> None:
    here, *others = (sign_in(service, ann) for _ in range(3))
    opaque = service.client.post("/auth/token/login/", json=ann.sign_in).json()["auth_token"]
    answer = service.client.delete(f"/api/sessions{slash}", headers=as_bearer(here["access"]))
    assert (answer.status_code, answer.content) == (204, b"")
    assert is_signed_in(service, here["access"])
    assert not any(is_signed_in(service, other["access"]) for other in others)
    assert not is_signed_in(service, opaque)
    assert len(service.client.get("/api/sessions", headers=as_bearer(here["access"])).json()) == 1


def test_opaque_tokens_are_good_here_under_every_scheme(service: Server, ann: Person) -> None:
    token = service.client.post("/auth/token/login/", json=ann.sign_in).json()["auth_token"]
    for scheme in ("Bearer", "Token", "JWT", "bearer", "token"):
        answer = service.client.get("/api/user", headers={"Authorization": f"{scheme} {token}"})
        assert answer.status_code == 200
    (device,) = service.client.get("/api/sessions", headers=as_bearer(token)).json()
    assert (device["kind"], device["current"]) == ("opaque", True)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("GET", "/api/user"), ("PUT", "/api/user"), ("PATCH", "/api/user/"), ("DELETE", "/api/user")),
        *(("GET", "/api/detail"), ("DELETE", "/api/delete_account"), ("POST", "/api/password")),
        *(("GET", "/api/sessions"), ("DELETE", "/api/sessions"), ("DELETE", "/api/sessions/x")),
    ],
)
def test_what_is_somebodys_own_needs_to_know_who_asks(service: Server, method: str, path: str) -> None:
    refused(service.client.request(method, path), 401, "not_signed_in")
    refused(service.client.request(method, path, headers=as_bearer("x.y.z")), 401, "token_not_valid")
    malformed = {"Authorization": "Bearer x y"}
    refused(service.client.request(method, path, headers=malformed), 401, "bad_authorization_header")


# --- one's own account -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
def test_people_see_themselves(service: Server, ann: Person, slash: str) -> None:
    auth = bearer(service, ann)
    me = service.client.get(f"/api/user{slash}", headers=auth).json()
    assert isinstance(me["id"], int)
    assert me == {"id": me["id"], "username": ann.username, "email": ann.email, "is_email_confirmed": True}
    detail = service.client.get(f"/api/detail{slash}", headers=auth)
    assert (detail.status_code, detail.json()) == (
        200,
        {"message": "Welcome to Page", "user": {"id": me["id"], "username": ann.username, "email": ann.email}},
    )


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_new_name_counts_at_once(service: Server, ann: Person, method: str) -> None:
    auth, name = bearer(service, ann), newcomer().username
    answer = service.client.request(method, "/api/user/", json={"username": name}, headers=auth)
    assert (answer.status_code, answer.json()["username"], answer.json()["email"]) == (200, name, ann.email)
    assert service.client.post("/api/login", json={**ann.sign_in, "username": name}).status_code == 200
    assert service.client.post("/api/login", json=ann.sign_in).status_code == 401


def test_a_name_that_is_taken_or_none_is_refused(service: Server, ann: Person) -> None:
    auth, bea = bearer(service, ann), active(service)
    taken = service.client.patch("/api/user", json={"username": bea.username, "email": bea.email}, headers=auth)
    assert faults(taken, 409, "already_taken") == {"username": ["taken"], "email": ["taken"]}
    odd = service.client.patch("/api/user", json={"username": "a b", "email": ""}, headers=auth)
    assert faults(odd) == {"username": ["username_characters"], "email": ["blank"]}
    own = service.client.patch("/api/user", json=ann.sign_up, headers=auth)
    assert own.status_code == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_new_address_is_pending_until_its_link_is_used_and_the_old_one_is_told(
    service: Server, ann: Person, method: str
) -> None:
    auth, new = bearer(service, ann), newcomer().email
    answer = service.client.request(method, "/api/user", json={"email": new}, headers=auth)
    assert answer.status_code == 200
    assert (answer.json()["email"], answer.json()["pending_email"]) == (ann.email, new)
    assert service.client.get("/api/user", headers=auth).json()["pending_email"] == new
    # Nobody signs in by an address that is not proven.
    attempt = {"email": new, "password": ann.password}
    refused(service.client.post("/api/login", json=attempt), 401, "bad_credentials")

    link = link_to(service.mailbox, new)
    reset = service.client.post("/api/reset_password/confirm", json={**link.halves, "new_password": "another-vK8-9"})
    refused(reset, 410, "link_rejected")
    for _ in range(2):
        assert service.client.post("/api/activate", json=link.halves).json() == {
            "message": "Email confirmed",
            "is_email_confirmed": True,
        }
    me = service.client.get("/api/user", headers=auth).json()
    assert (me["email"], me["is_email_confirmed"], "pending_email" in me) == (new, True, False)
    assert service.client.post("/api/login", json=attempt).status_code == 200

    told = mails_to(service.mailbox, ann.email, 2)[-1]
    assert FRONTEND not in told.text
    assert new in told.text or "address" in told.text


def test_a_pending_address_replaced_by_another_is_good_for_nothing(service: Server, ann: Person) -> None:
    auth, first, second = bearer(service, ann), newcomer().email, newcomer().email
    for address in (first, second):
        service.client.patch("/api/user", json={"email": address}, headers=auth).raise_for_status()
        link_to(service.mailbox, address)
    stale = link_to(service.mailbox, first)
    refused(service.client.post("/api/activate", json=stale.halves), 410, "link_rejected")
    assert service.client.get("/api/user", headers=auth).json()["email"] == ann.email
    service.client.post("/api/activate", json=link_to(service.mailbox, second).halves).raise_for_status()
    assert service.client.get("/api/user", headers=auth).json()["email"] == second


def test_an_address_taken_meanwhile_cannot_be_confirmed_any_more(service: Server, ann: Person) -> None:
    auth, bea = bearer(service, ann), newcomer()
    service.client.patch("/api/user", json={"email": bea.email}, headers=auth).raise_for_status()
    link = link_to(service.mailbox, bea.email)
    service.client.post("/api/register", json=bea.sign_up).raise_for_status()
    refused(service.client.post("/api/activate", json=link.halves), 410, "link_rejected")
    assert service.client.get("/api/user", headers=auth).json()["email"] == ann.email


def test_with_activation_off_a_new_address_counts_at_once(unasked: Server) -> None:
    ann, new = newcomer(), newcomer().email
    unasked.client.post("/api/register", json=ann.sign_up)
    answer = unasked.client.patch("/api/user", json={"email": new}, headers=bearer(unasked, ann))
    assert (answer.json()["email"], "pending_email" in answer.json()) == (new, False)


def test_leaving_takes_the_password_and_everything_goes(service: Server, ann: Person) -> None:
    tokens = sign_in(service, ann)
    auth = as_bearer(tokens["access"])
    wrong = service.client.request("DELETE", "/api/user", json={"current_password": "wrong"}, headers=auth)
    assert faults(wrong) == {"current_password": ["wrong_password"]}
    assert faults(service.client.request("DELETE", "/api/user", headers=auth)) == {"current_password": ["required"]}
    gone = service.client.request("DELETE", "/api/user", json={"current_password": ann.password}, headers=auth)
    assert (gone.status_code, gone.content) == (204, b"")
    _assert_gone(service, ann, tokens)


@pytest.mark.parametrize("slash", ["", "/"])
def test_delete_account_needs_the_bearer_alone(service: Server, ann: Person, slash: str) -> None:
    tokens = sign_in(service, ann)
    answer = service.client.delete(f"/api/delete_account{slash}", headers=as_bearer(tokens["access"]))
    assert (answer.status_code, answer.json()) == (200, {"message": "Account deleted successfully"})
    _assert_gone(service, ann, tokens)


def _assert_gone(service: Server, ann: Person, tokens: dict[str, str]) -> None:
    refused(service.client.get("/api/user", headers=as_bearer(tokens["access"])), 401, "token_not_valid")
    for path, name in (("refresh", "refresh"), ("verify", "token")):
        answer = service.client.post(f"/api/token/{path}", json={name: tokens["refresh"]})
        refused(answer, 401, "token_not_valid")
    refused(service.client.post("/api/login", json=ann.sign_in), 401, "bad_credentials")
    # Whoever takes the name afterwards is somebody else.
    service.client.post("/api/register", json=ann.sign_up).raise_for_status()
    refused(service.client.get("/api/user", headers=as_bearer(tokens["access"])), 401, "token_not_valid")


# --- passwords -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_changed_password_ends_the_other_sessions(service: Server, ann: Person, slash: str) -> None:
    here, there = sign_in(service, ann), sign_in(service, ann)
    new = ann.with_password("another-vK8-9")
    change = {"current_password": ann.password, "new_password": new.password}
    answer = service.client.post(f"/api/password{slash}", json=change, headers=as_bearer(here["access"]))
    assert (answer.status_code, answer.content) == (204, b"")
    assert is_signed_in(service, here["access"])
    assert not is_signed_in(service, there["access"])
    refused(service.client.post("/api/login", json=ann.sign_in), 401, "bad_credentials")
    assert is_signed_in(service, sign_in(service, new)["access"])


def test_a_changed_password_needs_the_current_one_and_a_good_new_one(service: Server, ann: Person) -> None:
    auth = bearer(service, ann)

    def change(**fields: str) -> dict[str, list[str]]:
        return faults(service.client.post("/api/password", json=fields, headers=auth))

    assert change() == {"current_password": ["required"], "new_password": ["required"]}
    assert change(current_password="wrong", new_password="another-vK8-9") == {"current_password": ["wrong_password"]}
    assert change(current_password=ann.password, new_password="abc") == {
        "new_password": ["password_short", "password_common"]
    }
    assert change(current_password=ann.password, new_password=ann.username) == {"new_password": ["password_similar"]}


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_reset_by_mail_ends_every_session(service: Server, ann: Person, slash: str) -> None:
    tokens = sign_in(service, ann)
    opaque = service.client.post("/auth/token/login/", json=ann.sign_in).json()["auth_token"]
    asked = service.client.post(f"/api/reset_password{slash}", data={"email": ann.email.upper()})
    assert (asked.status_code, asked.json()) == (200, {"status": "ok"})
    link = link_to(service.mailbox, ann.email, 2)
    assert link.page == "password-reset"
    new = ann.with_password("another-vK8-9")
    fields = {**link.halves, "new_password": new.password, "re_new_password": new.password}
    answer = service.client.post(f"/api/reset_password/confirm{slash}", json=fields)
    assert (answer.status_code, answer.json()) == (200, {"message": "Password reset successful"})
    for token in (tokens["access"], opaque):
        assert not is_signed_in(service, token)
    assert service.client.post("/api/token/refresh", json={"refresh": tokens["refresh"]}).status_code == 401
    refused(service.client.post("/api/login", json=ann.sign_in), 401, "bad_credentials")
    sign_in(service, new)
    assert service.client.post("/api/reset_password/confirm", json=fields).status_code == 410


def test_a_reset_says_all_that_is_wrong_with_the_new_password(service: Server, ann: Person) -> None:
    service.client.post("/api/reset_password", json={"email": ann.email})
    link = link_to(service.mailbox, ann.email, 2).halves
    path = "/api/reset_password/confirm"
    assert faults(service.client.post(path, json={})) == {
        "uid": ["required"],
        "token": ["required"],
        "new_password": ["required"],
    }
    weak = service.client.post(path, json={**link, "new_password": "abc"})
    assert faults(weak) == {"new_password": ["password_short", "password_common"]}
    similar = service.client.post(path, json={**link, "new_password": f"{ann.username}1"})
    assert faults(similar) == {"new_password": ["password_similar"]}
    differs = {**link, "new_password": "another-vK8-9", "re_new_password": "another-vK8-8"}
    assert list(faults(service.client.post(path, json=differs)).values()) == [["mismatch"]]
    # None of this has used the link up.
    assert service.client.post(path, json={**link, "new_password": "another-vK8-9"}).status_code == 200


def test_a_reset_for_an_address_nobody_has_answers_the_same_and_mails_nobody(service: Server, ann: Person) -> None:
    unknown = newcomer()
    answers = [
        service.client.post("/api/reset_password", json={"email": address}) for address in (ann.email, unknown.email)
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, b'{"status":"ok"}')}
    assert faults(service.client.post("/api/reset_password", json={"email": "a@b.org,c@d.org"})) == {
        "email": ["email_form"]
    }
    let_mail_come(service)
    assert not service.mailbox.holding(unknown.email)


# --- what is common to all -------------------------------------------------------------------------------------------


def test_unknown_paths_and_wrong_methods_are_problems_too(service: Server) -> None:
    refused(service.client.get("/api/nothing"), 404, "not_found")
    answer = service.client.get("/api/login")
    refused(answer, 405, "method_not_allowed")
    assert set(answer.headers["allow"].split(", ")) == {"POST", "OPTIONS"}
    refused(service.client.post("/api/login", content=b"{"), 415, "unsupported_media_type")
    broken = service.client.post("/api/login", content=b"{", headers={"Content-Type": "application/json"})
    refused(broken, 400, "malformed")
    refused(service.client.post("/api/login", json=["x"]), 400, "malformed")
    refused(service.client.post("/api/login", json={"password": "x" * 70_000}), 413, "too_large")


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/api/user", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"),
        ("/api/sessions/", "GET, HEAD, DELETE, OPTIONS"),
        ("/api/sessions/x", "DELETE, OPTIONS"),
        ("/api/login", "POST, OPTIONS"),
        ("/api/detail", "GET, HEAD, OPTIONS"),
    ],
)
def test_options_and_405_tell_every_method_a_path_has(service: Server, path: str, methods: str) -> None:
    for method, status in (("OPTIONS", 204), ("TRACE", 405)):
        answer = service.client.request(method, path)
        assert answer.status_code == status
        assert set(answer.headers["allow"].split(", ")) == set(methods.split(", "))


@pytest.mark.parametrize("path", ["/api/user", "/api/detail", "/api/sessions", "/.well-known/jwks.json", "/health"])
def test_what_can_be_read_can_be_asked_about_without_its_body(service: Server, ann: Person, path: str) -> None:
    auth = bearer(service, ann)
    read, asked = service.client.get(path, headers=auth), service.client.head(path, headers=auth)
    assert (asked.status_code, asked.content) == (200, b"")
    assert asked.headers["content-type"] == read.headers["content-type"]


def test_every_answer_is_private_and_marked(service: Server, ann: Person) -> None:
    auth = bearer(service, ann)
    for answer in (
        service.client.get("/api/user", headers=auth),
        service.client.get("/api/sessions", headers=auth),
        service.client.post("/api/login", json=ann.sign_in),
        service.client.post("/api/token/verify", json={"token": "x"}),
        service.client.get("/api/nothing"),
    ):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-request-id"]
        assert "server" not in answer.headers
