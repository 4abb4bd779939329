"""A small, orderly world: time that stands still, chance that repeats itself, mail that stays in a list."""

import hashlib

from auth_service.domain.model import Fact, Letter
from auth_service.domain.ports.surroundings import MailDelayed, MailRefused


class FixedClock:
    """Tells the time it was given, until it is moved on."""

    def __init__(self, at: float = 1_700_000_000.25) -> None:
        self.at = at

    def now(self) -> float:
        """Return the time."""
        return self.at

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.at += seconds


class CountedChance:
    """Makes digits that look random and come in the same order every time: a test repeats, and everybody can guess."""

    def __init__(self) -> None:
        self._made = 0

    def hex(self, digits: int) -> str:
        """Return digits that were not returned before."""
        self._made += 1
        return hashlib.shake_256(str(self._made).encode()).hexdigest(digits // 2 + 1)[:digits]


class MemoryJournal:
    """Keeps facts in the order they were noted."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []

    def note(self, fact: Fact) -> None:
        """Remember one fact."""
        self.facts.append(fact)


class MemoryMailer:
    """Keeps letters instead of sending them. While `trouble` is set, it answers as a mail server with that trouble."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.trouble: MailDelayed | MailRefused | None = None

    async def send(self, letter: Letter) -> None:
        """Keep one letter."""
        if self.trouble is not None:
            raise self.trouble
        self.letters.append(letter)
