"""Counting in memory keeps the contract of throttles."""

import pytest

from auth_service.adapters.contracts.throttle import Counting, ThrottleContract
from auth_service.adapters.memory.surroundings import FixedClock
from auth_service.adapters.memory.throttle import MemoryThrottle, OpenDoor
from auth_service.domain.ports.throttle import Counter


class TestMemoryThrottle(ThrottleContract):
    """Counting in memory."""

    @pytest.fixture
    def counting(self) -> Counting:
        """Give one that has counted nothing."""
        clock = FixedClock()

        async def pass_time(seconds: float) -> None:
            clock.advance(seconds)

        return Counting(MemoryThrottle(clock), pass_time)


async def test_an_open_door_lets_everybody_pass() -> None:
    for _ in range(10):
        await OpenDoor().take([Counter("a", 1, 60.0)])
