"""Signing keys: which follows which, for how long their tokens are good, and what is refused."""

from typing import Any

import pytest

from auth_service.adapters.contracts.keys import KeysContract, key
from auth_service.adapters.memory.crypto import UnfitKeyMaker
from auth_service.adapters.memory.keys import MemoryKeys
from auth_service.adapters.memory.surroundings import CountedChance, FixedClock, MemoryJournal
from auth_service.domain import keys as rules
from auth_service.domain.errors import Conflict
from auth_service.domain.keyring import Keyring
from auth_service.domain.keys import PUBLISHED_AHEAD, KeysStay, NewKey
from auth_service.domain.ports.keys import Keys

LIFETIME = 14 * 86_400.0
FILE = NewKey(kid="file", algorithm="ES256", public="public file", sealed="")
CHANCE = CountedChance()


class TestMemoryKeys(KeysContract):
    """Keys in memory."""

    @pytest.fixture
    def keys(self) -> Keys:
        return MemoryKeys()


def ring(keys: MemoryKeys | None = None, clock: FixedClock | None = None, **more: Any) -> Keyring:  # noqa: ANN401 - any field
    given: dict[str, Any] = {"algorithm": "ES256", "maker": UnfitKeyMaker(CHANCE)} | more
    return Keyring(
        keys=keys or MemoryKeys(),
        clock=clock or FixedClock(),
        journal=MemoryJournal(),
        token_lifetime=LIFETIME,
        **given,
    )


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
async def keys(clock: FixedClock) -> MemoryKeys:
    """Give the keys of a service that has started once, long enough ago to rotate."""
    keys = MemoryKeys()
    await ring(keys, clock).settle()
    clock.advance(PUBLISHED_AHEAD)
    return keys


async def states(ring: Keyring) -> list[tuple[str, str]]:
    return [(key.kid, key.state) for key in await ring.everything()]


# The start


async def test_the_first_start_makes_a_key_that_signs_and_the_next_one() -> None:
    first = ring()
    await first.settle()

    assert [state for _, state in await states(first)] == ["current", "next"]
    assert [key.algorithm for key in await first.everything()] == ["ES256", "ES256"]


async def test_another_start_changes_nothing(keys: MemoryKeys, clock: FixedClock) -> None:
    before = await keys.all()
    await ring(keys, clock).settle(lambda: pytest.fail("there are keys already"))

    assert await keys.all() == before


async def test_what_an_earlier_version_signed_with_goes_on_signing() -> None:
    first = ring()
    await first.settle(lambda: NewKey(kid="before", algorithm="ES256", public="p", sealed="s"))

    assert (await states(first))[0] == ("before", "current")


async def test_who_comes_second_at_the_first_start_takes_what_the_other_made() -> None:
    class Raced(MemoryKeys):
        """Storage in which another process makes the keys after this one has looked and found none."""

        async def all(self) -> Any:  # noqa: ANN401 - as the port has it
            found = await super().all()
            if not found:
                await super().replace([], [key("theirs", "current"), key("theirs too", "next")])
            return found

    late = ring(Raced())
    await late.settle()
    assert await states(late) == [("theirs", "current"), ("theirs too", "next")]


async def test_another_algorithm_begins_to_sign_and_what_is_out_stays_good(keys: MemoryKeys, clock: FixedClock) -> None:
    signed, upcoming = await ring(keys, clock).everything()
    other = ring(keys, clock, algorithm="EdDSA")
    await other.settle()
    after = await other.everything()

    assert [(key.algorithm, key.state) for key in after] == [
        ("EdDSA", "current"),
        ("EdDSA", "next"),
        ("ES256", "retired"),
    ]
    assert after[2].kid == signed.kid
    assert upcoming.kid not in {key.kid for key in await keys.all()}


async def test_the_operators_key_signs_alone_and_gives_way_again(keys: MemoryKeys, clock: FixedClock) -> None:
    mine = (await ring(keys, clock).everything())[0].kid
    await ring(keys, clock, outside=FILE).settle()
    assert await states(ring(keys, clock)) == [("file", "current"), (mine, "retired")]

    clock.advance(1)
    await ring(keys, clock).settle()
    after = await states(ring(keys, clock))
    assert [state for _, state in after] == ["current", "next", "retired", "retired"]
    assert [kid for kid, _ in after[2:]] == ["file", mine]


async def test_an_exchanged_file_is_remembered_and_may_come_back(clock: FixedClock) -> None:
    keys, other = MemoryKeys(), NewKey(kid="other", algorithm="ES256", public="p", sealed="")
    for outside in (FILE, other, FILE):
        await ring(keys, clock, outside=outside).settle()

    assert await states(ring(keys, clock)) == [("file", "current"), ("other", "retired")]


# Rotation


async def test_rotating_lets_the_next_sign_retires_the_old_and_publishes_a_fresh_one(
    keys: MemoryKeys, clock: FixedClock
) -> None:
    signed, upcoming = await ring(keys, clock).everything()
    after = await ring(keys, clock).rotate()

    assert [(key.kid, key.state) for key in after[::2]] == [(upcoming.kid, "current"), (signed.kid, "retired")]
    assert after[1].state == "next"
    assert after[1].kid not in {signed.kid, upcoming.kid}
    assert after == await ring(keys, clock).everything()


