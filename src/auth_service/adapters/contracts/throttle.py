"""What every throttle owes: the attempts that are allowed and not one more, whoever else tries at the same time.

class TestMyThrottle(ThrottleContract):
    @pytest.fixture
    async def counting(self) -> AsyncIterator[Counting]: ...

It needs pytest, and pytest-asyncio in its auto mode.
"""

import asyncio
from collections import Counter as Tally
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from auth_service.domain.errors import TooManyAttempts
from auth_service.domain.ports.throttle import Counter, Throttle

# Time may run by itself in a database: a second too early and a second too late are told apart, no less.
WINDOW = 60.0
A_MOMENT = 1.0
CROWD = 50


@dataclass(frozen=True, slots=True)
class Counting:
    """A throttle that has counted nothing yet; `pass_time` makes its clock go on, or back by a negative figure."""

    throttle: Throttle
    pass_time: Callable[[float], Awaitable[None]]

    async def passes(self, *counters: Counter) -> bool:
        """Try once, and say whether that was let pass."""
        try:
            await self.throttle.take(counters)
        except TooManyAttempts:
            return False
        return True

    async def count(self, *counters: Counter) -> int:
        """Return how many attempts are let pass before one is refused."""
        passed = 0
        while await self.passes(*counters):
            passed += 1
            assert passed < 1_000, "nothing is ever refused"
        return passed

    async def wait(self, *counters: Counter) -> float:
        """Return for how long an attempt is refused, which it must be."""
        with pytest.raises(TooManyAttempts) as refused:
            await self.throttle.take(counters)
        return refused.value.retry_after


