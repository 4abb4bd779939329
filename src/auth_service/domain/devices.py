"""Devices: where a person is signed in, and signing out."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from auth_service.domain.errors import NotFound
from auth_service.domain.lifetimes import is_over
from auth_service.domain.model import Caller, Client, Fact, Session, User
from auth_service.domain.outcomes import refusals_noted
from auth_service.domain.policy import Policy
from auth_service.domain.ports.sessions import Sessions
from auth_service.domain.ports.store import Store
from auth_service.domain.ports.surroundings import Clock, Journal
from auth_service.domain.ports.users import Users
from auth_service.domain.races import settles_races


@dataclass(frozen=True, slots=True, kw_only=True)
class Devices:
    """Shows and ends sign-ins. What is ended is over at once: no token of it is good any more."""

    policy: Policy
    store: Store
    users: Users
    sessions: Sessions
    clock: Clock
    journal: Journal

    async def signed_in(self, caller: Caller) -> Sequence[Session]:
        """Return the caller's sign-ins that still count, the newest first."""
        return await self._open(caller.user)

    async def end(self, caller: Caller, session_id: str, client: Client) -> None:
        """Sign one of the caller's devices out."""
        with refusals_noted(
            self.journal, "sign_out_refused", client, user_id=caller.user.id, session_id=caller.session_id
        ):
            if all(session.id != session_id for session in await self.sessions.of_user(caller.user.id)):
                raise NotFound
        await self._end(caller, session_id, client)

    async def end_others(self, caller: Caller, client: Client) -> None:
        """Sign every device out but this one."""
        work = self.store.begin()
        work.sessions.end_all(caller.user.id, but=caller.session_id)
        await work.commit()
        self._note("others_signed_out", caller, caller.session_id, client)

    async def sign_out(self, caller: Caller, client: Client) -> None:
        """Sign this device out. A token minted elsewhere belongs to no device here and runs out by itself."""
        if caller.session_id is not None:
            await self._end(caller, caller.session_id, client)

    async def drop_opaque(self, caller: Caller, client: Client) -> None:
        """Sign out as `token/logout/` does: this opaque token, or for a caller with a JWT all of the account's."""
        if caller.session is not None and caller.session.kind == "opaque":
            await self._end(caller, caller.session.id, client)
            return
        work = self.store.begin()
        work.sessions.end_all(caller.user.id, kind="opaque")
        await work.commit()
        self._note("opaque_signed_out", caller, None, client)

    async def of(self, user: User) -> Sequence[Session]:
        """Return somebody's sign-ins that still count, the newest first, for an operator."""
        return await self._open(user)

    async def revoke(self, session_id: str) -> Session:
        """End a sign-in on the operator's word, whosever it is."""
        found = await self.sessions.with_user(session_id)
        if found is None:
            raise NotFound
        work = self.store.begin()
        work.sessions.end(session_id)
        await work.commit()
        self._note_order("session_revoked", found[0].user_id, session_id)
        return found[0]

    @settles_races
    async def revoke_all_of(self, user_id: int) -> User:
        """End all of somebody's sign-ins on the operator's word, and void what was minted for them elsewhere before."""
        user = await self.users.by_id(user_id)
        if user is None:
            raise NotFound
        work = self.store.begin()
        work.users.save(replace(user, tokens_from=self.clock.now()))
        work.sessions.end_all(user.id)
        await work.commit()
        self._note_order("all_sessions_revoked", user.id)
        return user

    async def revoke_everybodys(self) -> None:
        """End all sign-ins there are on the operator's word, and void what was minted elsewhere until now."""
        work = self.store.begin()
        work.sessions.end_everybodys(self.clock.now())
        await work.commit()
        self._note_order("everybodys_sessions_revoked")

    async def _open(self, user: User) -> list[Session]:
        now = self.clock.now()
        found = await self.sessions.of_user(user.id)
        return [session for session in found if not is_over(session, now, self.policy)]

    async def _end(self, caller: Caller, session_id: str, client: Client) -> None:
        work = self.store.begin()
        work.sessions.end(session_id)
        await work.commit()
        self._note("signed_out", caller, session_id, client)

    def _note_order(self, what: str, user_id: int | None = None, session_id: str | None = None) -> None:
        self.journal.note(Fact(what=what, user_id=user_id, session_id=session_id, why="by the operator"))

    def _note(self, what: str, caller: Caller, session_id: str | None, client: Client) -> None:
        self.journal.note(
            Fact(
                what=what,
                user_id=caller.user.id,
                session_id=session_id,
                address=client.address,
                agent=client.agent,
            )
        )
