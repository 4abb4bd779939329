"""Servers and a mailbox for the whole run: tests that want the same settings share a server."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

import pytest

from tests.integration.conformance.running import Mailbox

from .serving import Server

Serve = Callable[..., Server]


@pytest.fixture(scope="session")
def mailbox() -> Iterator[Mailbox]:
    """Take every mail that any server sends."""
    with Mailbox() as mailbox:
        yield mailbox


@pytest.fixture(scope="session")
def serve(mailbox: Mailbox, postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Give the server of these settings; some of them keep accounts in the PostgreSQL at `postgres_url`.

    That must not end before they do.
    """
    assert postgres_url
    with servers(mailbox, tmp_path_factory) as give:
        yield give


@contextmanager
def servers(mailbox: Mailbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Give servers by their settings; the first test that asks starts one, and it runs until the last has ended.

    Whatever the tests did to it, none may have logged a failure: an exception that nobody expected, or a 500.
    """
    started: dict[tuple[object, ...], Server] = {}
    with ExitStack() as stack:

        def give(*more: str, **settings: str) -> Server:
            key = (more, *sorted(settings.items()))
            if key not in started:
                server = Server(settings, mailbox, tmp_path_factory.mktemp("service"), *more)
                stack.enter_context(server)
                started[key] = server
            return started[key]

        yield give
    failures = [line for server in started.values() for line in server.lines if is_failure(line)]
    assert failures == []


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> dict[str, str]:
    """Give the settings that keep accounts in one database and in the other."""
    if request.param == "sqlite":
        return {}
    return {"DATABASE_URL": request.getfixturevalue("postgres_url")}


def is_failure(line: Mapping[str, object]) -> bool:
    """Say whether a line of the log tells of something that should not happen."""
    return line.get("level") in {"error", "critical"} or line.get("status") == 500
