"""The directory: what staff see of the accounts there are."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, get_args

from msgspec import Struct

from auth_service.domain.errors import NotFound, Problem, refuse_if
from auth_service.domain.lifetimes import is_over
from auth_service.domain.model import Caller, Client, KeptFact, Session, User, UserSearch, UserState
from auth_service.domain.names import EMAIL_ABSURD
from auth_service.domain.policy import Policy
from auth_service.domain.ports.records import Records
from auth_service.domain.ports.sessions import Sessions
from auth_service.domain.ports.surroundings import Clock, Journal
from auth_service.domain.ports.users import Users
from auth_service.domain.staff import admit

MOST = 100
USUAL = 50
STATES: Final[tuple[UserState, ...]] = get_args(UserState)
_LATEST_FACTS = 20
_HIGHEST_ID = 2**63 - 1
_TRUTHS: Final = {"true": True, "false": False}
_NUMBER = re.compile(r"[0-9]{1,19}")


class Asked(Struct, frozen=True, kw_only=True):
    """What is asked of the directory, as it was typed or stands in an address; None where it does not matter."""

    q: str | None = None
    state: str | None = None
    staff: str | None = None
    confirmed: str | None = None
    before: str | None = None
    limit: str | None = None


class Page(Struct, frozen=True):
    """Accounts that were found, the newest first; `next` is what to ask for `before` to see more, if there are more."""

    users: Sequence[User]
    next: int | None


class Entry(Struct, frozen=True):
    """An account as staff see it: with where it is signed in, and what happened to it lately, the newest first."""

    user: User
    sessions: Sequence[Session]
    facts: Sequence[KeptFact]


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """Shows accounts to staff. Whoever is none finds nothing here, not even that it is there."""

    policy: Policy
    users: Users
    sessions: Sessions
    records: Records
    clock: Clock
    journal: Journal

    def admit(self, staff: Caller, client: Client) -> None:
        """Refuse whoever is no member of staff, before anything they sent is looked at."""
        admit(staff, client, self.journal)

    async def find(self, staff: Caller, asked: Asked, client: Client) -> Page:
        """Find people, the newest first. Whoever comes or goes meanwhile moves nobody from one page to another."""
        self.admit(staff, client)
        refuse_if(_judge(asked))
        limit = int(asked.limit or USUAL)
        before = int(asked.before) if asked.before else None
        found = await self.users.search(_wanted(asked), before=before, limit=limit + 1)
        return Page(found[:limit], found[limit - 1].id if len(found) > limit else None)

    async def show(self, staff: Caller, user_id: int | None, client: Client) -> Entry:
        """Show an account, its sign-ins, and the latest of what the journal knows of it."""
        self.admit(staff, client)
        user = await self._find(user_id)
        facts = await self.records.of_user(user.id, limit=_LATEST_FACTS)
        return Entry(user, await self._open(user), facts)

    async def sessions_of(self, staff: Caller, user_id: int | None, client: Client) -> Sequence[Session]:
        """Return somebody's sign-ins that still count, the newest first."""
        self.admit(staff, client)
        return await self._open(await self._find(user_id))

    async def facts_about(
        self, staff: Caller, user_id: int | None, limit: str | None, client: Client
    ) -> Sequence[KeptFact]:
        """Return what the journal knows of an account, the newest first; of one that was deleted, too."""
        self.admit(staff, client)
        refuse_if(_judge_limit(limit))
        facts = await self.records.of_user(user_id or 0, limit=int(limit or USUAL))
        if not facts:
            await self._find(user_id)
        return facts

    async def _find(self, user_id: int | None) -> User:
        user = None if user_id is None else await self.users.by_id(user_id)
        if user is None:
            raise NotFound(certain=True)
        return user

    async def _open(self, user: User) -> list[Session]:
        now = self.clock.now()
        return [each for each in await self.sessions.of_user(user.id) if not is_over(each, now, self.policy)]


def _judge(asked: Asked) -> list[Problem]:
    """Return what is wrong with what was asked."""
    problems = []
    if len(asked.q or "") > EMAIL_ABSURD:
        problems.append(Problem("q", "too_long", str(EMAIL_ABSURD)))
    if "\0" in (asked.q or ""):
        problems.append(Problem("q", "null_character"))
    if asked.state is not None and asked.state not in STATES:
        problems.append(Problem("state", "not_a_choice", ", ".join(STATES)))
    for field, text in (("staff", asked.staff), ("confirmed", asked.confirmed)):
        if text is not None and text not in _TRUTHS:
            problems.append(Problem(field, "not_a_choice", ", ".join(_TRUTHS)))
    if asked.before is not None and not _is_within(asked.before, _HIGHEST_ID):
        problems.append(Problem("before", "no_place"))
    return [*problems, *_judge_limit(asked.limit)]


def _judge_limit(limit: str | None) -> list[Problem]:
    return [] if limit is None or _is_within(limit, MOST) else [Problem("limit", "out_of_range", str(MOST))]


def _is_within(text: str, most: int) -> bool:
    return bool(_NUMBER.fullmatch(text)) and 0 < int(text) <= most


def _wanted(asked: Asked) -> UserSearch:
    return UserSearch(
        text=(asked.q or "").strip(),
        state=next((state for state in STATES if state == asked.state), None),
        is_staff=_TRUTHS.get(asked.staff or ""),
        email_confirmed=_TRUTHS.get(asked.confirmed or ""),
    )
