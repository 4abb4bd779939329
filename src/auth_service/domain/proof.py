"""Proof: who somebody is, by a name and a password. Every sign-in goes through here, whatever it is for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from msgspec.structs import replace

from auth_service.domain import limits, names
from auth_service.domain.errors import BadCredentials, Conflict, Problem, TooManyAttempts
from auth_service.domain.familiar import Place, key_of
from auth_service.domain.model import Client, Fact, Keep, User
from auth_service.domain.outcomes import TOO_MANY
from auth_service.domain.passwords import LONGEST
from auth_service.domain.ports.crypto import PasswordHasher
from auth_service.domain.ports.familiar import Familiar
from auth_service.domain.ports.store import Store
from auth_service.domain.ports.surroundings import Journal
from auth_service.domain.ports.throttle import Throttle
from auth_service.domain.ports.users import Users

# No account has it: a name that nobody has is looked at as often as one that somebody has.
_NOBODY = 0


class Proven(NamedTuple):
    """Who it is, and where."""

    user: User
    place: Place


@dataclass(frozen=True, slots=True)
class PasswordProof:
    """Asks for a password. Every refusal costs one hash and says the same: nobody learns who has an account."""

    store: Store
    users: Users
    familiar: Familiar
    throttle: Throttle
    hasher: PasswordHasher
    journal: Journal

    async def of(self, name: str, password: str, client: Client, *, by: str) -> Proven:
        """Return the active account of this name and password, and where it signs in, or refuse."""
        user = await self._find(name, by)
        place = await self._place(user, client)
        await self._let_try(user, name, client, place)
        if len(password) > LONGEST:
            user, password = None, ""
        usable = user if user and user.is_active else None
        # An inactive account's password is checked too, so that the time it takes tells nothing.
        matches = await self.hasher.verify(user.password_hash if user else None, password)
        if usable is None or not matches:
            self._note_refusal(user, client, _why(user, matches=matches))
            raise BadCredentials
        if self.hasher.is_outdated(usable.password_hash):
            usable = await self._rehash(usable, password)
        return Proven(usable, place)

    async def still_holds(self, proven: User, client: Client) -> Proven:
        """Return all as it is now, if what was proven is true of it still: nobody need hash again for that."""
        user = await self.users.by_id(proven.id)
        if user is None or not user.is_active or user.password_hash != proven.password_hash:
            self._note_refusal(proven, client, "account changed meanwhile")
            raise BadCredentials
        return Proven(user, await self._place(user, client))

    async def problems_with_current(
        self, user: User, current: str | None, client: Client, found: Sequence[Problem]
    ) -> list[Problem]:
        """Return all faults of somebody who has to give their current password: those `found`, and a wrong one.

        One whose own fault was found already is not tried; nobody gets by without it.
        """
        if current is None or any(fault.field == "current_password" for fault in found):
            return list(found) or [Problem("current_password", "required")]
        await self._let_try(user, "", client, await self._place(user, client))
        if await self.hasher.verify(user.password_hash, current) and await self._is_current(user):
            return list(found)
        self._note_refusal(user, client, "wrong password", what="current_password_refused")
        return [Problem("current_password", "wrong_password"), *found]

    async def _is_current(self, proven: User) -> bool:
        """Say whether the password is still the one: a reset may have come since the caller was identified."""
        user = await self.users.by_id(proven.id)
        return user is None or user.password_hash == proven.password_hash

    async def _find(self, name: str, by: str) -> User | None:
        if by == "email":
            return await self.users.by_email(name)
        if by == "username":
            return await self.users.by_username(name)
        # With an @ it is an address first: nobody gains by taking another's address as a name.
        if "@" in name and names.email_key(name):
            # Both are looked for in any case: one look more would tell that nobody has the address.
            owner, namesake = await self.users.by_email(name), await self.users.by_username(name)
            return owner or namesake
        return await self.users.by_username(name)

    async def _place(self, user: User | None, client: Client) -> Place:
        whose = user.id if user else _NOBODY
        key = key_of(whose, client)
        return Place(key, await self.familiar.look(whose, key)) if key else Place()

    async def _let_try(self, user: User | None, name: str, client: Client, place: Place) -> None:
        """Count the attempt before the password is looked at: while it is refused, the right one is, too."""
        try:
            familiar = place.key if place.is_familiar else ""
            await self.throttle.take(limits.sign_in(user, name, client, familiar=familiar))
        except TooManyAttempts:
            self._note_refusal(user, client, TOO_MANY, keep="alike_once")
            raise

    async def _rehash(self, user: User, password: str) -> User:
        """Replace a hash made with older parameters. Losing a race is no harm: the next sign-in does it."""
        renewed = replace(user, password_hash=await self.hasher.hash(password))
        work = self.store.begin()
        work.users.save(renewed)
        try:
            await work.commit()
        except Conflict:
            return await self.users.by_id(user.id) or user
        return replace(renewed, version=renewed.version + 1)

    def _note_refusal(
        self, user: User | None, client: Client, why: str, *, what: str = "sign_in_refused", keep: Keep = "each"
    ) -> None:
        self.journal.note(
            Fact(
                what=what,
                user_id=user.id if user else None,
                address=client.address,
                agent=client.agent,
                why=why,
                keep=keep,
            )
        )


def _why(user: User | None, *, matches: bool) -> str:
    if user is None:
        return "unknown name"
    return f"account {user.state}" if matches else "wrong password"
