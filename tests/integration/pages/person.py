"""Somebody at a browser without a screen: keeps cookies, sends forms as browsers do, and reads what a page says."""

import re
from concurrent.futures import ThreadPoolExecutor
from html import unescape

import httpx
from msgspec import Struct

from tests.integration.wire.people import Person, newcomer
from tests.integration.wire.serving import Server

SAME_ORIGIN = {"sec-fetch-site": "same-origin"}


class AtHome(Struct):
    """A client, and what a person does with it."""

    client: httpx.Client

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Open a page."""
        return self.client.get(path, headers=headers)

    def send(self, path: str, **fields: str) -> httpx.Response:
        """Send a form from a page of the same origin."""
        return self.client.post(path, data=fields or {"": ""}, headers=SAME_ORIGIN)

    def sign_in(self, person: Person, **more: str) -> httpx.Response:
        """Sign in on the page for it."""
        self.get("/sign-in")
        return self.send("/sign-in", name=person.username, password=person.password, **more)

    def after(self, answer: httpx.Response) -> httpx.Response:
        """Follow where an answer leads, as browsers do after a form."""
        assert answer.status_code == 303, answer.text
        return self.get(answer.headers["location"])


def heading(answer: httpx.Response) -> str:
    """Return what a page is called."""
    found = re.search(r"<h1>(.*?)</h1>", answer.text, re.DOTALL)
    assert found, answer.text
    return unescape(found[1])


def said(answer: httpx.Response) -> str:
    """Return a page without its tags, as one line."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text)))


def somebody(server: Server, *more: str, person: Person | None = None) -> Person:
    """Return somebody who is confirmed and may sign in; `more` are further words for the command that makes them."""
    person = person or newcomer()
    words = ("users", "create", "--username", person.username, "--email", person.email, "--password-stdin", *more)
    # A command runs a loop of its own, and this thread may have that of a browser.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(server.run, *words, stdin=f"{person.password}\n").result()
    return person
