"""The machine's clock and chance."""

import re
import time

import pytest

from auth_service.adapters.crypto.system import SystemChance, SystemClock


def test_the_clock_tells_the_time_of_the_machine() -> None:
    before = time.time()

    assert before <= SystemClock().now() <= time.time()


@pytest.mark.parametrize("digits", [0, 1, 2, 31, 32, 40])
def test_chance_gives_as_many_hexadecimal_digits_as_asked(digits: int) -> None:
    assert re.fullmatch(f"[0-9a-f]{{{digits}}}", SystemChance().hex(digits))


def test_chance_never_repeats() -> None:
    chance = SystemChance()

    assert len({chance.hex(32) for _ in range(1000)}) == 1000
