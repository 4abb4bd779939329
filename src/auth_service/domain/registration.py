"""Registration: becoming a person with an account, and proving an address."""

from collections.abc import Container, Sequence
from dataclasses import dataclass

from msgspec import Struct
from msgspec.structs import replace

from auth_service.domain import limits, links, names, passwords
from auth_service.domain.errors import (
    ActivationOff,
    AlreadyTaken,
    LinkRejected,
    LinkSpent,
    Problem,
    refuse_if,
)
from auth_service.domain.model import Client, Fact, Mail, MailKind, NewUser, User
from auth_service.domain.outcomes import refusals_noted
from auth_service.domain.policy import Policy
from auth_service.domain.ports.crypto import LinkSigner, PasswordHasher
from auth_service.domain.ports.store import Store
from auth_service.domain.ports.surroundings import Chance, Clock, Journal
from auth_service.domain.ports.throttle import Throttle
from auth_service.domain.ports.users import Users
from auth_service.domain.races import settles_races
from auth_service.domain.vetting import vet_asked, vet_email, vet_username

# RFC 2606, 2: no mail ever leads there.
_NOBODYS_DOMAIN = "taken.invalid"


class SignUp(Struct, frozen=True, kw_only=True):
    """What a newcomer typed; None where it could not even be read."""

    username: str | None = None
    email: str | None = None
    password: str | None = None
    retyped: str | None = None

    def __repr__(self) -> str:
        """Never spells out the password."""
        return f"SignUp(username={self.username!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """Lets people in. An account is made with its mail or not at all."""

    policy: Policy
    store: Store
    users: Users
    throttle: Throttle
    hasher: PasswordHasher
    link_signer: LinkSigner
    common_passwords: Container[str]
    breached_passwords: Container[str]
    clock: Clock
    chance: Chance
    journal: Journal

    async def register(
        self, new: SignUp, client: Client, *, found: Sequence[Problem] = (), compatible: bool = False
    ) -> User:
        """Make an account. `found` are faults the caller saw while reading: they are named together with ours."""
        with refusals_noted(self.journal, "registration_refused", client):
            return await self._register(new, client, found, compatible=compatible)

    async def _register(self, new: SignUp, client: Client, found: Sequence[Problem], *, compatible: bool) -> User:
        # First of all: to be told which names are taken is worth guessing, too.
        await self.throttle.take(limits.registration(client))
        await self._refuse_unless_fit(new, found, compatible=compatible)
        hides = self.policy.registration_hides_accounts
        if hides:
            # Whose address it is gets a mail, whoever typed it.
            await self.throttle.take(limits.mail_to(new.email or "", client))
        user = NewUser(
            username=None if new.username is None else names.fold_username(new.username),
            email=names.tidy_email(new.email or ""),
            password_hash=await self.hasher.hash(new.password or ""),
            state="pending" if self.policy.activation == "required" else "active",
            stamp=self.chance.hex(32),
            created_at=self.clock.now(),
            language=client.language,
        )
        try:
            return await self._store(user, await self.users.by_email(user.email) if hides else None, client)
        except AlreadyTaken:
            # Somebody took the name between the look and the commit: name every field that is taken by now.
            refuse_if(await self._problems_with_names(new))
            if not hides:
                raise
            return await self._store(user, await self.users.by_email(user.email), client)

    async def _refuse_unless_fit(self, new: SignUp, found: Sequence[Problem], *, compatible: bool) -> None:
        problems = [*found, *await self._problems_with_names(new)]
        if new.email is None and not found:
            problems.append(Problem("email", "required"))
        if new.password is None and not found:
            problems.append(Problem("password", "required"))
        refuse_if(problems)
        password = new.password or ""
        refuse_if(
            passwords.judge_password(
                password,
                common=self.common_passwords,
                breached=self.breached_passwords if self.policy.refuses_breached(compatible=compatible) else (),
                username=new.username,
                email=new.email,
            )
        )
        refuse_if(passwords.judge_retype(password, new.retyped, what="password"))

    async def _store(self, user: NewUser, owner: User | None, client: Client) -> User:
        """Store an account with its mail; where the address has an `owner`, what looks the same from outside.

        The name has to be taken afterwards, and the id spent: so a row is stored that nobody can ever use.
        """
        # Made in any case: what takes time takes it for all.
        decoy = self._decoy(user)
        work = self.store.begin()
        work.users.add(user if owner is None else decoy)
        if mail := self._welcome(user) if owner is None else _news_for(owner, user, client):
            work.outbox.put(mail)
        await work.commit()
        if owner is None:
            self._note("registered", work.new_user_id, client)
        else:
            self._note("registered_again", owner.id, client)
        return _as_stored(user, work.new_user_id)

    async def check_link(self, uid: str, token: str) -> str:
        """Return the address a link would prove, or refuse as `activate` would: to look at a link is not to use it."""
        user_id = links.decode_uid(uid)
        user = None if user_id is None else await self.users.by_id(user_id)
        if user is None:
            raise LinkRejected("uid")
        return self._proven(user, token).email

    def _decoy(self, user: NewUser) -> NewUser:
        return replace(user, email=f"{self.chance.hex(32)}@{_NOBODYS_DOMAIN}", state="deactivated")

    def _welcome(self, user: NewUser) -> Mail | None:
        if self.policy.confirms_addresses:
            return Mail(kind="activation", to=user.email, at=user.created_at, language=user.language)
        if self.policy.send_confirmation_email:
            return Mail(kind="confirmation", to=user.email, at=user.created_at, language=user.language)
        return None

    @settles_races
    async def activate(self, uid: str, token: str, client: Client) -> User:
        """Prove an address by the link mailed to it: that of a new account, or the new one of an old account."""
        user_id = links.decode_uid(uid)
        user = None if user_id is None else await self.users.by_id(user_id)
        with refusals_noted(self.journal, "activation_refused", client, user_id=user.id if user else None):
            if user is None:
                raise LinkRejected("uid")
            changed = self._proven(user, token)
            await self._save_proven(user, changed, client)
        self._note("activated", user.id, client)
        return changed

    async def _save_proven(self, user: User, changed: User, client: Client) -> None:
        work = self.store.begin()
        work.users.save(changed)
        if changed.email != user.email:
            work.outbox.put(self._told("email_changed", user, client))
        elif self.policy.send_confirmation_email:
            work.outbox.put(self._told("confirmation", changed, client))
        try:
            await work.commit()
        except AlreadyTaken:
            # The new address has become somebody else's since the link was mailed.
            raise LinkRejected("token") from None

    async def resend(self, asked: str | None, client: Client, *, found: Sequence[Problem] = ()) -> None:
        """Mail the activation link again. The answer is the same whoever asks for whomever: the postman looks."""
        refuse_if(vet_asked(asked, found))
        email = asked or ""
        if not self.policy.confirms_addresses:
            raise ActivationOff
        with refusals_noted(self.journal, "activation_request_refused", client):
            await self.throttle.take(limits.mail_to(email, client))
        work = self.store.begin()
        work.outbox.put(
            Mail(
                kind="activation",
                to=email,
                address=client.address,
                agent=client.agent,
                at=self.clock.now(),
                language=client.language,
            )
        )
        await work.commit()
        self._note("activation_requested", None, client)

    def _proven(self, user: User, token: str) -> User:
        """Return the account with the address proven that this token was mailed to."""
        if links.is_spent("activation", user, token):
            raise LinkSpent
        if user.state == "deactivated":
            raise LinkRejected("token")
        if user.pending_email and (verdict := self._judge(user, user.pending_email, token)) != "wrong":
            _refuse_expired(verdict)
            return replace(
                user,
                email=user.pending_email,
                pending_email=None,
                state="active",
                email_confirmed=True,
                stamp=self.chance.hex(32),
                used_link=links.fingerprint("activation", token),
            )
        verdict = self._judge(user, user.email, token)
        if verdict == "wrong":
            raise LinkRejected("token")
        _refuse_expired(verdict)
        if user.email_confirmed:
            raise LinkSpent
        return replace(user, state="active", email_confirmed=True)

    def _judge(self, user: User, address: str, token: str) -> links.Verdict:
        return links.judge_link(
            "activation",
            user,
            address,
            token,
            self.link_signer,
            now=self.clock.now(),
            lifetime=self.policy.activation_timeout,
        )

    async def _problems_with_names(self, new: SignUp) -> list[Problem]:
        problems = []
        if new.username is not None:
            problems += await vet_username(new.username, self.users)
        if new.email is not None and self.policy.registration_hides_accounts:
            problems += names.judge_email(new.email)
        elif new.email is not None:
            problems += await vet_email(new.email, self.users)
        return problems

    def _told(self, kind: MailKind, user: User, client: Client) -> Mail:
        return Mail(kind=kind, to=user.email, user_id=user.id, at=self.clock.now(), language=client.language)

    def _note(self, what: str, user_id: int | None, client: Client) -> None:
        self.journal.note(Fact(what=what, user_id=user_id, address=client.address, agent=client.agent))


def _refuse_expired(verdict: links.Verdict) -> None:
    if verdict == "expired":
        raise LinkRejected("token", "expired")


def _news_for(owner: User, user: NewUser, client: Client) -> Mail:
    """Return what the owner of an address is told when somebody registers with it: for most, that they need not."""
    if owner.state == "pending":
        return Mail(kind="activation", to=owner.email, at=user.created_at, language=user.language)
    return Mail(
        kind="already_registered",
        to=owner.email,
        user_id=owner.id,
        address=client.address,
        agent=client.agent,
        at=user.created_at,
        language=user.language,
    )


def _as_stored(user: NewUser, user_id: int) -> User:
    return User(
        id=user_id,
        username=user.username,
        email=user.email,
        password_hash=user.password_hash,
        state=user.state,
        email_confirmed=user.email_confirmed,
        is_staff=user.is_staff,
        stamp=user.stamp,
        created_at=user.created_at,
        language=user.language,
    )
