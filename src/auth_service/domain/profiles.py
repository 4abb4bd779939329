"""Profiles: what people see and change of an account, their own or, as staff, another's."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from msgspec.structs import replace

from auth_service.domain import limits, names
from auth_service.domain.addresses import AddressChange
from auth_service.domain.errors import AlreadyTaken, InvalidInput, NotAllowed, NotFound, Problem, refuse_if
from auth_service.domain.model import NOWHERE, Caller, Client, Fact, User
from auth_service.domain.outcomes import refusals_noted
from auth_service.domain.policy import Policy
from auth_service.domain.ports.crypto import PasswordHasher
from auth_service.domain.ports.familiar import Familiar
from auth_service.domain.ports.store import Store
from auth_service.domain.ports.surroundings import Chance, Clock, Journal
from auth_service.domain.ports.throttle import Throttle
from auth_service.domain.ports.users import Users
from auth_service.domain.proof import PasswordProof
from auth_service.domain.races import settles_races
from auth_service.domain.vetting import vet_email, vet_username

_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Profiles:
    """Shows and changes accounts. Others' accounts answer like nobody's, except to staff or where users are visible."""

    policy: Policy
    store: Store
    users: Users
    familiar: Familiar
    throttle: Throttle
    hasher: PasswordHasher
    clock: Clock
    chance: Chance
    journal: Journal

    async def visible(self, caller: Caller) -> Sequence[User]:
        """Return the accounts a caller may list: everybody's for staff, and for all where users are not hidden."""
        if self.policy.hide_users and not caller.user.is_staff:
            return [caller.user]
        found: list[User] = []
        while page := await self.users.page(after=found[-1].id if found else 0, limit=_PAGE):
            found.extend(page)
        if caller.user.is_staff:
            return found
        # An address that is not proven is nobody's business but its owner's: it may be a slip, or a stranger's.
        return [user if user.id == caller.user.id else replace(user, pending_email=None) for user in found]

    async def show(self, caller: Caller, user_id: int | None, client: Client = NOWHERE) -> User:
        """Return an account. One that is hidden and one that does not exist are the same refusal."""
        if user_id == caller.user.id:
            return caller.user
        may_know = caller.user.is_staff or not self.policy.hide_users
        user = await self.users.by_id(user_id) if may_know and user_id is not None else None
        with self._noting_refusals("profile_refused", caller, client):
            if user is None:
                raise NotFound(certain=may_know)
            if not caller.user.is_staff:
                raise NotAllowed
        return user

    async def change(
        self,
        caller: Caller,
        user_id: int,
        client: Client,
        *,
        username: str | None = None,
        email: str | None = None,
        found: Sequence[Problem] = (),
    ) -> User:
        """Change what is given and leave the rest. A new address may stay pending until it is proven."""
        user = await self.show(caller, user_id, client)
        with self._noting_refusals("profile_change_refused", caller, client):
            if _asks(username, email, user):
                await self.throttle.take(limits.naming(caller.user, client))
            refuse_if([*found, *await self._problems_with(user, username, email)])
            if email is not None and _differs(email, user) and self.policy.confirms_addresses:
                await self.throttle.take(limits.mail_to(email, client))
            return await self._change(user.id, caller, client, username, email)

    @settles_races
    async def _change(
        self, user_id: int, caller: Caller, client: Client, username: str | None, email: str | None
    ) -> User:
        user = await self.users.by_id(user_id)
        if user is None:
            raise NotFound
        refuse_if(await self._problems_with(user, username, email))
        work = self.store.begin()
        changed = user
        if username is not None and names.fold_username(username) != user.username:
            changed = replace(changed, username=names.fold_username(username))
        if email is not None and _differs(email, user):
            changed = AddressChange(self.policy, self.clock, self.chance).in_profile(work, changed, email, client)
        elif changed is not user:
            work.users.save(changed)
        if changed is user:
            return user
        try:
            await work.commit()
        except AlreadyTaken:
            refuse_if(await self._problems_with(user, username, email))
            raise
        self._note("profile_changed", user.id, caller, client)
        return changed

    async def choose_language(self, caller: Caller, language: str, client: Client) -> User:
        """Say which language one reads: mails and pages are in it from now on. Empty takes the choice back."""
        if language and language not in self.policy.languages:
            raise InvalidInput([Problem("language", "unknown_language")])
        return await self._choose_language(caller, language, client)

    @settles_races
    async def _choose_language(self, caller: Caller, language: str, client: Client) -> User:
        user = await self.users.by_id(caller.user.id)
        if user is None:
            raise NotFound
        if user.language == language:
            return user
        changed = replace(user, language=language)
        work = self.store.begin()
        work.users.save(changed)
        await work.commit()
        self._note("language_chosen", user.id, caller, client)
        return changed

    @settles_races
    async def keep_address(self, caller: Caller, client: Client) -> User:
        """Take back the caller's new address that waits for its proof: the link mailed to it is dead."""
        user = await self.users.by_id(caller.user.id)
        if user is None:
            raise NotFound
        if user.pending_email is None:
            return user
        changed = replace(user, pending_email=None)
        work = self.store.begin()
        work.users.save(changed)
        await work.commit()
        self._note("profile_changed", user.id, caller, client)
        return changed

    async def delete(
        self,
        caller: Caller,
        user_id: int,
        current: str | None,
        client: Client,
        *,
        found: Sequence[Problem] = (),
    ) -> None:
        """Delete an account, with everything issued to it. Whoever does it, staff too, gives their own password."""
        user = await self.show(caller, user_id, client)
        proof = PasswordProof(self.store, self.users, self.familiar, self.throttle, self.hasher, self.journal)
        refuse_if(await proof.problems_with_current(caller.user, current, client, found))
        await self._remove(user.id, caller, client)

    async def leave(self, caller: Caller, client: Client) -> None:
        """Delete the caller's own account on the strength of the sign-in alone."""
        await self._remove(caller.user.id, caller, client)

    @settles_races
    async def _remove(self, user_id: int, caller: Caller, client: Client) -> None:
        user = await self.users.by_id(user_id)
        if user is None:
            raise NotFound
        work = self.store.begin()
        work.users.remove(user)
        await work.commit()
        self._note("deleted", user.id, caller, client)

    async def _problems_with(self, user: User, username: str | None, email: str | None) -> list[Problem]:
        problems = []
        if username is not None:
            problems += await vet_username(username, self.users, mine=user)
        if email is not None:
            problems += await vet_email(email, self.users, mine=user)
        return problems

    def _noting_refusals(self, what: str, caller: Caller, client: Client) -> AbstractContextManager[None]:
        return refusals_noted(self.journal, what, client, user_id=caller.user.id, session_id=caller.session_id)

    def _note(self, what: str, user_id: int, caller: Caller, client: Client) -> None:
        by = "" if caller.user.id == user_id else f"by staff {caller.user.id}"
        self.journal.note(
            Fact(
                what=what,
                user_id=user_id,
                session_id=caller.session_id,
                address=client.address,
                agent=client.agent,
                why=by,
            )
        )


def _asks(username: str | None, email: str | None, user: User) -> bool:
    """Say whether the answer to a change may tell whether somebody has this name or address."""
    return (username is not None and names.fold_username(username) != user.username) or (
        email is not None and names.tidy_email(email) != user.email
    )


def _differs(email: str, user: User) -> bool:
    return names.tidy_email(email) != user.email or user.pending_email is not None
