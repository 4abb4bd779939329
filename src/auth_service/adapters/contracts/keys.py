"""What every storage of signing keys promises, to be run over yours.

    class TestPaperKeys(KeysContract):
        @pytest.fixture
        def keys(self) -> Keys:
            return PaperKeys()

It needs pytest, and pytest-asyncio in its auto mode.
"""

import asyncio
from collections.abc import Iterable

import pytest
from msgspec.structs import replace

from auth_service.domain.errors import Conflict
from auth_service.domain.keys import Key, KeyState
from auth_service.domain.ports.keys import Keys


def key(kid: str, state: KeyState, *, good_until: float | None = None) -> Key:
    """Make a key in a state."""
    return Key(
        kid=kid,
        algorithm="ES256",
        public=f'{{"x": "{kid}"}}',
        sealed="" if state == "retired" else f"sealed {kid}",
        state=state,
        since=1_700_000_000.25,
        good_until=good_until,
    )


FIRST = [key("one", "current"), key("two", "next")]
SECOND = [key("one", "retired", good_until=1_800_000_000.5), key("two", "current"), key("three", "next")]


class KeysContract:
    """Override `keys`; every test must hold."""

    @pytest.fixture
    def keys(self) -> Keys:
        """Return storage with no key in it."""
        pytest.fail("This suite runs over your adapter: override the fixture with one that gives it.")

    async def test_at_first_there_are_none(self, keys: Keys) -> None:
        assert list(await keys.all()) == []

    async def test_what_is_put_there_is_found_to_the_last_detail(self, keys: Keys) -> None:
        await keys.replace([], SECOND)

        assert _by_kid(await keys.all()) == _by_kid(SECOND)

    async def test_keys_change_place_in_one_go(self, keys: Keys) -> None:
        await keys.replace([], FIRST)
        await keys.replace(FIRST, SECOND)

        assert _by_kid(await keys.all()) == _by_kid(SECOND)

    async def test_a_key_that_is_left_out_is_gone(self, keys: Keys) -> None:
        await keys.replace([], SECOND)
        await keys.replace(SECOND, SECOND[1:])

        assert _by_kid(await keys.all()) == _by_kid(SECOND[1:])

    async def test_what_stays_as_it_was_need_not_be_there_any_more(self, keys: Keys) -> None:
        await keys.replace([], SECOND)
        await keys.replace(SECOND, SECOND[1:])
        fresh = key("four", "next")
        await keys.replace(SECOND, [*SECOND[:2], fresh])

        assert _by_kid(await keys.all()) == _by_kid([SECOND[1], fresh])

    async def test_who_comes_second_changes_nothing(self, keys: Keys) -> None:
        await keys.replace([], FIRST)
        await keys.replace(FIRST, SECOND)
        third = [replace(FIRST[0], state="retired"), replace(FIRST[1], state="current"), key("other", "next")]

        with pytest.raises(Conflict):
            await keys.replace(FIRST, third)
        assert _by_kid(await keys.all()) == _by_kid(SECOND)

    @pytest.mark.parametrize("state", ["current", "next"])
    async def test_there_is_room_for_one_that_signs_and_one_that_is_next(self, keys: Keys, state: KeyState) -> None:
        await keys.replace([], FIRST)

        with pytest.raises(Conflict):
            await keys.replace([], [key("other", state)])
        assert _by_kid(await keys.all()) == _by_kid(FIRST)

    async def test_of_many_that_make_the_first_keys_one_does(self, keys: Keys) -> None:
        rings = [[key(f"{number} signs", "current"), key(f"{number} is next", "next")] for number in range(8)]
        ended = await asyncio.gather(*(keys.replace([], ring) for ring in rings), return_exceptions=True)

        assert [type(end) for end in ended if end is not None] == [Conflict] * 7
        assert _by_kid(await keys.all()) == _by_kid(rings[ended.index(None)])

    async def test_of_many_that_rotate_at_once_one_does(self, keys: Keys) -> None:
        await keys.replace([], FIRST)
        rings = [[*SECOND[:2], key(f"next {number}", "next")] for number in range(8)]
        ended = await asyncio.gather(*(keys.replace(FIRST, ring) for ring in rings), return_exceptions=True)

        assert [type(end) for end in ended if end is not None] == [Conflict] * 7
        assert _by_kid(await keys.all()) == _by_kid(rings[ended.index(None)])


def _by_kid(keys: Iterable[Key]) -> dict[str, Key]:
    return {each.kid: each for each in keys}
