"""Devices: where a person is signed in, and signing out."""

from collections.abc import Sequence
from dataclasses import dataclass

from auth_service.domain.errors import NotFound
from auth_service.domain.model import Caller, Client, Fact, Session
from auth_service.domain.ports.sessions import Sessions
from auth_service.domain.ports.store import Store
from auth_service.domain.ports.surroundings import Clock, Journal


@dataclass(frozen=True, slots=True, kw_only=True)
class Devices:
    """Shows and ends sign-ins. What is ended is over at once: no token of it is good any more."""

    store: Store
    sessions: Sessions
    clock: Clock
    journal: Journal

    async def signed_in(self, caller: Caller) -> Sequence[Session]:
        """Return the caller's sign-ins that still count, the newest first."""
        now = self.clock.now()
        found = await self.sessions.of_user(caller.user.id)
        return [session for session in found if session.expires_at is None or session.expires_at > now]

    async def end(self, caller: Caller, session_id: str, client: Client) -> None:
        """Sign one of the caller's devices out."""
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

    async def _end(self, caller: Caller, session_id: str, client: Client) -> None:
        work = self.store.begin()
        work.sessions.end(session_id)
        await work.commit()
        self._note("signed_out", caller, session_id, client)

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
