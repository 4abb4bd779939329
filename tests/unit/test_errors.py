"""Refusals: what is at fault decides which one it is."""

import pytest

from auth_service.domain.errors import AlreadyTaken, InvalidInput, Problem, refuse_if

TAKEN = Problem("username", "taken")
BLANK = Problem("email", "blank")


def test_without_a_problem_nothing_is_refused() -> None:
    refuse_if([])


@pytest.mark.parametrize(
    ("problems", "refusal"),
    [([TAKEN], AlreadyTaken), ([TAKEN, TAKEN], AlreadyTaken), ([TAKEN, BLANK], InvalidInput), ([BLANK], InvalidInput)],
)
def test_only_where_all_is_taken_is_it_a_matter_of_others(problems: list[Problem], refusal: type[InvalidInput]) -> None:
    with pytest.raises(InvalidInput) as refused:
        refuse_if(problems)
    assert type(refused.value) is refusal
    assert list(refused.value.problems) == problems
