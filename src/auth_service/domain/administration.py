"""Administration: what staff do with the accounts of others, over the wire and from anywhere."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from msgspec.structs import replace

from auth_service.domain import limits, names
from auth_service.domain.errors import NotAllowed, NotFound, Problem, refuse_if
from auth_service.domain.model import NOWHERE, Caller, Client, Fact, Mail, MailKind, User, UserState
from auth_service.domain.outcomes import refusals_noted
from auth_service.domain.policy import Policy
from auth_service.domain.ports.sessions import Sessions
from auth_service.domain.ports.store import Store
from auth_service.domain.ports.surroundings import Chance, Clock, Journal
from auth_service.domain.ports.throttle import Throttle
from auth_service.domain.ports.users import Users
from auth_service.domain.races import settles_races
from auth_service.domain.staff import admit
from auth_service.domain.standing import Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Administration:
    """Changes accounts on the word of staff, who are named with each change. Nothing here makes anybody staff.

    Whoever is none finds nothing here. Nobody shuts out or deletes themselves: the last one would lock the door behind.
    """

    policy: Policy
    store: Store
    users: Users
    sessions: Sessions
    throttle: Throttle
    clock: Clock
    chance: Chance
    journal: Journal

    async def activate(self, staff: Caller, user_id: int | None, client: Client) -> User:
        """Let somebody sign in: a newcomer whose mail is lost, or somebody who was shut out."""
        return await self._set_state(staff, user_id, "active", client)

    async def deactivate(self, staff: Caller, user_id: int | None, client: Client) -> User:
        """Shut somebody out. Every sign-in ends, and nothing that is mailed lifts it."""
        return await self._set_state(staff, user_id, "deactivated", client)

    async def resend_activation(self, staff: Caller, user_id: int | None, client: Client) -> None:
        """Mail the link that proves the address again: the present one, or the one that is to take its place."""
        with self._for_staff("activation_request_refused", staff, client):
            user = await self._find(user_id)
            if user.state == "deactivated":
                raise NotAllowed("not_active")
            address = user.pending_email or ("" if user.email_confirmed else user.email)
            if not address or not self.policy.confirms_addresses:
                raise NotAllowed("nothing_to_confirm")
            await self._mail("activation", address, user)
        self._note("activation_requested", staff, user.id, client)

    async def send_reset(self, staff: Caller, user_id: int | None, client: Client) -> None:
        """Mail a link to choose a new password; the present one stays good until it is used."""
        with self._for_staff("password_reset_request_refused", staff, client):
            user = await self._find(user_id)
            if not user.is_active:
                raise NotAllowed("not_active")
            await self._mail("password_reset", user.email, user)
        self._note("password_reset_requested", staff, user.id, client)

    async def end_session(self, staff: Caller, user_id: int | None, session_id: str, client: Client) -> None:
        """End one of somebody's sign-ins: no token of it is good any more."""
        admit(staff, client, self.journal)
        user = await self._find(user_id)
        if all(session.id != session_id for session in await self.sessions.of_user(user.id)):
            raise NotFound(certain=True)
        work = self.store.begin()
        work.sessions.end(session_id)
        await work.commit()
        self._note("session_revoked", staff, user.id, client, session_id=session_id)

    @settles_races
    async def end_sessions(self, staff: Caller, user_id: int | None, client: Client) -> None:
        """End all of somebody's sign-ins, and void what was minted for them elsewhere before."""
        admit(staff, client, self.journal)
        user = await self._find(user_id)
        work = self.store.begin()
        work.users.save(replace(user, tokens_from=self.clock.now()))
        work.sessions.end_all(user.id)
        await work.commit()
        self._note("all_sessions_revoked", staff, user.id, client)

    @settles_races
    async def delete(
        self,
        staff: Caller,
        user_id: int | None,
        confirm: str | None,
        client: Client,
        *,
        found: Sequence[Problem] = (),
    ) -> None:
        """Delete an account and everything issued to it. To `confirm`, its address or its id is said again."""
        with self._for_staff("deletion_refused", staff, client):
            user = await self._find(user_id)
            _refuse_oneself(staff, user)
            refuse_if(found or _problems_with(confirm, user))
            work = self.store.begin()
            work.users.remove(user)
            await work.commit()
        self._note("deleted", staff, user.id, client)

    @settles_races
    async def _set_state(self, staff: Caller, user_id: int | None, state: UserState, client: Client) -> User:
        what = "activated" if state == "active" else "deactivated"
        with self._for_staff("state_change_refused", staff, client):
            user = await self._find(user_id)
            if state == "deactivated":
                _refuse_oneself(staff, user)
        if user.state == state:
            return user
        work = self.store.begin()
        changed = Standing(self.clock, self.chance).change(work, user, state)
        await work.commit()
        self._note(what, staff, user.id, client)
        return changed

    async def _find(self, user_id: int | None) -> User:
        user = None if user_id is None else await self.users.by_id(user_id)
        if user is None:
            raise NotFound(certain=True)
        return user

    async def _mail(self, kind: MailKind, to: str, user: User) -> None:
        """Queue a mail. It says nothing of who caused it: where staff sit and what they read is not its reader's."""
        # Staff may mail many in a row, and nobody is flooded by it.
        await self.throttle.take(limits.mail_to(to, NOWHERE))
        work = self.store.begin()
        work.outbox.put(Mail(kind=kind, to=to, user_id=user.id, at=self.clock.now()))
        await work.commit()

    @contextmanager
    def _for_staff(self, what: str, staff: Caller, client: Client) -> Iterator[None]:
        """Let staff in, and note what they are refused."""
        admit(staff, client, self.journal)
        with refusals_noted(self.journal, what, client, user_id=staff.user.id, session_id=staff.session_id):
            yield

    def _note(self, what: str, staff: Caller, user_id: int, client: Client, *, session_id: str | None = None) -> None:
        self.journal.note(
            Fact(
                what=what,
                user_id=user_id,
                session_id=session_id or staff.session_id,
                address=client.address,
                agent=client.agent,
                why=f"by staff {staff.user.id}",
            )
        )


def _refuse_oneself(staff: Caller, user: User) -> None:
    if user.id == staff.user.id:
        raise NotAllowed("oneself")


def _problems_with(confirm: str | None, user: User) -> list[Problem]:
    """Return what is wrong, unless this is the account's address, however it is spelled, or its id."""
    if not confirm:
        return [Problem("confirm", "required")]
    key = names.email_key(confirm.strip())
    if confirm.strip() == str(user.id) or (key is not None and key == names.email_key(user.email)):
        return []
    return [Problem("confirm", "not_confirmed")]
