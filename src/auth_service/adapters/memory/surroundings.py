"""A small, orderly world: time that stands still, chance that repeats itself, mail that stays in a list."""

import hashlib
from collections.abc import Sequence

from auth_service.domain.model import Fact, KeptFact, Letter
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
    """Keeps facts in the order they were noted, and when that was where there is a clock; it shows them, too."""

    def __init__(self, clock: FixedClock | None = None) -> None:
        self.facts: list[Fact] = []
        self._kept: list[KeptFact] = []
        self._clock = clock or FixedClock()

    def note(self, fact: Fact) -> None:
        """Remember one fact."""
        self.facts.append(fact)
        if fact.keep != "never":
            told = {name: getattr(fact, name) for name in ("what", "user_id", "session_id", "address", "agent", "why")}
            self._kept.append(KeptFact(id=len(self._kept) + 1, at=self._clock.now(), **told))

    async def of_user(self, user_id: int, *, limit: int) -> Sequence[KeptFact]:
        """Return the newest facts about an account, the newest first."""
        return [kept for kept in reversed(self._kept) if kept.user_id == user_id][:limit]


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
