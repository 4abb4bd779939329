"""Every exchange recorded from djoser is answered alike, and its defects are answered better."""

import pytest

from .conftest import Outcomes, Stage
from .scenarios import BETTER, RECORDED, Scenario

on_both = pytest.mark.parametrize("database", ["sqlite", "postgresql"])


@on_both
@pytest.mark.parametrize("scenario", RECORDED, ids=lambda scenario: scenario.id)
def test_the_service_answers_as_djoser_does(database: str, scenario: Scenario, outcomes: Outcomes) -> None:
    differences = outcomes[Stage(database, scenario.profile)].result()[scenario.id]
    assert not differences, "\n".join(differences)


@on_both
@pytest.mark.parametrize("scenario", BETTER, ids=lambda scenario: scenario.id)
def test_the_service_answers_better_than_djoser(database: str, scenario: Scenario, outcomes: Outcomes) -> None:
    differences = outcomes[Stage(database, scenario.profile)].result()[scenario.id]
    assert not differences, "\n".join(differences)
