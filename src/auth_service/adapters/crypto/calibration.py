"""What a password hash may cost on this machine: measured, and never less than is safe."""

import statistics
import time
from typing import Final

from argon2 import PasswordHasher
from msgspec import Struct

# OWASP's password storage cheat sheet, for Argon2id with one lane.
LEAST_KIB: Final = 19_456
LEAST_PASSES: Final = 2
_MOST_PASSES = 100
_MIB = 1_024
_TRIES = 5


class Cost(Struct, frozen=True):
    """Parameters of Argon2id, and the seconds that one hash takes here with them."""

    passes: int
    kib: int
    seconds: float


def measure(passes: int, kib: int) -> Cost:
    """Hash a few times, and return what one hash takes: its own time, whatever else the machine is doing."""
    hasher = PasswordHasher(passes, kib, 1)
    taken = []
    for _ in range(_TRIES):
        begun = time.thread_time()
        hasher.hash("as long as most passwords")
        taken.append(time.thread_time() - begun)
    return Cost(passes, kib, statistics.median(taken))


def propose(budget: float, most_kib: int) -> Cost:
    """Return the dearest hash within a budget of seconds: memory first, as attackers pay most for it, then passes.

    Where even the least that is safe takes longer, it is that all the same.
    """
    found = measure(LEAST_PASSES, LEAST_KIB)
    kib = min(most_kib, int(found.kib * budget / found.seconds) // _MIB * _MIB)
    if kib > found.kib:
        found = _within(budget, found, LEAST_PASSES, kib)
    passes = min(_MOST_PASSES, int(found.passes * budget / found.seconds))
    if passes > found.passes and found.kib >= min(kib, most_kib):
        found = _within(budget, found, passes, found.kib)
    return found


def _within(budget: float, safe: Cost, passes: int, kib: int) -> Cost:
    """Return the cost of these parameters, or where they turn out too dear, of some between them and the safe ones."""
    while (passes, kib) != (safe.passes, safe.kib):
        found = measure(passes, kib)
        if found.seconds <= budget:
            return found
        if passes > safe.passes:
            passes -= 1
        else:
            kib = max(safe.kib, kib * 9 // 10 // _MIB * _MIB)
    return safe
