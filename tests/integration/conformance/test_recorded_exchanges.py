"""Every exchange recorded from djoser is answered alike, and its defects are answered better."""

import pytest

from .conftest import Outcomes
from .scenarios import BETTER, RECORDED, Scenario


@pytest.mark.parametrize("scenario", RECORDED, ids=lambda scenario: scenario.id)
def test_the_service_answers_as_djoser_does(scenario: Scenario, outcomes: Outcomes) -> None:
    differences = outcomes[scenario.profile].result()[scenario.id]
    assert not differences, "\n".join(differences)


@pytest.mark.parametrize("scenario", BETTER, ids=lambda scenario: scenario.id)
def test_the_service_answers_better_than_djoser(scenario: Scenario, outcomes: Outcomes) -> None:
    differences = outcomes[scenario.profile].result()[scenario.id]
    assert not differences, "\n".join(differences)