class ThrottleContract:
    """So many attempts pass in a window, and the others are told how long to wait."""

    @pytest.fixture
    def counting(self) -> Counting:
        """Give a throttle that has counted nothing. Override this, with a fixture that is asynchronous or not."""
        pytest.fail("This suite runs over your adapter: override the fixture with one that gives it.")

    async def test_as_many_pass_as_may(self, counting: Counting) -> None:
        assert await counting.count(Counter("a", 3, WINDOW)) == 3
        assert not await counting.passes(Counter("a", 3, WINDOW))

    async def test_however_many_may_pass_they_may_at_once(self, counting: Counting) -> None:
        assert await counting.count(Counter("a", 100, WINDOW)) == 100

    async def test_where_nothing_is_counted_everybody_passes(self, counting: Counting) -> None:
        for _ in range(5):
            await counting.throttle.take([])

    async def test_one_counter_does_not_fill_another(self, counting: Counting) -> None:
        await counting.count(Counter("a", 2, WINDOW))
        assert await counting.count(Counter("b", 2, WINDOW)) == 2

    @pytest.mark.parametrize(
        "key",
        ["", " a", "A", "a\0", "Ünï 密码 🔑", "half a surrogate \ud800", "'; DROP TABLE attempts; --", "a" * 70_000],
    )
    async def test_a_key_may_be_any_text_and_is_nobody_elses(self, counting: Counting, key: str) -> None:
        await counting.count(Counter("a", 2, WINDOW))
        assert await counting.count(Counter(key, 2, WINDOW)) == 2
        assert not await counting.passes(Counter(key, 2, WINDOW))

    async def test_the_first_attempt_opens_the_window_and_its_end_closes_it(self, counting: Counting) -> None:
        counter = Counter("a", 2, WINDOW)
        assert await counting.passes(counter)
        await counting.pass_time(WINDOW / 2)
        assert await counting.passes(counter)
        await counting.pass_time(WINDOW / 2 - A_MOMENT)
        assert not await counting.passes(counter)
        await counting.pass_time(2 * A_MOMENT)
        assert await counting.count(counter) == 2

    async def test_a_window_that_was_not_filled_leaves_nothing_to_the_next(self, counting: Counting) -> None:
        assert await counting.passes(Counter("a", 2, WINDOW))
        await counting.pass_time(WINDOW + A_MOMENT)
        assert await counting.count(Counter("a", 2, WINDOW)) == 2

    async def test_whoever_goes_on_trying_waits_no_longer(self, counting: Counting) -> None:
        counter = Counter("a", 1, WINDOW)
        assert await counting.passes(counter)
        for _ in range(3):
            await counting.pass_time(WINDOW / 4)
            assert not await counting.passes(counter)
        await counting.pass_time(WINDOW / 4 + A_MOMENT)
        assert await counting.passes(counter)

    async def test_the_wait_is_what_is_left_of_the_window(self, counting: Counting) -> None:
        counter = Counter("a", 1, WINDOW)
        assert await counting.passes(counter)
        assert WINDOW - A_MOMENT < await counting.wait(counter) <= WINDOW
        await counting.pass_time(WINDOW / 3)
        assert 2 * WINDOW / 3 - A_MOMENT < await counting.wait(counter) <= 2 * WINDOW / 3

    async def test_of_several_full_counters_the_longest_wait_is_told(self, counting: Counting) -> None:
        short, long, free = (
            Counter("short", 1, WINDOW),
            Counter("long", 1, 10 * WINDOW),
            Counter("free", 9, 99 * WINDOW),
        )
        assert await counting.passes(short, long, free)
        assert 10 * WINDOW - A_MOMENT < await counting.wait(free, long, short) <= 10 * WINDOW
        assert 0 < await counting.wait(short, free) <= WINDOW

    async def test_a_refused_attempt_counts_nowhere(self, counting: Counting) -> None:
        full, other, another = Counter("full", 1, WINDOW), Counter("other", 3, WINDOW), Counter("another", 3, WINDOW)
        assert await counting.passes(full)
        for _ in range(5):
            assert not await counting.passes(other, full, another)
        assert await counting.count(other) == 3
        assert await counting.count(another) == 3

    async def test_counters_are_counted_alike_in_any_order_and_company(self, counting: Counting) -> None:
        one, two = Counter("one", 3, WINDOW), Counter("two", 5, WINDOW)
        assert await counting.passes(one, two)
        assert await counting.passes(two, one)
        assert await counting.passes(one)
        assert not await counting.passes(two, one)
        assert await counting.count(two) == 3

    async def test_after_the_free_ones_each_attempt_has_to_wait_twice_as_long_as_the_last(
        self, counting: Counting
    ) -> None:
        counter = Counter("a", 100, 100 * WINDOW, free=3, pause=WINDOW)
        assert await counting.count(counter) == 3
        for pause in (WINDOW, 2 * WINDOW, 4 * WINDOW):
            assert pause - A_MOMENT < await counting.wait(counter) <= pause
            await counting.pass_time(pause - A_MOMENT)
            assert not await counting.passes(counter)
            await counting.pass_time(A_MOMENT)
            assert await counting.count(counter) == 1

    async def test_no_pause_is_longer_than_a_quarter_of_the_window(self, counting: Counting) -> None:
        counter = Counter("a", 100, 8 * WINDOW, free=1, pause=1.5 * WINDOW)
        assert await counting.count(counter) == 1
        await counting.pass_time(1.5 * WINDOW)
        assert await counting.count(counter) == 1
        assert 2 * WINDOW - A_MOMENT < await counting.wait(counter) <= 2 * WINDOW

    async def test_pauses_let_no_more_pass_than_may_and_end_with_the_window(self, counting: Counting) -> None:
        counter = Counter("a", 4, 10 * WINDOW, free=3, pause=WINDOW)
        assert await counting.count(counter) == 3
        await counting.pass_time(WINDOW)
        assert await counting.count(counter) == 1
        await counting.pass_time(3 * WINDOW)
        assert 6 * WINDOW - A_MOMENT < await counting.wait(counter) <= 6 * WINDOW
        await counting.pass_time(6 * WINDOW)
        assert await counting.count(counter) == 3

    async def test_of_a_crowd_in_a_pause_one_passes_when_it_is_over(self, counting: Counting) -> None:
        counter = Counter("a", 100, 100 * WINDOW, free=3, pause=WINDOW)
        await counting.count(counter)
        await counting.pass_time(WINDOW)
        assert sum(await asyncio.gather(*(counting.passes(counter) for _ in range(CROWD)))) == 1

    async def test_an_attempt_in_a_pause_counts_nowhere(self, counting: Counting) -> None:
        paused, other = Counter("a", 100, 100 * WINDOW, free=1, pause=WINDOW), Counter("other", 3, WINDOW)
        await counting.count(paused)
        for _ in range(5):
            assert not await counting.passes(other, paused)
        assert await counting.count(other) == 3

    async def test_a_clock_that_is_set_back_locks_nobody_out(self, counting: Counting) -> None:
        counter = Counter("a", 2, WINDOW)
        await counting.count(counter)
        await counting.pass_time(-60 * WINDOW)
        assert await counting.count(counter) == 2

    async def test_of_a_crowd_at_once_exactly_those_pass_who_may(self, counting: Counting) -> None:
        counter = Counter("a", 10, WINDOW)
        assert Tally(await asyncio.gather(*(counting.passes(counter) for _ in range(CROWD)))) == {
            True: 10,
            False: CROWD - 10,
        }

    async def test_a_crowd_with_counters_of_their_own_shares_the_one_they_have_in_common(
        self, counting: Counting
    ) -> None:
        shared = Counter("shared", 10, WINDOW)
        own = [Counter(f"own {number}", 1, WINDOW) for number in range(CROWD)]
        passed = await asyncio.gather(*(counting.passes(each, shared) for each in own))
        assert sum(passed) == 10
        # Who was refused has an attempt left, who passed has none.
        assert [await counting.passes(each) for each in own] == [not each for each in passed]
