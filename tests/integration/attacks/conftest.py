"""Services to attack: on one database and on the other, and whoever lives there."""

from collections.abc import Iterator

import pytest

from tests.integration.conformance.running import Mailbox
from tests.integration.postgres import database_of_its_own
from tests.integration.wire.conftest import Serve, mailbox, servers
from tests.integration.wire.people import Person
from tests.integration.wire.serving import Server

from .acting import confirmed

__all__ = ["mailbox"]


@pytest.fixture(scope="session")
def attacked_postgres(postgres_url: str) -> Iterator[str]:
    """Give a PostgreSQL database that nobody else empties while it is attacked."""
    with database_of_its_own(postgres_url) as url:
        yield url


@pytest.fixture(scope="session")
def serve(mailbox: Mailbox, attacked_postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Give the server of these settings. The database must not end before those that use it."""
    assert attacked_postgres
    with servers(mailbox, tmp_path_factory) as give:
        yield give


@pytest.fixture(scope="session")
def service(serve: Serve) -> Server:
    """Give a service on SQLite, set up as most are."""
    return serve()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, serve: Serve, attacked_postgres: str) -> Server:
    """Give a service on the one database and on the other, where addresses are confirmed if one likes."""
    place = {} if request.param == "sqlite" else {"DATABASE_URL": attacked_postgres}
    return serve(ACTIVATION="optional", **place)


@pytest.fixture
def ann(service: Server) -> Person:
    """Give somebody who is confirmed and may sign in."""
    return confirmed(service)
