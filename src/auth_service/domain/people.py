"""People: what an operator does with accounts, from the command line."""

from collections.abc import AsyncIterator, Container
from dataclasses import dataclass

from msgspec.structs import replace

from auth_service.domain import names, passwords
from auth_service.domain.errors import NotFound, Problem, refuse_if
from auth_service.domain.model import Fact, NewUser, User, UserState
from auth_service.domain.policy import Policy
from auth_service.domain.ports.crypto import PasswordHasher
from auth_service.domain.ports.store import Store
from auth_service.domain.ports.surroundings import Chance, Clock, Journal
from auth_service.domain.ports.users import Users
from auth_service.domain.races import settles_races
from auth_service.domain.standing import Standing
from auth_service.domain.vetting import vet_email, vet_username

_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Makes, finds and changes accounts on the operator's word: no mail is asked for and none is sent."""

    policy: Policy
    store: Store
    users: Users
    hasher: PasswordHasher
    common_passwords: Container[str]
    breached_passwords: Container[str]
    clock: Clock
    chance: Chance
    journal: Journal

    async def create(self, *, username: str | None, email: str, password: str, staff: bool) -> User:
        """Make an account that may sign in at once; the operator vouches for its address."""
        problems = [] if username is None else await vet_username(username, self.users)
        problems += await vet_email(email, self.users)
        problems += self._judge(password, username, email)
        refuse_if(problems)
        work = self.store.begin()
        work.users.add(
            NewUser(
                username=None if username is None else names.fold_username(username),
                email=names.tidy_email(email),
                password_hash=await self.hasher.hash(password),
                state="active",
                stamp=self.chance.hex(32),
                created_at=self.clock.now(),
                email_confirmed=True,
                is_staff=staff,
            )
        )
        await work.commit()
        self._note("created", work.new_user_id)
        return await self.find(str(work.new_user_id))

    async def everybody(self) -> AsyncIterator[User]:
        """Go through all accounts in order of id, however many there are."""
        last = 0
        while page := await self.users.page(after=last, limit=_PAGE):
            for user in page:
                yield user
            last = page[-1].id

    async def find(self, who: str) -> User:
        """Find an account by id, or by address or name. A number is an id and nothing else.

        Otherwise a command about an account that is gone would hit whoever took that number as a name.
        """
        if who.isascii() and who.isdigit():
            user = await self.users.by_id(int(who)) if len(who) <= len(str(2**63)) else None
        else:
            user = await self.users.by_email(who) if "@" in who else None
            user = user or await self.users.by_username(who)
        if user is None:
            raise NotFound
        return user

    async def activate(self, who: str) -> User:
        """Let somebody sign in: a newcomer whose mail is lost, or somebody who was shut out."""
        return await self._set_state(who, "active")

    async def deactivate(self, who: str) -> User:
        """Shut somebody out. Every sign-in ends, and nothing that is mailed lifts it."""
        return await self._set_state(who, "deactivated")

    @settles_races
    async def set_password(self, who: str, password: str) -> User:
        """Give somebody a new password; every sign-in ends."""
        user = await self.find(who)
        refuse_if(self._judge(password, user.username, user.email))
        changed = replace(
            user,
            password_hash=await self.hasher.hash(password),
            stamp=self.chance.hex(32),
            pending_email=None,
            tokens_from=self.clock.now(),
        )
        work = self.store.begin()
        work.users.save(changed)
        work.sessions.end_all(user.id)
        work.familiar.forget(user.id)
        await work.commit()
        self._note("password_set", user.id)
        return changed

    @settles_races
    async def delete(self, who: str) -> User:
        """Remove an account and everything issued to it; its id is never given again."""
        user = await self.find(who)
        work = self.store.begin()
        work.users.remove(user)
        await work.commit()
        self._note("deleted", user.id)
        return user

    @settles_races
    async def _set_state(self, who: str, state: UserState) -> User:
        user = await self.find(who)
        if user.state == state:
            return user
        work = self.store.begin()
        changed = Standing(self.clock, self.chance).change(work, user, state)
        await work.commit()
        self._note("activated" if state == "active" else "deactivated", user.id)
        return changed

    def _judge(self, password: str, username: str | None, email: str) -> list[Problem]:
        return passwords.judge_password(
            password,
            common=self.common_passwords,
            breached=self.breached_passwords if self.policy.refuses_breached(compatible=False) else (),
            username=username,
            email=email,
        )

    def _note(self, what: str, user_id: int) -> None:
        self.journal.note(Fact(what=what, user_id=user_id, why="by the operator"))
