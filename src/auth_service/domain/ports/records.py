"""The journal, read: what staff may see of it."""

from collections.abc import Sequence
from typing import Protocol

from auth_service.domain.model import KeptFact


class Records(Protocol):
    """Shows what the journal kept. What was noted just now may take a second to be there."""

    async def of_user(self, user_id: int, *, limit: int) -> Sequence[KeptFact]:
        """Return up to `limit` facts about an account, the newest first; they outlive it. Any integer may be asked."""
        ...
