"""A signer that follows the keys in storage, whichever process changed them."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from auth_service.adapters.crypto.algorithms import CheckingKey
from auth_service.adapters.crypto.jwt_signer import JwtSigner
from auth_service.adapters.crypto.keys import SigningKey
from auth_service.adapters.crypto.sealed_keys import NotOurs, SealedKeys
from auth_service.domain.keys import Key, current_key, in_force
from auth_service.domain.ports.keys import Keys
from auth_service.domain.ports.surroundings import Clock

# A stranger can name as many keys as they like: all of them together cause one look in this time.
_LOOKS_APART: Final = 1.0
_log = logging.getLogger("auth_service")


class KeyWatch:
    """Looks at the keys now and then, and at once where a token names one that is not known here.

    A key signs as soon as it is current in storage. It has been `next` until then: who has not looked since takes its
    tokens all the same. A key from outside signs until this process ends, whatever storage says.
    """

    def __init__(
        self, keys: Keys, sealed: SealedKeys, clock: Clock, outside: SigningKey | None, seen: Sequence[Key]
    ) -> None:
        self._keys = keys
        self._sealed = sealed
        self._clock = clock
        self._outside = outside
        self._seen = list(seen)
        self._signs = self._signing(seen)
        self._looked_at = asyncio.get_running_loop().time()
        self._next_look: asyncio.Task[None] | None = None
        self.signer = JwtSigner(self._signs, self._checking(seen), self._look_for_another)

    @classmethod
    async def begin(cls, keys: Keys, sealed: SealedKeys, clock: Clock, outside: SigningKey | None) -> "KeyWatch":
        """Return a watch whose signer has the keys there are; raises `NotOurs` where the one that signs is sealed."""
        return cls(keys, sealed, clock, outside, in_force(await keys.all(), clock.now()))

    async def look(self) -> None:
        """See what keys there are now, and use them."""
        self._looked_at = asyncio.get_running_loop().time()
        found = in_force(await self._keys.all(), self._clock.now())
        if found != self._seen:
            self._seen = found
            self._use(found)

    def _use(self, found: Sequence[Key]) -> None:
        try:
            self._signs = self._signing(found)
        except NotOurs as locked:
            # Going on with the old one keeps people signed in: it is retired by now, so its tokens are good for long.
            _log.error(
                "The key %s does not open with this SECRET_KEY: this process goes on with the one it has", locked
            )
        self.signer.use(self._signs, self._checking(found))
        _log.info("The signing keys have changed: %s", ", ".join(f"{key.kid} is {key.state}" for key in found))

    async def _look_for_another(self) -> None:
        """Return after a look that began after this was called, so that what it asks for cannot have been missed."""
        if self._next_look is None:
            self._next_look = asyncio.create_task(self._look_in_turn())
        await asyncio.shield(self._next_look)

    async def _look_in_turn(self) -> None:
        await asyncio.sleep(self._looked_at + _LOOKS_APART - asyncio.get_running_loop().time())
        # Who asks from now on might ask for what comes too late for this look.
        self._next_look = None
        await self.look()

    def _signing(self, keys: Sequence[Key]) -> SigningKey:
        if self._outside is not None:
            return self._outside
        signing = current_key(keys)
        if signing is None:
            raise NotOurs("that signs")
        return self._sealed.open(signing)

    def _checking(self, keys: Sequence[Key]) -> list[CheckingKey]:
        halves = (self._sealed.checking_half(key) for key in keys)
        return [half for half in halves if half is not None]
