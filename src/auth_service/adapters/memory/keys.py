"""Signing keys in memory."""

import asyncio
from collections.abc import Sequence

from auth_service.domain.errors import Conflict
from auth_service.domain.keys import Key


class MemoryKeys:
    """Keeps the keys of one process."""

    def __init__(self) -> None:
        self._keys: dict[str, Key] = {}

    async def all(self) -> Sequence[Key]:
        """Return all keys."""
        await asyncio.sleep(0)
        return list(self._keys.values())

    async def replace(self, before: Sequence[Key], after: Sequence[Key]) -> None:
        """Put `after` in the place of `before`, or raise `Conflict`."""
        await asyncio.sleep(0)
        changed = [key for key in before if key not in after]
        stays = [key for key in self._keys.values() if key not in changed]
        new = [key for key in after if key not in before]
        places = [key.state for key in [*stays, *new] if key.state != "retired"]
        names = {key.kid for key in stays}
        if any(self._keys.get(key.kid) != key for key in changed) or names & {key.kid for key in new}:
            raise Conflict
        if len(places) > len(set(places)):
            raise Conflict
        self._keys = {key.kid: key for key in [*stays, *new]}
