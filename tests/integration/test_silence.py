"""Nobody learns who has an account: not by the status, the headers or the body of an answer, nor by a stopwatch.

To see figures of your own, over as many pairs as you like: `python -m tests.integration.silence 20000`.
"""

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from auth_service.adapters.sql.users import SqlUsers
from auth_service.domain.model import User

from .silence import COMPARISONS, SIGN_IN, App, Comparison, compare, kolmogorov_smirnov, quick_folder, service

PAIRS = 300
# Where many tests run beside each other, now and then a sample is odd; one that leaks is odd each time.
TRIES = 4


@pytest.fixture
async def app() -> AsyncIterator[App]:
    """Give a service that hides who has an account."""
    with tempfile.TemporaryDirectory(dir=quick_folder()) as folder:
        async with service(Path(folder)) as app:
            yield app


@pytest.mark.parametrize("comparison", COMPARISONS, ids=str)
async def test_two_kinds_of_people_look_the_same(app: App, comparison: Comparison) -> None:
    outlooks = []
    for _ in range(TRIES):
        outlook, seen = await compare(app, comparison, PAIRS)
        first, second = (seen[kind] for kind in comparison.kinds)
        assert first == second
        assert len(first) == 1
        if not outlook.tells:
            return
        outlooks.append(str(outlook))
    pytest.fail(f"{comparison} can be told apart: {outlooks}")


async def test_a_leak_of_a_thousandth_of_a_second_would_be_seen(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    find = SqlUsers.by_username

    async def find_slowly(self: SqlUsers, *names: Any) -> User | None:  # noqa: ANN401 - whatever it takes
        user = await find(self, *names)
        if user is None:
            await asyncio.sleep(0.001)
        return user

    monkeypatch.setattr(SqlUsers, "by_username", find_slowly)
    outlook, _ = await compare(app, Comparison(SIGN_IN, ("active", "unknown")), PAIRS)
    assert outlook.tells


def test_samples_are_told_apart_if_and_only_if_they_differ() -> None:
    chance = random.Random(7)  # noqa: S311 - the same each time

    def sample(mean: float) -> list[float]:
        return [chance.gauss(mean, 1.0) for _ in range(500)]

    assert sum(kolmogorov_smirnov(sample(0), sample(0)) <= 0.01 for _ in range(300)) <= 9
    assert all(kolmogorov_smirnov(sample(0), sample(0.5)) <= 0.01 for _ in range(100))
    assert kolmogorov_smirnov([1.0, 2.0], [1.0, 2.0]) == 1.0
