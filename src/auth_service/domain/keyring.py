"""The key ring: what is done with signing keys, at the start and on an operator's word."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from auth_service.domain import keys as rules
from auth_service.domain.keys import Key, NewKey
from auth_service.domain.model import Fact
from auth_service.domain.ports.keys import KeyMaker, Keys
from auth_service.domain.ports.surroundings import Clock, Journal
from auth_service.domain.races import settles_races


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """Keeps one key that signs, one that will, and those whose tokens are still out.

    `algorithm` is what keys are made for. `outside` is the key that signs instead of ours, where the operator has one.
    """

    keys: Keys
    maker: KeyMaker
    clock: Clock
    journal: Journal
    algorithm: str
    token_lifetime: float
    outside: NewKey | None = None

    async def everything(self) -> list[Key]:
        """Return the keys whose tokens are good, in the order of their states."""
        return rules.in_force(await self.keys.all(), self.clock.now())

    @settles_races
    async def settle(self, found: Callable[[], NewKey | None] = lambda: None) -> None:
        """Have the keys there that the settings ask for; nothing happens where they are.

        On the very first start, what was `found` from an earlier version signs. Of many processes that start together
        one makes the keys, and all use them.
        """
        before = await self.keys.all()
        if rules.is_settled(before, algorithm=self.algorithm, outside=self.outside):
            return
        signing = self.outside or (None if before else found()) or self.maker.make(self.algorithm)
        await self._let_sign(signing, before)

    async def rotate(self, *, at_once: bool = False) -> list[Key]:
        """Let the next key sign, retire the one that did, and publish a fresh next one; return the keys then.

        Raises `KeysStay`, and `Conflict` where somebody else rotates at this moment: twice is not what was asked for.
        """
        before = await self.keys.all()
        signing = rules.successor(before, now=self.clock.now(), opens=self.maker.opens, at_once=at_once)
        return await self._let_sign(signing or self.maker.make(self.algorithm), before)

    async def retire(self, kid: str) -> Key:
        """Trust a key no more: whatever it signed is refused. Return what it was; raises `KeysStay`."""
        before = await self.keys.all()
        after = rules.disowned(before, kid, self.maker.make(self.algorithm), now=self.clock.now())
        await self.keys.replace(before, after)
        self._note("key_disowned", kid)
        return next(key for key in before if key.kid == kid)

    async def _let_sign(self, signing: NewKey, before: Sequence[Key]) -> list[Key]:
        now = self.clock.now()
        upcoming = None if self.outside else self.maker.make(self.algorithm)
        after = rules.settled(before, signing=signing, upcoming=upcoming, now=now, token_lifetime=self.token_lifetime)
        await self.keys.replace(before, after)
        self._note("key_signs", signing.kid)
        return rules.in_force(after, now)

    def _note(self, what: str, kid: str) -> None:
        self.journal.note(Fact(what=what, why=kid))
