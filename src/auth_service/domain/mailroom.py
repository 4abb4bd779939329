"""Mailroom: what an operator sees of the mails, and mends."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from auth_service.domain.model import KeptMail, MailState
from auth_service.domain.ports.outbox import Outbox

Objection = Literal["unknown", "held", "sent", "superseded", "dropped"]

_PAGE = 500
_HIGHEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailroom:
    """Shows mails, and lets them go out after all or not at all. What was sent cannot be called back or sent again."""

    outbox: Outbox

    async def mails(self, state: MailState | None = None) -> AsyncIterator[KeptMail]:
        """Go through all mails that are kept, or all of one state, in order of id."""
        last = 0
        while page := await self.outbox.page(state=state, after=last, limit=_PAGE):
            for kept in page:
                yield kept
            last = page[-1].id

    async def retry(self, mail_ids: Sequence[int]) -> dict[int, Objection]:
        """Make mails due at once, with all their tries before them; return what stands in the way of the others."""
        return await self._each(mail_ids, self.outbox.retry)

    async def retry_dead(self) -> int:
        """Make all dead mails due at once; return how many there were."""
        return sum([await self.outbox.retry(kept.id) async for kept in self.mails("dead")])

    async def drop(self, mail_ids: Sequence[int]) -> dict[int, Objection]:
        """Let mails never go out; return what stands in the way of the others."""
        return await self._each(mail_ids, self.outbox.drop)

    async def _each(self, mail_ids: Sequence[int], do: Callable[[int], Awaitable[bool]]) -> dict[int, Objection]:
        return {
            mail_id: await self._objection(mail_id)
            for mail_id in dict.fromkeys(mail_ids)
            if not 0 < mail_id <= _HIGHEST_ID or not await do(mail_id)
        }

    async def _objection(self, mail_id: int) -> Objection:
        kept = await self.outbox.kept(mail_id) if 0 < mail_id <= _HIGHEST_ID else None
        if kept is None:
            return "unknown"
        match kept.state:
            case "waiting" | "dead":
                # It was in somebody's hands when this was asked for, whatever it is by now.
                return "held"
            case done:
                return done
