"""Plays the chosen scenarios of all profiles, several profiles at a time, from the first test that asks."""

from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from .playing import play_profile
from .running import Mailbox
from .scenarios import Scenario

_PROFILES_AT_ONCE = 3

Outcomes = dict[str, "Future[dict[str, list[str]]]"]


@pytest.fixture(scope="session")
def outcomes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcomes]:
    """Each profile's differences by scenario, to be had as soon as it has been played."""
    chosen: dict[str, list[Scenario]] = defaultdict(list)
    for item in request.session.items:
        scenario = (
            item.callspec.params.get("scenario")
            if isinstance(item, pytest.Function) and hasattr(item, "callspec")
            else None
        )
        if isinstance(scenario, Scenario):
            chosen[scenario.profile].append(scenario)
    pool = ThreadPoolExecutor(_PROFILES_AT_ONCE)
    with Mailbox() as mailbox:
        try:
            yield {
                profile: pool.submit(play_profile, profile, scenarios, mailbox, tmp_path_factory.mktemp(profile))
                for profile, scenarios in chosen.items()
            }
        finally:
            pool.shutdown(cancel_futures=True)
