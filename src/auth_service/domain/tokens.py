"""Tokens: signing in, and everything that is done with what one gets for it."""

import hashlib
from dataclasses import dataclass
from math import isinf

from auth_service.domain import rotation
from auth_service.domain.errors import Conflict, TokenRejected
from auth_service.domain.familiar import arrive
from auth_service.domain.lifetimes import SEEN_EVERY, is_over, latest_end
from auth_service.domain.minting import Mint
from auth_service.domain.model import (
    NOWHERE,
    Caller,
    Claims,
    Client,
    Fact,
    Keep,
    Session,
    SessionKind,
    TokenPair,
    User,
)
from auth_service.domain.outcomes import note_refusal, refusals_noted
from auth_service.domain.policy import Policy
from auth_service.domain.ports.crypto import PasswordHasher, TokenSigner
from auth_service.domain.ports.familiar import Familiar
from auth_service.domain.ports.sessions import Attendance, Sessions
from auth_service.domain.ports.store import Store
from auth_service.domain.ports.surroundings import Chance, Clock, Journal
from auth_service.domain.ports.throttle import Throttle
from auth_service.domain.ports.users import Users
from auth_service.domain.proof import PasswordProof, Proven
from auth_service.domain.races import settles_races
from auth_service.domain.replay import Replay
from auth_service.domain.rotation import Known, Verdict

