"""Is a name or an address acceptable, and free?"""

from collections.abc import Sequence

from auth_service.domain import lookalikes, names
from auth_service.domain.errors import Problem
from auth_service.domain.model import User
from auth_service.domain.ports.users import Users


async def vet_username(text: str, users: Users, *, field: str = "username", mine: User | None = None) -> list[Problem]:
    """Return what speaks against this name; `mine` may keep its own. One that is read as another's counts as taken."""
    if problems := names.judge_username(text, field):
        return problems
    for name in (text, *lookalikes.taken_for(names.fold_username(text))):
        if taken := _taken(field, await users.by_username(name), mine):
            return taken
    return []


async def vet_email(text: str, users: Users, *, field: str = "email", mine: User | None = None) -> list[Problem]:
    """Return what speaks against this address; `mine` may keep its own."""
    return names.judge_email(text, field) or _taken(field, await users.by_email(text), mine)


def vet_asked(email: str | None, found: Sequence[Problem]) -> list[Problem]:
    """Return what speaks against asking about this address, with what was found before; None could not be read."""
    if email is None:
        return list(found) or [Problem("email", "required")]
    return [*names.judge_address(email), *found]


def _taken(field: str, owner: User | None, mine: User | None) -> list[Problem]:
    return [] if owner is None or (mine and owner.id == mine.id) else [Problem(field, "taken")]
