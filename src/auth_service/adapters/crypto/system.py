"""The clock and the chance of the machine the service runs on."""

import os
import time


class SystemClock:
    """Tells the time of this machine."""

    __slots__ = ()

    def now(self) -> float:
        """Return the seconds since 1970, in UTC."""
        return time.time()


class SystemChance:
    """Draws on the operating system's generator: nothing is seeded, nothing repeats after a fork."""

    __slots__ = ()

    def hex(self, digits: int) -> str:
        """Return that many random hexadecimal digits, fit for secrets."""
        return os.urandom((digits + 1) // 2).hex()[:digits]
