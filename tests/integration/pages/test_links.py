"""Mailed links: opened by anybody and anything they stay good; used once they are spent, and say so kindly."""

import time
from collections.abc import Callable

import httpx
import pytest

from tests.integration.conformance.running import Mailbox
from tests.integration.wire.conftest import Serve
from tests.integration.wire.people import Person, newcomer
from tests.integration.wire.serving import Server

from .conftest import KINDS, MailedLink
from .person import AtHome, heading, said
from .tour import link_for

NEW = KINDS["password"][1]["new_password"]


def _by_head(home: AtHome, link: str) -> None:
    answer = home.client.head(link)
    assert (answer.status_code, answer.content) == (200, b"")


def _by_get(home: AtHome, link: str) -> None:
    assert home.get(link).status_code == 200


def _by_get_twice(home: AtHome, link: str) -> None:
    assert home.get(link).text == home.get(link).text


def _by_a_program(home: AtHome, link: str) -> None:
    assert home.get(link, accept="*/*", **{"user-agent": "LinkScanner/1.0"}).status_code == 200


def _by_a_foreign_form(home: AtHome, link: str) -> None:
    assert home.client.post(link, headers={"sec-fetch-site": "cross-site"}).status_code == 403


SCANNERS = [_by_head, _by_get, _by_get_twice, _by_a_program, _by_a_foreign_form]


@pytest.mark.parametrize("scan", SCANNERS, ids=lambda scan: scan.__name__[4:])
def test_a_link_that_was_scanned_is_as_good_as_before(
    home: AtHome, mailed: MailedLink, scan: Callable[[AtHome, str], None]
) -> None:
    link, fields, leads = mailed
    scan(home, link)
    assert home.send(link, **fields).headers["location"] == leads


def test_a_link_that_was_used_says_that_it_is_done(home: AtHome, mailed: MailedLink) -> None:
    link, fields, _ = mailed
    home.send(link, **fields)
    for again in (home.get(link), home.send(link, **fields)):
        assert again.status_code == 410
        assert heading(again) == "This is done already"
        assert 'href="/sign-in"' in again.text


def test_a_link_that_is_wrong_says_so_and_offers_a_new_one(home: AtHome, mailed: MailedLink) -> None:
    link, fields, _ = mailed
    for wrong in (f"{link[:-4]}0000", f"{link}x", link.replace("/activate/", "/password-reset/")[:-3]):
        for answer in (home.get(wrong), home.send(wrong, **fields)):
            assert (answer.status_code, heading(answer)) == (410, "This link does not work")
            assert "Get a new link" in said(answer)


@pytest.mark.parametrize("path", ["/activate/MQ", "/activate/MQ/a/b", "/activate//x-y"])
def test_half_a_link_gets_a_page(home: AtHome, path: str) -> None:
    answer = home.get(path)
    assert answer.status_code in {404, 410}
    assert heading(answer) in {"There is nothing here", "This link does not work"}


def test_a_link_that_is_too_old_says_so_and_offers_a_new_one(serve: Serve, open_pages: Callable[..., AtHome]) -> None:
    server = serve(FRONTEND_URL="", ACTIVATION_TIMEOUT="1s", PASSWORD_RESET_TIMEOUT="1s")
    home, person = open_pages(server), newcomer()
    home.send("/register", username=person.username, email=person.email, password=person.password)
    link = link_for(server.mailbox, person.email)
    expired = _when_too_old(home, link)
    assert "Get a new link" in said(expired)
    assert 'href="/resend-activation"' in expired.text
    server.run("users", "activate", person.username)
    home.send("/forgot-password", email=person.email)
    assert 'href="/forgot-password"' in _when_too_old(home, link_for(server.mailbox, person.email, 2)).text


def _when_too_old(home: AtHome, link: str) -> httpx.Response:
    deadline = time.monotonic() + 10
    while (answer := home.get(link)).status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert (answer.status_code, heading(answer)) == (410, "This link has expired")
    return answer


def test_neither_half_of_a_link_reaches_the_log(service: Server, home: AtHome, post: Mailbox, ann: Person) -> None:
    home.send("/forgot-password", email=ann.email)
    link = link_for(post, ann.email)
    home.get(link)
    home.send(link, new_password=NEW)
    assert link.rpartition("/")[2] not in service.log
    assert '"route":"/password-reset/{uid}/{token}"' in service.log
