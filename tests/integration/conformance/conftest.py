"""Plays the chosen scenarios of all profiles on both databases, several at a time, from the first test that asks."""

from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.integration.postgres import database_of_its_own

from .playing import play_profile
from .running import Mailbox
from .scenarios import Scenario

_PROFILES_AT_ONCE = 3


class Stage(NamedTuple):
    """Where scenarios are played: a profile of settings on a database."""

    database: str
    profile: str


Outcomes = dict[Stage, "Future[dict[str, list[str]]]"]


@pytest.fixture(scope="session")
def outcomes(
    request: pytest.FixtureRequest, postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Outcomes]:
    """Each profile's differences by scenario on each database, to be had as soon as it has been played."""
    chosen: dict[Stage, list[Scenario]] = defaultdict(list)
    for item in request.session.items:
        params = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
        if isinstance(scenario := params.get("scenario"), Scenario):
            chosen[Stage(str(params["database"]), scenario.profile)].append(scenario)
    with ExitStack() as stack:
        # People go by the same names on both.
        mailboxes = {database: stack.enter_context(Mailbox()) for database in {stage.database for stage in chosen}}
        empty = stack.enter_context(database_of_its_own(postgres_url))
        pool = stack.enter_context(ThreadPoolExecutor(_PROFILES_AT_ONCE))
        stack.callback(pool.shutdown, cancel_futures=True)

        def play(stage: Stage, scenarios: list[Scenario], folder: Path) -> dict[str, list[str]]:
            mailbox = mailboxes[stage.database]
            if stage.database == "sqlite":
                return play_profile(stage.profile, scenarios, mailbox, folder, {})
            with database_of_its_own(postgres_url, like=empty) as url:
                return play_profile(stage.profile, scenarios, mailbox, folder, {"DATABASE_URL": url})

        yield {
            stage: pool.submit(play, stage, scenarios, tmp_path_factory.mktemp(stage.profile))
            for stage, scenarios in chosen.items()
        }
