"""Races: looking again, and knowing when to stop."""

import pytest

from auth_service.domain.errors import Busy, Conflict, NotFound
from auth_service.domain.races import settles_races


async def test_a_verb_that_lost_is_tried_again_with_the_same_words() -> None:
    heard = []

    @settles_races
    async def verb(word: str, *, loudly: bool) -> str:
        heard.append((word, loudly))
        if len(heard) < 3:
            raise Conflict
        return "done"

    assert await verb("go", loudly=True) == "done"
    assert heard == [("go", True)] * 3


async def test_a_refusal_is_an_answer_and_ends_it() -> None:
    looks = []

    @settles_races
    async def verb() -> None:
        looks.append(1)
        raise NotFound

    with pytest.raises(NotFound):
        await verb()
    assert looks == [1]


async def test_whoever_always_loses_is_asked_to_come_back() -> None:
    @settles_races
    async def verb() -> None:
        raise Conflict

    with pytest.raises(Busy) as refusal:
        await verb()
    assert refusal.value.retry_after > 0
