"""A service whose mails lead to its own pages, people who use it, and a browser where one can be had."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Browser

from tests.integration.conformance.running import Mailbox
from tests.integration.wire.conftest import Serve, mailbox, servers
from tests.integration.wire.people import Person, newcomer
from tests.integration.wire.serving import Server

from .browser import find_browser, open_browser
from .person import AtHome, somebody
from .tour import link_for

__all__ = ["mailbox"]
# FRONTEND_URL is not set, as out of the box: links lead here.
OUT_OF_THE_BOX = {"FRONTEND_URL": ""}
# Of every kind of link: where it is asked for, what the form behind it sends, and where that leads.
KINDS: dict[str, tuple[str, dict[str, str], str]] = {
    "activation": ("/register", {}, "/sign-in"),
    "new address": ("/account/email", {}, "/account"),
    "password": ("/forgot-password", {"new_password": "Ducks-at-Noon-7"}, "/sign-in"),
    "name": ("/forgot-name", {"new_username": "a name of their own"}, "/sign-in"),
}
MailedLink = tuple[str, dict[str, str], str]


@pytest.fixture(scope="session")
def serve(mailbox: Mailbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Give the server of these settings."""
    with servers(mailbox, tmp_path_factory) as give:
        yield give


@pytest.fixture(scope="session")
def service(serve: Serve) -> Server:
    """Give a service as it is out of the box."""
    return serve(**OUT_OF_THE_BOX)


@pytest.fixture
def open_pages(service: Server) -> Iterator[Callable[..., AtHome]]:
    """Give people at browsers without a screen: cookies, forms and nothing else."""
    opened: list[httpx.Client] = []

    def open_one(server: Server = service, **headers: str) -> AtHome:
        client = httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=20)
        client.headers.update({"accept": "text/html,application/xhtml+xml,*/*;q=0.8"} | headers)
        opened.append(client)
        return AtHome(client)

    yield open_one
    for client in opened:
        client.close()


@pytest.fixture
def home(open_pages: Callable[..., AtHome]) -> AtHome:
    """Give one of them."""
    return open_pages()


@pytest.fixture
def ann(service: Server) -> Person:
    """Register somebody who is confirmed and may sign in."""
    return somebody(service)


@pytest.fixture(scope="session")
def boss(service: Server) -> Person:
    """Make a member of staff."""
    return somebody(service, "--staff")


# Not for the whole run: while it is open, its loop runs in this thread, and no other can.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start a browser; without one these tests cannot be had."""
    path = find_browser()
    if path is None:
        pytest.skip("there is no browser here: install Chromium, or set CHROMIUM to where one is")
    with open_browser(path) as opened:
        yield opened


@pytest.fixture(scope="session")
def origin(service: Server) -> str:
    """Where the pages are."""
    return f"http://127.0.0.1:{service.port}"


@pytest.fixture(scope="session")
def post(service: Server) -> Mailbox:
    """Where mails go."""
    return service.mailbox


@pytest.fixture(params=list(KINDS))
def mailed(request: pytest.FixtureRequest, home: AtHome, service: Server) -> MailedLink:
    """Have a link of each kind mailed; return it, what its form sends, and where that leads."""
    kind: str = request.param
    path, fields, leads = KINDS[kind]
    if kind == "activation":
        person = newcomer()
        home.send(path, username=person.username, email=person.email, password=person.password)
        return link_for(service.mailbox, person.email), fields, leads
    person = somebody(service)
    if kind == "new address":
        home.sign_in(person)
        home.after(home.send(path, email=f"new.{person.email}"))
        return link_for(service.mailbox, f"new.{person.email}"), fields, leads
    home.send(path, email=person.email)
    named = {name: f"{person.username}z" if name == "new_username" else text for name, text in fields.items()}
    return link_for(service.mailbox, person.email), named, leads
