"""Counting attempts in memory, or not at all."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from auth_service.domain.errors import TooManyAttempts
from auth_service.domain.ports.surroundings import Clock
from auth_service.domain.ports.throttle import Counter


class _Window(NamedTuple):
    attempts: int
    ends: float


class MemoryThrottle:
    """Counts the attempts of one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._windows: dict[str, _Window] = {}

    async def take(self, counters: Sequence[Counter]) -> None:
        """Count one attempt everywhere, or nowhere."""
        await asyncio.sleep(0)
        now = self._clock.now()
        open_now = [self._window(counter, now) for counter in counters]
        full = [window for counter, window in zip(counters, open_now, strict=True) if window.attempts >= counter.most]
        if full:
            raise TooManyAttempts(max(window.ends for window in full) - now)
        for counter, window in zip(counters, open_now, strict=True):
            self._windows[counter.key] = window._replace(attempts=window.attempts + 1)

    def _window(self, counter: Counter, now: float) -> _Window:
        fresh = _Window(0, now + counter.window)
        window = self._windows.get(counter.key, fresh)
        # One that ends later than a fresh one was opened by a clock that has been set back since.
        return window if now < window.ends <= fresh.ends else fresh


class OpenDoor:
    """Lets everybody try as often as they like: the operator's choice, or a test's."""

    async def take(self, counters: Sequence[Counter]) -> None:
        """Count nothing."""
