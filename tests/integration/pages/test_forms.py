"""Forms over HTTP: what is refused stands beside its field, what was typed is kept, and what is done is said once."""

import re
import time
from collections.abc import Callable

import httpx
import pytest

from tests.integration.wire.conftest import Serve
from tests.integration.wire.people import Person, newcomer
from tests.integration.wire.serving import Server

from .person import SAME_ORIGIN, AtHome, heading, said, somebody
from .tour import link_for

FORMS = [
    "/sign-in",
    "/register",
    "/resend-activation",
    "/forgot-password",
    "/forgot-name",
    "/sign-out",
    "/account/name",
]
FOREIGN = [
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"origin": "https://evil.example", "sec-fetch-site": "cross-site"},
    {},
]


@pytest.mark.parametrize("told", FOREIGN, ids=str)
@pytest.mark.parametrize("path", FORMS)
def test_a_form_from_elsewhere_or_nowhere_is_not_taken(home: AtHome, path: str, told: dict[str, str]) -> None:
    answer = home.client.post(path, data={"name": "ann"}, headers=told)
    assert answer.status_code == 403
    assert heading(answer) == "We could not tell where this form came from"


def test_a_form_that_only_tells_its_origin_is_taken(home: AtHome, ann: Person, service: Server) -> None:
    home.get("/sign-in")
    fields = {"name": ann.username, "password": ann.password}
    answer = home.client.post("/sign-in", data=fields, headers={"origin": f"http://127.0.0.1:{service.port}"})
    assert answer.headers["location"] == "/account"


def test_every_fault_stands_by_its_field_and_what_was_typed_is_kept_but_for_passwords(home: AtHome) -> None:
    answer = home.send("/register", username="ann b", email="ann@", password="a-secret-typed-here")
    assert answer.status_code == 422
    assert "a-secret-typed-here" not in answer.text
    for name, typed in (("username", "ann b"), ("email", "ann@")):
        field = re.search(rf'<input id="{name}".*?>', answer.text, re.DOTALL)
        assert field
        assert f'value="{typed}"' in field[0]
        assert 'aria-invalid="true"' in field[0]
        described = re.search(r'aria-describedby="([^"]+)"', field[0])
        assert described
        assert all(f'id="{part}"' in answer.text for part in described[1].split())
        assert f'<a href="#{name}">' in answer.text
    assert "<title>Please check: Create an account" in answer.text
    assert re.search(r'class="refusal" role="alert" tabindex="-1" autofocus', answer.text)


def test_what_was_typed_is_text_and_never_markup(home: AtHome) -> None:
    typed = '"><script>alert(1)</script>'
    for path, field in (("/register", "username"), ("/sign-in", "name"), ("/forgot-password", "email")):
        assert "<script>alert" not in home.send(path, **{field: typed}).text
    assert "<script>alert" not in home.get(f"/sign-in?next={typed}").text


def test_a_name_that_is_taken_is_told_and_what_to_do(home: AtHome, ann: Person) -> None:
    answer = home.send("/register", username=ann.username, email="somebody.else@example.org", password=ann.password)
    assert answer.status_code == 409
    assert "belongs to an account already. If it is yours, sign in" in said(answer)


def test_a_wrong_password_and_an_unknown_name_are_told_in_the_same_words(home: AtHome, ann: Person) -> None:
    home.get("/sign-in")
    one = home.send("/sign-in", name=ann.username, password="wrong-wrong")
    other = home.send("/sign-in", name="nobody-at-all", password="wrong-wrong")
    assert one.status_code == other.status_code == 422
    assert said(one) == said(other)
    assert f'value="{ann.username}"' in one.text


def test_what_was_done_is_said_once(home: AtHome, ann: Person) -> None:
    home.sign_in(ann)
    answer = home.send("/account/name", current_password=ann.password, new_username=f"{ann.username}z")
    page = home.after(answer)
    assert "Your name is changed." in said(page)
    assert "Your name is changed." not in said(home.get("/account"))


@pytest.mark.parametrize("code", ["<b>x</b>", "../../x", "nothing", "registered2"])
def test_nobody_puts_words_of_their_own_into_a_page(home: AtHome, code: str) -> None:
    answer = home.get("/sign-in", cookie=f"notice={code}; mailed=%3Cscript%3E")
    assert 'class="notice"' not in answer.text
    assert home.get("/check-mail/password", cookie="mailed=%ff%fe=").status_code == 200


@pytest.mark.parametrize(
    "asked",
    ["https://evil.example", "//evil.example", "/\\evil.example", "/account/../x", "javascript:1", "/api/user", ""],
)
def test_signing_in_leads_to_own_pages_only(home: AtHome, ann: Person, asked: str) -> None:
    assert home.sign_in(ann, next=asked).headers["location"] == "/account"


def test_signing_in_leads_back_to_where_one_was(home: AtHome, ann: Person) -> None:
    there = home.get("/account/devices").headers["location"]
    assert there == "/sign-in?next=/account/devices"
    assert 'name="next" value="/account/devices"' in home.get(there).text
    assert home.sign_in(ann, next="/account/devices").headers["location"] == "/account/devices"