_OPAQUE_DIGITS = 40
_AGENT_KEPT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Signs people in and tells who a token belongs to. Every sign-in is a session; without it no token is good."""

    policy: Policy
    store: Store
    users: Users
    sessions: Sessions
    attendance: Attendance
    familiar: Familiar
    throttle: Throttle
    hasher: PasswordHasher
    signer: TokenSigner
    clock: Clock
    chance: Chance
    journal: Journal

    async def issue(self, name: str, password: str, client: Client, *, by: str = "identifier") -> TokenPair:
        """Sign in and get a pair of tokens. `by` says what the name is: `username`, `email`, or `identifier`."""
        proven = await self._proof.of(name, password, client, by=by)
        user = proven.user
        refresh_id, now = self.chance.hex(32), self.clock.now()
        ends = min(now + self.policy.refresh_lifetime, latest_end("jwt", now, self.policy))
        session = self._session(user, "jwt", client, now=now, expires_at=ends, refresh_id=refresh_id)
        await self._open(session, proven, client)
        self._note("signed_in", user.id, session.id, client)
        return TokenPair(self._mint.access(user, session, now), self._mint.refresh(user, session, now, refresh_id))

    async def _open(self, session: Session, proven: Proven, client: Client) -> None:
        try:
            await self._write(session, proven, client)
        except Conflict:
            await self._open_again(session, proven.user, client)

    async def _write(self, session: Session, proven: Proven, client: Client) -> None:
        user, place = proven
        work = self.store.begin()
        if session.token_hash is not None:
            work.users.signed_in(user.id, session.created_at)
        work.sessions.open(session, stamp=user.stamp)
        arrive(work, user, place, client, now=session.created_at, policy=self.policy)
        await work.commit()

    @settles_races
    async def _open_again(self, session: Session, proven: User, client: Client) -> None:
        """Open a session whose account, or place, has changed since the proof, if the proof still holds."""
        await self._write(session, await self._proof.still_holds(proven, client), client)

    async def issue_opaque(self, name: str, password: str, client: Client, *, by: str = "identifier") -> str:
        """Sign in and get a token that says nothing; one of its own for each sign-in."""
        return await self._issue_secret(await self._proof.of(name, password, client, by=by), "opaque", client)

    async def issue_browser(self, name: str, password: str, client: Client) -> str:
        """Sign in on our own pages and get a token for a cookie; however often it is used, it has its end."""
        proven = await self._proof.of(name, password, client, by="identifier")
        return await self._issue_secret(proven, "browser", client)

    async def _issue_secret(self, proven: Proven, kind: SessionKind, client: Client) -> str:
        user = proven.user
        token, now = self.chance.hex(_OPAQUE_DIGITS), self.clock.now()
        ends = latest_end(kind, now, self.policy)
        session = self._session(
            user, kind, client, now=now, expires_at=None if isinf(ends) else ends, token_hash=_hash(token)
        )
        await self._open(session, proven, client)
        self._note("signed_in", user.id, session.id, client)
        return token

    async def identify(self, access: str) -> Caller:
        """Tell who an access token belongs to."""
        now = self.clock.now()
        return await self._in_force(rotation.judge(await self._read(access), now, expects="access"), now)

    async def identify_opaque(self, token: str) -> Caller:
        """Tell who an opaque token belongs to."""
        return await self._identify_secret(token, "opaque")

    async def identify_browser(self, token: str) -> Caller:
        """Tell who a browser's cookie belongs to; no other token will do, nor will a cookie's anywhere else."""
        return await self._identify_secret(token, "browser")

    async def _identify_secret(self, token: str, kind: SessionKind) -> Caller:
        found = await self.sessions.by_token(_hash(token))
        if found is None or found[0].kind != kind:
            raise TokenRejected("opaque_unknown")
        session, user = found
        now = self.clock.now()
        if is_over(session, now, self.policy):
            raise TokenRejected("opaque_unknown")
        if not user.is_active:
            raise TokenRejected("opaque_inactive")
        self._seen(session, now)
        return Caller(user, session)

    async def refresh(self, token: str, client: Client) -> TokenPair:
        """Get a new access token for a refresh token; where rotation is on, also the refresh token's successor."""
        now = self.clock.now()
        known, caller = await self._refreshing(token, now, client)
        if caller.session is None or not self.policy.rotate_refresh:
            return TokenPair(self._mint.access(caller.user, caller.session, now), None)
        with refusals_noted(
            self.journal, "refresh_refused", client, user_id=known.user_id, session_id=known.session_id
        ):
            return await self._rotate(known, client)

    async def verify(self, token: str, client: Client = NOWHERE) -> None:
        """Return if a token of any kind is good here and now."""
        now = self.clock.now()
        claims = await self._read(token)
        known = rotation.judge(claims, now, expects=None)
        if claims.token_type == "refresh":  # noqa: S105 - a kind
            await self._refreshing(token, now, client)
        else:
            await self._in_force(known, now)

    @settles_races
    async def revoke(self, token: str, client: Client) -> None:
        """Make a refresh token worthless. Access tokens given for it live out their minutes, as simplejwt has it."""
        now = self.clock.now()
        known, caller = await self._refreshing(token, now, client)
        work = self.store.begin()
        if caller.session is None:
            work.sessions.revoke_foreign(known.token_id, expires_at=known.expires_at)
        else:
            ends = min(now + self.policy.access_lifetime, caller.session.expires_at or known.expires_at)
            work.sessions.revoke_refresh(caller.session.id, expires_at=ends)
        await work.commit()
        self._note("refresh_revoked", caller.user.id, caller.session_id, client)

    async def sign_out(self, token: str, client: Client) -> None:
        """End the session that a refresh token belongs to: nothing issued in it is good any more.

        A token that was rotated away still signs out; one that was minted elsewhere is revoked, as it has no session.
        """
        now = self.clock.now()
        known = rotation.judge(await self._read(token), now, expects="refresh")
        with refusals_noted(
            self.journal, "sign_out_refused", client, user_id=known.user_id, session_id=known.session_id
        ):
            caller = await self._in_force(known, now)
        if caller.session is None:
            await self.revoke(token, client)
            return
        work = self.store.begin()
        work.sessions.end(caller.session.id)
        await work.commit()
        self._note("signed_out", caller.user.id, caller.session.id, client)

    async def _read(self, token: str) -> Claims:
        try:
            return self.signer.read(token)
        except TokenRejected:
            # Another process may sign with a key that this one has not seen yet.
            if not await self.signer.learn(token):
                raise
            return self.signer.read(token)

    async def _in_force(self, known: Known, now: float) -> Caller:
        if known.session_id is not None:
            found = await self.sessions.with_user(known.session_id)
            if found is not None:
                session, owner = found
                if known.user_id != owner.id:
                    raise TokenRejected("invalid")
                rotation.refuse_unless_in_force(owner, session, known, now, self.policy)
                self._seen(session, now)
                return Caller(owner, session)
        user = None if known.user_id is None else await self.users.by_id(known.user_id)
        if user is None:
            raise TokenRejected("user_unknown")
        if known.session_id is not None:
            # Ours, and signed out; whether the account is active is told first, as it is for a living session.
            raise TokenRejected("revoked" if user.is_active else "user_inactive")
        rotation.refuse_unless_in_force(user, None, known, now, self.policy)
        return Caller(user)

    async def _refreshing(self, token: str, now: float, client: Client) -> tuple[Known, Caller]:
        """Return whose refresh token this is, if it can still be used; a reused one ends its session."""
        # What is not ours, or has run out, is refused here and not noted: anybody can send any amount of it.
        known = rotation.judge(await self._read(token), now, expects="refresh")
        # Not by `with`: this is the road of every refresh, and `try` costs nothing.
        try:
            caller = await self._in_force(known, now)
            verdict = await self._verdict(caller, known, now)
        except TokenRejected as refusal:
            note_refusal(
                self.journal, "refresh_refused", client, refusal, user_id=known.user_id, session_id=known.session_id
            )
            raise
        if verdict == "reused" and caller.session is not None:
            await Replay(self.store, self.sessions, self.clock, self.journal).answer(caller.session.id, client)
            raise TokenRejected("revoked")
        return known, caller

    async def _verdict(self, caller: Caller, known: Known, now: float) -> Verdict:
        if caller.session is not None:
            verdict = rotation.decide_refresh(caller.session, known.token_id, now, grace=self.policy.refresh_grace)
        else:
            verdict = "revoked" if await self.sessions.is_revoked(known.token_id) else "live"
        if verdict == "revoked":
            raise TokenRejected("revoked")
        return verdict

    @settles_races
    async def _rotate(self, known: Known, client: Client) -> TokenPair:
        """Put a successor in the place of a refresh token. Of many at once one writes it, all hand out the same."""
        now = self.clock.now()
        caller = await self._in_force(known, now)
        session = caller.session
        if session is None:
            raise TokenRejected("revoked")
        verdict = rotation.decide_refresh(session, known.token_id, now, grace=self.policy.refresh_grace)
        if verdict == "live":
            successor = self.chance.hex(32)
            work = self.store.begin()
            work.sessions.rotate(
                session.id,
                spent=known.token_id,
                successor=successor,
                at=now,
                expires_at=min(
                    now + self.policy.refresh_lifetime, latest_end(session.kind, session.created_at, self.policy)
                ),
            )
            await work.commit()
            # Not for keeps: every session does it every few minutes, and nobody is let in who was not in already.
            self._note("refreshed", caller.user.id, session.id, client, keep="never")
            issued = now
        elif verdict == "retry" and session.refresh_id is not None:
            successor, issued = session.refresh_id, session.rotated_at or now
        else:
            raise TokenRejected("revoked")
        mint = self._mint
        return TokenPair(mint.access(caller.user, session, now), mint.refresh(caller.user, session, issued, successor))

    def _session(
        self,
        user: User,
        kind: SessionKind,
        client: Client,
        *,
        now: float,
        expires_at: float | None = None,
        refresh_id: str | None = None,
        token_hash: str | None = None,
    ) -> Session:
        return Session(
            id=self.chance.hex(32),
            user_id=user.id,
            kind=kind,
            created_at=now,
            last_seen_at=now,
            expires_at=expires_at,
            address=client.address,
            agent=client.agent[:_AGENT_KEPT],
            refresh_id=refresh_id,
            token_hash=token_hash,
        )

    @property
    def _proof(self) -> PasswordProof:
        return PasswordProof(self.store, self.users, self.familiar, self.throttle, self.hasher, self.journal)

    @property
    def _mint(self) -> Mint:
        return Mint(self.policy, self.signer, self.chance)

    def _seen(self, session: Session, now: float) -> None:
        if now - session.last_seen_at > SEEN_EVERY:
            self.attendance.seen(session.id, now)

    def _note(self, what: str, user_id: int, session_id: str | None, client: Client, *, keep: Keep = "each") -> None:
        self.journal.note(
            Fact(
                what=what,
                user_id=user_id,
                session_id=session_id,
                address=client.address,
                agent=client.agent,
                keep=keep,
            )
        )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
