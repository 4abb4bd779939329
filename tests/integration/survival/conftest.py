"""Databases for services that are treated badly, and a postbox for all their mail."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.postgres import database_of_its_own

from .postbox import Postbox


def figure(name: str, usual: int) -> int:
    """Return how long a battery is to be: short among the other tests, as long as wanted by hand."""
    return int(os.environ.get(name) or usual)


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    """Take every mail of one test."""
    with Postbox() as postbox:
        yield postbox


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(
    request: pytest.FixtureRequest, postgres_url: str, tmp_path: Path, postbox: Postbox
) -> Iterator[dict[str, str]]:
    """Give settings for a service on an empty database, the one and the other, with its mail in the postbox."""
    shared = {"MAIL_URL": f"smtp://127.0.0.1:{postbox.port}"}
    if request.param == "sqlite":
        yield {**shared, "DATABASE_URL": f"sqlite:///{tmp_path / 'auth.db'}"}
        return
    with database_of_its_own(postgres_url) as url:
        yield {**shared, "DATABASE_URL": url}