def test_a_browser_that_refuses_cookies_is_told_before_anything_is_begun(
    open_pages: Callable[..., AtHome], ann: Person
) -> None:
    home = open_pages()
    answer = home.send("/sign-in", name=ann.username, password=ann.password)
    assert answer.status_code == 422
    assert "did not keep our cookie" in said(answer)
    # It was given one with this answer, so whoever allows cookies now need not begin again.
    assert home.send("/sign-in", name=ann.username, password=ann.password).status_code == 303


def test_the_cookie_is_out_of_reach_and_ends(home: AtHome, ann: Person) -> None:
    [cookie] = [c for c in home.sign_in(ann).headers.get_list("set-cookie") if c.startswith("session=")]
    assert re.fullmatch(r"session=[0-9a-f]{40}; Path=/; Max-Age=1209600; HttpOnly; SameSite=Lax", cookie)


def test_beyond_this_machine_the_cookie_asks_for_tls(serve: Serve, open_pages: Callable[..., AtHome]) -> None:
    answer = open_pages(serve(FRONTEND_URL="https://id.example")).get("/sign-in")
    [cookie] = answer.headers.get_list("set-cookie")
    assert cookie.startswith("__Host-probe=1; ")
    assert cookie.endswith("; HttpOnly; SameSite=Lax; Secure")


def test_the_cookie_is_no_token_for_the_wires_and_their_tokens_are_no_cookie(home: AtHome, ann: Person) -> None:
    token = re.match(r"session=(\w+)", home.sign_in(ann).headers["set-cookie"])
    assert token
    for scheme in ("Token", "Bearer"):
        answer = home.client.get("/auth/users/me/", headers={"authorization": f"{scheme} {token[1]}", "cookie": ""})
        assert answer.status_code == 401
    opaque = home.client.post("/auth/token/login/", json=ann.sign_in).json()["auth_token"]
    assert httpx.get(f"{home.client.base_url}/account", cookies={"session": opaque}).status_code == 303


def test_sending_a_form_twice_does_no_harm(home: AtHome, service: Server) -> None:
    person = newcomer()
    fields = {"username": person.username, "email": person.email, "password": person.password}
    assert home.send("/register", **fields).headers["location"] == "/check-mail/activation"
    again = home.send("/register", **fields)
    assert again.status_code == 409
    assert "If it is yours, sign in" in said(again)
    link = link_for(service.mailbox, person.email)
    assert home.send(link).headers["location"] == "/sign-in"
    assert heading(home.send(link)) == "This is done already"
    home.sign_in(person)
    assert home.send("/sign-out").headers["location"] == "/signed-out"
    assert home.send("/sign-out").headers["location"] == "/signed-out"


def test_a_form_whose_sign_in_is_over_says_that_nothing_was_changed(home: AtHome, ann: Person) -> None:
    home.sign_in(ann)
    service_side = home.client.post("/api/login/", json={"identifier": ann.username, "password": ann.password}).json()
    bearer = {"authorization": f"Bearer {service_side['access']}"}
    assert home.client.delete("/api/sessions", headers=bearer).status_code == 204
    answer = home.send("/account/password", current_password=ann.password, new_password="another good one")
    assert answer.headers["location"] == "/sign-in?next=/account/password"
    assert "nothing was changed. Sign in to go on" in said(home.after(answer))


def test_after_signing_out_nothing_of_the_account_comes_back(home: AtHome, ann: Person) -> None:
    home.sign_in(ann)
    page = home.get("/account")
    assert page.headers["cache-control"] == "no-store"
    home.send("/sign-out")
    assert home.get("/account").headers["location"] == "/sign-in?next=/account"


def test_too_often_is_told_in_words_with_the_wait(serve: Serve, open_pages: Callable[..., AtHome]) -> None:
    home = open_pages(serve(FRONTEND_URL="", THROTTLING="1"))
    home.get("/sign-in")
    for _ in range(11):
        answer = home.send("/sign-in", name="chandler", password="wrong-wrong")
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) <= 60
    assert re.search(r"That was too often Please wait \d+ seconds? and then try again", said(answer))
    assert 'value="chandler"' in answer.text


def test_a_session_ends_however_often_it_is_used(serve: Serve, open_pages: Callable[..., AtHome]) -> None:
    server = serve(FRONTEND_URL="", PAGES_SESSION_LIFETIME="1s")
    person = somebody(server)
    home = open_pages(server)
    answer = home.sign_in(person)
    kept = answer.headers["set-cookie"].partition(";")[0]
    deadline = time.monotonic() + 10
    while home.client.get("/account", headers={"cookie": kept}).status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_form_that_is_none_or_too_large_gets_a_page(home: AtHome) -> None:
    large = home.client.post("/sign-in", data={"name": "x" * 70_000}, headers=SAME_ORIGIN)
    assert (large.status_code, heading(large)) == (413, "That was too much")
    text = home.client.post("/sign-in", content="name=ann", headers=SAME_ORIGIN | {"content-type": "text/plain"})
    assert (text.status_code, heading(text)) == (415, "This is not a form")
    broken = home.client.post(
        "/sign-in", content=b"name=%ff%fe", headers=SAME_ORIGIN | {"content-type": "application/x-www-form-urlencoded"}
    )
    assert (broken.status_code, heading(broken)) == (400, "That did not work")