async def test_what_is_retired_is_good_for_the_longest_life_of_a_token_and_cannot_sign(
    keys: MemoryKeys, clock: FixedClock
) -> None:
    retired = (await ring(keys, clock).rotate())[2]
    assert retired.sealed == ""
    assert retired.good_until is not None
    assert clock.at + LIFETIME + 60 <= retired.good_until <= clock.at + LIFETIME + 600

    clock.at = retired.good_until - 1
    assert retired in await ring(keys, clock).everything()
    clock.at = retired.good_until
    assert retired not in await ring(keys, clock).everything()


async def test_a_key_that_not_everybody_can_know_does_not_sign_yet(keys: MemoryKeys, clock: FixedClock) -> None:
    await ring(keys, clock).rotate()
    before = await keys.all()
    clock.advance(PUBLISHED_AHEAD - 1)
    with pytest.raises(KeysStay) as stays:
        await ring(keys, clock).rotate()
    assert (stays.value.why, stays.value.until) == ("too_fresh", clock.at + 1)
    assert await keys.all() == before

    clock.advance(1)
    assert len(await ring(keys, clock).rotate()) == 4


async def test_an_operator_in_a_hurry_rotates_at_once(keys: MemoryKeys, clock: FixedClock) -> None:
    await ring(keys, clock).rotate()
    upcoming = rules.next_key(await keys.all())
    after = await ring(keys, clock).rotate(at_once=True)

    assert upcoming is not None
    assert after[0].kid == upcoming.kid


async def test_keys_of_another_secret_are_replaced_only_on_the_operators_word(
    keys: MemoryKeys, clock: FixedClock
) -> None:
    signed, upcoming = await ring(keys, clock).everything()
    other = ring(keys, clock, maker=UnfitKeyMaker(CHANCE, "another"))
    with pytest.raises(KeysStay) as stays:
        await other.rotate()
    assert stays.value.why == "no_next"

    after = await other.rotate(at_once=True)
    assert [key.state for key in after] == ["current", "next", "retired"]
    assert after[2].kid == signed.kid
    assert upcoming.kid not in {key.kid for key in after}
    assert all(other.maker.opens(key) for key in after[:2])


async def test_the_operators_own_key_is_not_ours_to_rotate(clock: FixedClock) -> None:
    own = ring(MemoryKeys(), clock, outside=FILE)
    await own.settle()

    for at_once in (False, True):
        with pytest.raises(KeysStay) as stays:
            await own.rotate(at_once=at_once)
        assert stays.value.why == "kept_outside"


async def test_of_two_who_rotate_at_once_one_is_told(keys: MemoryKeys, clock: FixedClock) -> None:
    seen = await keys.all()
    await ring(keys, clock).rotate()

    class Stale(MemoryKeys):
        async def all(self) -> Any:  # noqa: ANN401 - what was read before the other wrote
            return seen

    stale = Stale()
    stale._keys = keys._keys
    with pytest.raises(Conflict):
        await ring(stale, clock).rotate()


# Distrust


async def test_a_retired_key_that_leaked_is_trusted_no_more(keys: MemoryKeys, clock: FixedClock) -> None:
    leaked = (await ring(keys, clock).rotate())[2].kid
    was = await ring(keys, clock).retire(leaked)

    assert (was.kid, was.state) == (leaked, "retired")
    assert leaked not in {kid for kid, _ in await states(ring(keys, clock))}


async def test_a_next_key_that_leaked_is_replaced_by_a_fresh_one(keys: MemoryKeys, clock: FixedClock) -> None:
    signed, leaked = await ring(keys, clock).everything()
    await ring(keys, clock).retire(leaked.kid)
    after = await ring(keys, clock).everything()

    assert [key.state for key in after] == ["current", "next"]
    assert after[0] == signed
    assert (after[1].kid != leaked.kid, after[1].since) == (True, clock.at)


async def test_the_key_that_signs_cannot_be_cast_out(keys: MemoryKeys, clock: FixedClock) -> None:
    for kid, why in (
        (rules.in_force(await keys.all(), 0.0)[0].kid, "current"),
        ("nobody's", "unknown"),
        ("", "unknown"),
    ):
        with pytest.raises(KeysStay) as stays:
            await ring(keys, clock).retire(kid)
        assert stays.value.why == why


async def test_each_change_is_noted_and_no_key_stands_in_it(keys: MemoryKeys, clock: FixedClock) -> None:
    noted = MemoryJournal()
    keyring = Keyring(
        keys=keys,
        maker=UnfitKeyMaker(CHANCE),
        clock=clock,
        journal=noted,
        algorithm="ES256",
        token_lifetime=LIFETIME,
    )
    after = await keyring.rotate()
    await keyring.retire(after[2].kid)

    assert [(fact.what, fact.why) for fact in noted.facts] == [
        ("key_signs", after[0].kid),
        ("key_disowned", after[2].kid),
    ]
