"""Credentials: changing a password or the name one signs in with, and getting back in when one is lost."""

from collections.abc import Container, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from auth_service.domain import limits, links, names, passwords
from auth_service.domain.addresses import AddressChange
from auth_service.domain.errors import (
    AlreadyTaken,
    InvalidInput,
    LinkRejected,
    NotFound,
    Problem,
    UnknownAddress,
    refuse_if,
)
from auth_service.domain.familiar import start_anew
from auth_service.domain.model import Caller, Client, Fact, LinkPurpose, Mail, MailKind, User
from auth_service.domain.outcomes import refusals_noted
from auth_service.domain.policy import Policy
from auth_service.domain.ports.crypto import LinkSigner, PasswordHasher
from auth_service.domain.ports.familiar import Familiar
from auth_service.domain.ports.store import Store, UnitOfWork
from auth_service.domain.ports.surroundings import Chance, Clock, Journal
from auth_service.domain.ports.throttle import Throttle
from auth_service.domain.ports.users import Users
from auth_service.domain.proof import PasswordProof
from auth_service.domain.races import settles_races
from auth_service.domain.vetting import vet_asked, vet_email, vet_username


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Guards what a person signs in with. Whoever changes it proves to be the owner, by password or by mail."""

    policy: Policy
    store: Store
    users: Users
    familiar: Familiar
    throttle: Throttle
    hasher: PasswordHasher
    link_signer: LinkSigner
    common_passwords: Container[str]
    breached_passwords: Container[str]
    clock: Clock
    chance: Chance
    journal: Journal

    async def change_password(
        self,
        caller: Caller,
        current: str | None,
        new: str | None,
        client: Client,
        *,
        retyped: str | None = None,
        found: Sequence[Problem] = (),
        compatible: bool = False,
    ) -> None:
        """Replace the password; the policy says which sessions end with the old one."""
        user = caller.user
        missing = [] if new is not None or found else [Problem("new_password", "required")]
        refuse_if(await self._proof.problems_with_current(user, current, client, [*found, *missing]))
        new = new or ""
        refuse_if(self._judge(new, user, compatible=compatible))
        refuse_if(passwords.judge_retype(new, retyped, what="password"))
        password_hash = await self.hasher.hash(new)
        await self._set_password(user.id, password_hash, client, keep=caller)

    async def request_reset(
        self,
        purpose: LinkPurpose,
        asked: str | None,
        client: Client,
        *,
        silent: bool = False,
        found: Sequence[Problem] = (),
    ) -> None:
        """Mail a link to choose a new password or name. What is done here is the same for every address.

        Only where the operator wants it is somebody told that nobody has theirs; `silent` callers never are.
        """
        refuse_if(vet_asked(asked, found))
        email = asked or ""
        with refusals_noted(self.journal, f"{purpose}_request_refused", client):
            await self.throttle.take(limits.mail_to(email, client))
            if not silent and self._tells_unknown(purpose):
                user = await self.users.by_email(email)
                if user is None or not user.is_active:
                    raise UnknownAddress
        work = self.store.begin()
        work.outbox.put(_reset_mail(purpose, email, client, self.clock.now()))
        await work.commit()
        self._note(f"{purpose}_requested", None, client)

    async def check_link(self, purpose: LinkPurpose, uid: str, token: str) -> None:
        """Return if a reset link is good, or refuse as using it would: to look at a link is not to use it."""
        user_id = links.decode_uid(uid)
        self._linked(purpose, None if user_id is None else await self.users.by_id(user_id), token)

    @settles_races
    async def confirm_password_reset(
        self,
        uid: str,
        token: str,
        new: str,
        client: Client,
        *,
        retyped: str | None = None,
        compatible: bool = False,
    ) -> None:
        """Choose a new password by the link mailed for it; every session of that person ends."""
        user_id = links.decode_uid(uid)
        user = None if user_id is None else await self.users.by_id(user_id)
        # Only whoever holds the link learns what the password resembles: others would learn the name by guessing.
        holder = user if user and self._judge_link("password_reset", user, token) == "genuine" else None
        refuse_if(self._judge(new, holder, compatible=compatible))
        refuse_if(passwords.judge_retype(new, retyped, what="password"))
        with refusals_noted(self.journal, "password_reset_refused", client, user_id=user.id if user else None):
            user = self._linked("password_reset", user, token)
        changed = replace(
            user,
            password_hash=await self.hasher.hash(new),
            stamp=self.chance.hex(32),
            # Whoever lost the account may have proposed an address: a mail that is still under way must not prove it.
            pending_email=None,
            tokens_from=self.clock.now(),
            used_link=links.fingerprint("password_reset", token),
        )
        work = self.store.begin()
        work.users.save(changed)
        work.sessions.end_all(user.id)
        start_anew(work, user, client, self.clock.now())
        self._tell_password_changed(work, user, client)
        await work.commit()
        self._note("password_reset", user.id, client)

    async def change_name(
        self,
        caller: Caller,
        current: str | None,
        new: str | None,
        client: Client,
        *,
        retyped: str | None = None,
        found: Sequence[Problem] = (),
    ) -> User:
        """Replace the name one signs in with: the username, or the address where people sign in by that."""
        missing = [] if new is not None or found else [Problem(self._name_field, "required")]
        problems = await self._proof.problems_with_current(caller.user, current, client, [*found, *missing])
        await self.throttle.take(limits.naming(caller.user, client))
        if new is not None:
            # One's own current name counts as taken: there would be nothing to change.
            problems += await self._vet_name(new)
        with refusals_noted(
            self.journal, "name_change_refused", client, user_id=caller.user.id, session_id=caller.session_id
        ):
            refuse_if(problems)
            refuse_if(passwords.judge_retype(new or "", retyped, what=self.policy.login_field))
            if self.policy.login_field == "email":
                await self.throttle.take(limits.mail_to(new or "", client))
            return await self._rename(caller.user.id, new or "", client)

    @settles_races
    async def confirm_name_reset(
        self,
        uid: str,
        token: str,
        asked: str | None,
        client: Client,
        *,
        retyped: str | None = None,
        found: Sequence[Problem] = (),
    ) -> User:
        """Choose a new name by the link mailed for it."""
        new = asked or ""
        # Which names are taken is told before the link is looked at, as djoser has it: so anybody can ask.
        await self.throttle.take(limits.naming(None, client))
        problems = [*(await self._vet_name(new) if asked is not None or not found else ()), *found]
        user_id = links.decode_uid(uid)
        user = None if user_id is None else await self.users.by_id(user_id)
        with refusals_noted(self.journal, "name_reset_refused", client, user_id=user.id if user else None):
            refuse_if(problems)
            refuse_if(passwords.judge_retype(new, retyped, what=self.policy.login_field))
            user = self._linked("username_reset", user, token)
            spent = replace(
                user,
                stamp=self.chance.hex(32),
                pending_email=None,
                used_link=links.fingerprint("username_reset", token),
            )
            return await self._name_and_tell(spent, new, client)

    @settles_races
    async def _rename(self, user_id: int, new: str, client: Client) -> User:
        user = await self.users.by_id(user_id)
        if user is None:
            raise NotFound
        return await self._name_and_tell(user, new, client)

    async def _name_and_tell(self, user: User, new: str, client: Client) -> User:
        work = self.store.begin()
        if self.policy.login_field == "email":
            changed = AddressChange(self.policy, self.clock, self.chance).by_owner(work, user, new, client)
        else:
            changed = replace(user, username=names.fold_username(new))
            work.users.save(changed)
        if (changed.username, changed.email) != (user.username, user.email):
            self._tell_name_changed(work, user, changed, client)
        try:
            await work.commit()
        except AlreadyTaken as taken:
            raise AlreadyTaken([Problem(self._name_field, "taken")]) from taken
        self._note("name_changed", user.id, client)
        return changed

    @settles_races
    async def _set_password(self, user_id: int, password_hash: str, client: Client, *, keep: Caller) -> None:
        user = await self.users.by_id(user_id)
        if user is None:
            raise NotFound
        if user.password_hash != keep.user.password_hash:
            # Changed or reset while the new one was hashed: the current password was proven against one that is gone.
            raise InvalidInput([Problem("current_password", "wrong_password")])
        ends = self.policy.logout_on_password_change
        changed = replace(user, password_hash=password_hash, stamp=self.chance.hex(32), pending_email=None)
        if ends != "none":
            # Tokens without a session of ours (minted elsewhere) carry only their date to be told by.
            changed = replace(changed, tokens_from=self.clock.now())
        work = self.store.begin()
        work.users.save(changed)
        if ends != "none":
            work.sessions.end_all(user.id, but=keep.session_id if ends == "others" else None)
            start_anew(work, user, client, self.clock.now())
        self._tell_password_changed(work, user, client)
        await work.commit()
        self._note("password_changed", user.id, client)

    def _judge(self, password: str, user: User | None, *, compatible: bool) -> list[Problem]:
        return passwords.judge_password(
            password,
            common=self.common_passwords,
            breached=self.breached_passwords if self.policy.refuses_breached(compatible=compatible) else (),
            username=user.username if user else None,
            email=user.email if user else None,
            field="new_password",
        )

    @property
    def _proof(self) -> PasswordProof:
        return PasswordProof(self.store, self.users, self.familiar, self.throttle, self.hasher, self.journal)

    @property
    def _name_field(self) -> str:
        return f"new_{self.policy.login_field}"

    async def _vet_name(self, text: str) -> list[Problem]:
        vet = vet_email if self.policy.login_field == "email" else vet_username
        return await vet(text, self.users, field=self._name_field)

    def _linked(self, purpose: LinkPurpose, user: User | None, token: str) -> User:
        """Return the account a reset link is for, or refuse the half of it that is wrong."""
        if user is None:
            raise LinkRejected("uid")
        if links.is_spent(purpose, user, token):
            raise LinkRejected("token", "spent")
        verdict = self._judge_link(purpose, user, token)
        if verdict != "genuine":
            raise LinkRejected("token", verdict)
        return user

    def _judge_link(self, purpose: LinkPurpose, user: User, token: str) -> links.Verdict:
        if not user.is_active:
            # A link mailed while the account was active must not open it once it is not.
            return "wrong"
        return links.judge_link(
            purpose,
            user,
            user.email,
            token,
            self.link_signer,
            now=self.clock.now(),
            lifetime=self.policy.reset_timeout,
        )

    def _tells_unknown(self, purpose: LinkPurpose) -> bool:
        if purpose == "password_reset":
            return self.policy.password_reset_tells_unknown
        return self.policy.username_reset_tells_unknown

    def _tell_password_changed(self, work: UnitOfWork, user: User, client: Client) -> None:
        if self.policy.password_changed_email:
            work.outbox.put(_notice("password_changed", user.email, user, client, self.clock.now()))

    def _tell_name_changed(self, work: UnitOfWork, before: User, after: User, client: Client) -> None:
        if self.policy.username_changed_email:
            for address in dict.fromkeys((after.email, before.email)):
                work.outbox.put(_notice("username_changed", address, after, client, self.clock.now()))

    def _note(self, what: str, user_id: int | None, client: Client) -> None:
        self.journal.note(Fact(what=what, user_id=user_id, address=client.address, agent=client.agent))


def _reset_mail(purpose: LinkPurpose, email: str, client: Client, now: float) -> Mail:
    return Mail(kind=purpose, to=email, address=client.address, agent=client.agent, at=now, language=client.language)


def _notice(kind: MailKind, to: str, user: User, client: Client, now: float) -> Mail:
    return Mail(
        kind=kind,
        to=to,
        user_id=user.id,
        address=client.address,
        agent=client.agent,
        at=now,
        language=client.language,
    )
