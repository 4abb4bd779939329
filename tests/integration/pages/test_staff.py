"""People, for staff, over HTTP: found, helped and deleted; and to anybody else a page that there is not."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from html import unescape

import httpx
import pytest

from tests.integration.wire.conftest import Serve
from tests.integration.wire.people import Person, newcomer
from tests.integration.wire.raw import Answer, ask_all, request_bytes
from tests.integration.wire.serving import Server, mails_to

from .person import AtHome, heading, said, somebody

ALL = "/staff/people"
ACTIONS = ("activate", "deactivate", "resend", "reset", "sessions", "sessions/all")
BELOW = ("", "/delete", *(f"/{action}" for action in ACTIONS))
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "PURGE")
FORM = "application/x-www-form-urlencoded"
NOT_OURS = "We could not tell where this form came from"


@pytest.fixture
def staff(home: AtHome, boss: Person) -> AtHome:
    """Sign a member of staff in."""
    assert home.sign_in(boss).status_code == 303
    return home


def page_of(staff: AtHome, person: Person) -> str:
    """Look somebody up, and return where their page is."""
    (path,) = found_by(staff, q=person.email)
    return path


def found_by(reader: AtHome, **asked: str) -> list[str]:
    """Search, and return where the pages of those are that were found."""
    answer = reader.client.get(ALL, params=asked)
    assert answer.status_code == 200, answer.text
    return re.findall(r'<th scope="row" role="rowheader"><a href="([^"]+)"', answer.text)


def links(answer: httpx.Response) -> dict[str, str]:
    """Return where the buttons below the list lead to."""
    found = re.findall(r'<a class="button[^"]*" href="([^"]+)"[^>]*>([^<]+)</a>', answer.text)
    return {text: unescape(path) for path, text in found}


def done(staff: AtHome, answer: httpx.Response) -> str:
    """Follow an action to its page, and return what is told there."""
    found = re.search(r'class="notice"[^>]*>([^<]+)<', staff.after(answer).text)
    assert found
    return found[1]


# --- finding ---------------------------------------------------------------------------------------------------------


def test_only_staff_see_the_way_there(staff: AtHome, open_pages: Callable[..., AtHome], ann: Person) -> None:
    assert f'href="{ALL}"' in staff.get("/account").text
    other = open_pages()
    other.sign_in(ann)
    assert ALL not in other.get("/account").text


def test_filters_find_those_that_fit_all_of_them(staff: AtHome, service: Server, boss: Person) -> None:
    ann, new = somebody(service), newcomer()
    service.client.post("/api/register", json=new.sign_up).raise_for_status()
    one, waiting, own = (page_of(staff, each) for each in (ann, new, boss))
    for asked, wanted in (
        ({"state": "active"}, {one, own}),
        ({"state": "pending"}, {waiting}),
        ({"state": "deactivated"}, set()),
        ({"staff": "true"}, {own}),
        ({"staff": "false", "confirmed": "true"}, {one}),
        ({"confirmed": "false", "state": "", "staff": ""}, {waiting}),
    ):
        assert {one, waiting, own} & set(found_by(staff, limit="100", **asked)) == wanted, asked
    number = one.rpartition("/")[2]
    assert one in found_by(staff, q=number)


def test_what_was_asked_for_is_kept_from_page_to_page(staff: AtHome, service: Server) -> None:
    people = [page_of(staff, somebody(service)) for _ in range(3)]
    asked = {"q": "@example.org", "state": "active", "staff": "false", "confirmed": "true", "limit": "2"}
    first = staff.client.get(ALL, params=asked)
    second = staff.get(links(first)["Next"])
    assert re.findall(r'<th scope="row" role="rowheader"><a href="([^"]+)"', second.text)[0] == people[0]
    assert 'value="@example.org"' in second.text
    for chosen in ("active", "false", "true"):
        assert f'<option value="{chosen}" selected>' in second.text
    assert 'name="limit" value="2"' in second.text
    newest = httpx.URL(links(second)["Newest"])
    assert (newest.path, dict(newest.params)) == (ALL, asked)
    assert links(staff.get(str(newest))).keys() == {"Next", "Show everybody"}


@pytest.mark.parametrize(
    "text",
    ['"><script>alert(1)</script>', "' OR 1=1 --", "%", "_", "\\", "{{ 7*7 }}", "%(count)s", "\u202e\u2066", "😀" * 60],
)
def test_a_search_is_text_whatever_it_holds(staff: AtHome, text: str) -> None:
    answer = staff.client.get(ALL, params={"q": text, "before": "9"})
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text
    typed = re.search(r'name="q".*?value="([^"]*)"', answer.text, re.DOTALL)
    assert typed
    assert unescape(typed[1]) == text
    assert httpx.URL(links(answer)["Newest"]).params["q"] == text
    assert "Nobody was found." in said(answer)


@pytest.mark.parametrize("query", ["q=%ff", "q=%zz", "a[]=1", "&&&", "q=", "unknown=1", "state=&staff=&before="])
def test_whatever_else_stands_in_a_query_is_no_matter(staff: AtHome, query: str) -> None:
    assert staff.get(f"{ALL}?{query}").status_code == 200


@pytest.mark.parametrize(
    ("query", "field", "sentence"),
    [
        ("state=Active", "state", "Please choose one of those that are offered."),
        ("staff=1", "staff", "Please choose one of those that are offered."),
        ("confirmed=%3Cb%3E", "confirmed", "Please choose one of those that are offered."),
        ("q=a%00b", "q", "This holds a character that cannot be typed. Please enter it again."),
        ("q=" + "x" * 400, "q", "This may have "),
        ("before=abc", "", "This place in the list is no more. Please begin at the top."),
        ("before=9223372036854775808", "", "This place in the list is no more."),
        ("limit=101", "", "A number from 1 to 100 goes here."),
    ],
)
def test_a_question_that_makes_no_sense_is_told_where_it_was_asked(
    staff: AtHome, query: str, field: str, sentence: str
) -> None:
    answer = staff.get(f"{ALL}?{query}")
    assert (answer.status_code, heading(answer)) == (422, "People")
    assert sentence in said(answer)
    assert bool(field) == (f'id="{field}-fault"' in answer.text)


# --- one person ------------------------------------------------------------------------------------------------------


def test_a_page_shows_what_there_is_to_know_and_no_secret(staff: AtHome, service: Server) -> None:
    ann = somebody(service)
    service.client.post("/api/login", json=ann.sign_in).raise_for_status()
    path, deadline = page_of(staff, ann), time.monotonic() + 5
    # The journal is written down twice a second.
    while "signed_in" not in (page := staff.get(path)).text:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert heading(page) == f"<bdi>{ann.username}</bdi>"
    for known in (ann.email, "confirmed", "active", "python-httpx", "127.0.0.1", "by the operator"):
        assert known in said(page)
    assert "$argon2" not in page.text
    assert "Activate" not in page.text
    assert "Send the confirmation again" not in page.text


def test_names_that_strangers_choose_are_no_markup(staff: AtHome, service: Server, ann: Person) -> None:
    agent = {"user-agent": "<script>alert(1)</script>"}
    service.client.post("/api/login", json=ann.sign_in, headers=agent).raise_for_status()
    page = staff.get(page_of(staff, ann))
    assert "&lt;script&gt;" in page.text
    assert "<script>alert" not in page.text


def test_what_is_done_is_told_in_one_sentence_and_reloading_repeats_nothing(
    staff: AtHome, service: Server, open_pages: Callable[..., AtHome], ann: Person
) -> None:
    path, theirs = page_of(staff, ann), open_pages()
    theirs.sign_in(ann)
    assert "deactivated, and signed out on every device" in done(staff, staff.send(f"{path}/deactivate"))
    assert 'class="notice"' not in staff.get(path).text
    assert theirs.get("/account").headers["location"].startswith("/sign-in")
    assert "This account is active now" in done(staff, staff.send(f"{path}/activate"))
    assert "choose a new password is on its way" in done(staff, staff.send(f"{path}/reset"))
    theirs.sign_in(ann)
    assert done(staff, staff.send(f"{path}/sessions/all")) == "This account is signed out on every device."
    assert theirs.get("/account").headers["location"].startswith("/sign-in")
    new = newcomer()
    service.client.post("/api/register", json=new.sign_up).raise_for_status()
    mails_to(service.mailbox, new.email, 1)
    assert "confirm the address is on its way" in done(staff, staff.send(f"{page_of(staff, new)}/resend"))
    mails_to(service.mailbox, new.email, 2)


def test_one_device_is_signed_out_and_only_of_that_very_person(
    staff: AtHome, service: Server, open_pages: Callable[..., AtHome], ann: Person
) -> None:
    theirs = open_pages()
    theirs.sign_in(ann)
    path, other = page_of(staff, ann), page_of(staff, somebody(service))
    (device,) = re.findall(r'name="session" value="([^"]+)"', staff.get(path).text)
    staff.send(f"{other}/sessions", session=device)
    assert theirs.get("/account").status_code == 200
    for _ in range(2):
        assert done(staff, staff.send(f"{path}/sessions", session=device)) == "That device is signed out."
    assert theirs.get("/account").status_code == 303
    empty = staff.send(f"{path}/sessions")
    assert (empty.status_code, heading(empty)) == (422, f"<bdi>{ann.username}</bdi>")


def test_what_cannot_be_done_is_told_on_the_persons_page(staff: AtHome, service: Server, boss: Person) -> None:
    new, ann = newcomer(), somebody(service)
    service.client.post("/api/register", json=new.sign_up).raise_for_status()
    for person, action, sentence in (
        (new, "reset", "This account is not active Activate it first"),
        (ann, "resend", "There is nothing to confirm"),
        (boss, "deactivate", "This is your own account Nobody deactivates or deletes themselves here."),
    ):
        answer = staff.send(f"{page_of(staff, person)}/{action}")
        assert (answer.status_code, heading(answer)) == (403, f"<bdi>{person.username}</bdi>")
        assert sentence in said(answer)
        assert 'role="alert"' in answer.text


def test_who_mails_too_often_is_told_how_long_to_wait(serve: Serve, open_pages: Callable[..., AtHome]) -> None:
    server = serve(FRONTEND_URL="", THROTTLING="1")
    boss, ann = somebody(server, "--staff"), somebody(server)
    staff = open_pages(server)
    staff.sign_in(boss)
    path = page_of(staff, ann)
    answers = [staff.send(f"{path}/reset") for _ in range(12)]
    refused = answers[-1]
    assert answers[0].status_code == 303
    assert (refused.status_code, heading(refused)) == (429, f"<bdi>{ann.username}</bdi>")
    assert "That was too often Please wait" in said(refused)
    assert int(refused.headers["retry-after"]) > 0


def test_deleting_takes_the_address_of_that_very_account(staff: AtHome, service: Server, boss: Person) -> None:
    ann = somebody(service)
    path = page_of(staff, ann)
    assert heading(staff.get(f"{path}/delete")) == "Delete the account"
    for typed, sentence in (
        ({}, "Please fill this in."),
        ({"confirm": " "}, "Please fill this in."),
        ({"confirm": boss.email}, "This is not the address of the account."),
        ({"confirm": '"><script>alert(1)</script>'}, "This is not the address of the account."),
    ):
        answer = staff.send(f"{path}/delete", **typed)
        assert (answer.status_code, heading(answer)) == (422, "Delete the account"), typed
        assert sentence in said(answer)
        assert 'id="confirm-fault"' in answer.text
        assert "<script>alert" not in answer.text
    answer = staff.send(f"{page_of(staff, boss)}/delete", confirm=boss.email)
    assert (answer.status_code, "This is your own account" in said(answer)) == (403, True)
    answer = staff.send(f"{path}/delete", confirm=ann.email.upper())
    assert answer.headers["location"] == ALL
    assert done(staff, answer) == "The account is deleted, with everything that belonged to it."
    gone = staff.send(f"{path}/delete", confirm=ann.email)
    assert (gone.status_code, heading(gone)) == (404, "There is nothing here")


def test_staff_who_sign_themselves_out_are_told_so(open_pages: Callable[..., AtHome], boss: Person) -> None:
    for action in ("sessions/all", "sessions"):
        home = open_pages()
        home.sign_in(boss)
        path = page_of(home, boss)
        own = re.search(r'this device</span>.*?name="session" value="([^"]+)"', home.get(path).text, re.DOTALL)
        assert own
        assert home.send(f"{path}/{action}", session=own[1]).headers["location"] == "/signed-out"
        assert home.get(ALL).status_code == 404


# --- forms from elsewhere, odd paths, other methods ------------------------------------------------------------------


@pytest.mark.parametrize(
    "told", [{}, {"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}], ids=str
)
def test_a_form_from_elsewhere_changes_nothing(staff: AtHome, ann: Person, told: dict[str, str]) -> None:
    path = page_of(staff, ann)
    for below in (*ACTIONS, "delete"):
        answer = staff.client.post(f"{path}/{below}", data={"confirm": ann.email, "session": "x"}, headers=told)
        assert (answer.status_code, heading(answer)) == (403, NOT_OURS), below
    assert "active" in said(staff.get(path))
    assert staff.get(f"{path}/deactivate").status_code == 405


@pytest.mark.parametrize("odd", ["0", "-1", "1e0", "9" * 19, "9" * 400, "%D9%A1", "%00", "%ff", "me", "1%0a", "1;2"])
def test_odd_numbers_are_nobodys(staff: AtHome, odd: str) -> None:
    for below in ("", "/delete"):
        answer = staff.get(f"{ALL}/{odd}{below}")
        assert (answer.status_code, heading(answer)) == (404, "There is nothing here")
    assert staff.send(f"{ALL}/{odd}/deactivate").status_code == 404


def test_staff_are_told_what_a_page_takes(staff: AtHome) -> None:
    own = {"sec-fetch-site": "same-origin"}
    for path, allow in (
        (ALL, "GET, HEAD, OPTIONS"),
        (f"{ALL}/1", "GET, HEAD, OPTIONS"),
        (f"{ALL}/1/delete", "GET, HEAD, POST, OPTIONS"),
        (f"{ALL}/1/sessions/all", "POST, OPTIONS"),
    ):
        for method, status in (("OPTIONS", 204), ("PUT", 405)):
            answer = staff.client.request(method, path, headers=own)
            assert (answer.status_code, answer.headers.get_list("allow")) == (status, [allow]), path
        assert heading(answer) == "This page cannot do that"


# --- for anybody else ------------------------------------------------------------------------------------------------


def _cookie(home: AtHome, person: Person) -> str:
    home.sign_in(person)
    return str(home.client.cookies["session"])


def _strangers(service: Server, open_pages: Callable[..., AtHome], ann: Person) -> Iterator[tuple[str, dict[str, str]]]:
    """Give everybody who is no staff, with what they send."""
    fired, gone = somebody(service, "--staff"), somebody(service, "--staff")
    dead = _cookie(open_pages(), fired)
    service.run("users", "deactivate", fired.username)
    left = open_pages()
    ended = _cookie(left, gone)
    left.send("/sign-out")
    browser = {"Accept": "text/html,*/*;q=0.8", "Accept-Language": "en", "Sec-Fetch-Site": "same-origin"}
    for who, token in (("somebody", _cookie(open_pages(), ann)), ("shut out", dead), ("left", ended), ("nobody", "x")):
        yield who, {**browser, "Cookie": f"session={token}; notice=deleted"}
    yield "somebody from elsewhere", {**browser, "Cookie": f"session={_cookie(open_pages(), ann)}", "Origin": "null"}
    yield "no browser, signed in", {"Accept": "*/*", "Cookie": f"session={_cookie(open_pages(), ann)}"}
    yield "no browser", {}
    yield "signed out", browser
    yield "who reads Arabic", {**browser, "Accept-Language": "ar"}


def _seen(answer: Answer) -> tuple[object, ...]:
    """Return all of an answer but what is another one every time."""
    return answer.status, [pair for pair in answer.all_headers if pair[0] not in {"x-request-id", "date"}], answer.body


def test_to_anybody_else_it_is_as_if_nothing_were_there(
    service: Server, staff: AtHome, open_pages: Callable[..., AtHome], ann: Person
) -> None:
    number = page_of(staff, ann).rpartition("/")[2]
    pairs = [(ALL, "/nothing/people"), (f"{ALL}/", "/nothing/people/"), (f"{ALL}?limit=0&q=%00", "/nothing?limit=0")]
    pairs += [(f"{ALL}/{each}{below}", f"/nothing/x/{each}{below}") for each in (number, "0") for below in BELOW]
    pairs += [("/staff", "/nothing"), (f"{ALL}/{number}/other", "/nothing/at/all")]
    bodies: tuple[tuple[bytes | None, str | None], ...] = (
        (None, None),
        (b"confirm=1&session=x", FORM),
        (b"{", "text/x"),
    )
    asked, who = [], []
    for name, headers in _strangers(service, open_pages, ann):
        more = [(key.encode(), value.encode()) for key, value in headers.items()]
        for method in METHODS:
            for body, kind in bodies if method == "POST" else bodies[:1]:
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
    assert staff.get(ALL).status_code == 200


def test_no_other_page_tells_that_it_is_there(home: AtHome, ann: Person) -> None:
    home.sign_in(ann)
    for path in ("/account", "/nowhere", "/account/devices", f"/sign-in?next={ALL}"):
        assert "/staff" not in home.get(path).text
    assert "/staff" not in home.get("/openapi.json", accept="*/*").text
