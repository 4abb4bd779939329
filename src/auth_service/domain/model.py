"""The things the service keeps and hands out: flat, frozen values.

Times are seconds since 1970 in UTC. A Struct that holds a secret hides it from its own `repr`, so that no log,
traceback or assertion can spell it out.
"""

import re
from typing import Final, Literal

from msgspec import Struct

UserState = Literal["pending", "active", "deactivated"]
SessionKind = Literal["jwt", "opaque", "browser"]
TokenType = Literal["access", "refresh"]
MailKind = Literal[
    "activation",
    "confirmation",
    "password_reset",
    "password_changed",
    "username_reset",
    "username_changed",
    "email_changed",
    "session_ended_by_reuse",
    "new_device",
    "already_registered",
]
Keep = Literal["each", "alike_once", "never"]
MailState = Literal["waiting", "sent", "dead", "superseded", "dropped"]
LinkPurpose = Literal["activation", "password_reset", "username_reset"]


class NewUser(Struct, frozen=True, kw_only=True):
    """An account that is about to be stored: everything but its id, which the store gives."""

    username: str | None
    email: str
    password_hash: str
    state: UserState
    stamp: str
    created_at: float
    email_confirmed: bool = False
    is_staff: bool = False
    language: str = ""

    def __repr__(self) -> str:
        """Show no secret."""
        return f"NewUser(username={self.username!r}, state={self.state!r})"


class User(Struct, frozen=True, kw_only=True):
    """A person's account.

    Two facts, not one: `state` says whether they may sign in, `email_confirmed` whether the address is proven. Nothing
    that is mailed lifts a deactivation. `stamp` is random and changes with password and address, so every link made
    before is dead, and a `pending_email` goes with it; `version` counts changes, so of two at once one wins.
    `used_link` is a fingerprint of the link that was used last and died of it: it can be told from one that is wrong.
    `language` is what they read; empty where they never said.
    """

    id: int
    username: str | None
    email: str
    password_hash: str
    state: UserState
    email_confirmed: bool
    is_staff: bool
    stamp: str
    created_at: float
    pending_email: str | None = None
    used_link: str = ""
    signed_in_at: float = 0.0
    tokens_from: float = 0.0
    version: int = 1
    language: str = ""

    @property
    def is_active(self) -> bool:
        """May this person sign in and use what they were given before?"""
        return self.state == "active"

    def __repr__(self) -> str:
        """Show no secret."""
        return f"User(id={self.id!r}, username={self.username!r}, state={self.state!r})"


class UserSearch(Struct, frozen=True, kw_only=True):
    """Which accounts are wanted: those that fit all that is given.

    `text` stands in the name or in the address, or is the id.
    """

    text: str = ""
    state: UserState | None = None
    is_staff: bool | None = None
    email_confirmed: bool | None = None

    @property
    def user_id(self) -> int | None:
        """The id that the text may be."""
        return int(self.text) if re.fullmatch(r"[0-9]{1,19}", self.text) else None


class Client(Struct, frozen=True):
    """Where a request comes from, as far as the service can know, and the language it wishes to be answered in."""

    address: str = ""
    agent: str = ""
    language: str = ""


NOWHERE: Final = Client()


class Session(Struct, frozen=True, kw_only=True):
    """One sign-in on one device. It owns its refresh tokens; when it is gone, so is everything issued in it.

    `refresh_id` is the id of the one live refresh token. `spent_refresh_id` was rotated away at `rotated_at`.
    An opaque session has the hash of its token instead, and no end of its own. So has a browser's, which was opened on
    our own pages and ends in any case.
    """

    id: str
    user_id: int
    kind: SessionKind
    created_at: float
    last_seen_at: float
    expires_at: float | None
    address: str = ""
    agent: str = ""
    token_hash: str | None = None
    refresh_id: str | None = None
    spent_refresh_id: str | None = None
    rotated_at: float | None = None
    refresh_revoked: bool = False


class Caller(Struct, frozen=True):
    """Who is calling: the account, and the session it came by. Tokens minted elsewhere have no session here."""

    user: User
    session: Session | None = None

    @property
    def session_id(self) -> str | None:
        """The id of the session behind this call, where there is one."""
        return self.session.id if self.session else None


class Claims(Struct, frozen=True):
    """What a signed token says. Every claim may be absent or odd until `rotation.judge` has looked at it."""

    token_type: object = None
    exp: object = None
    iat: object = None
    nbf: object = None
    jti: object = None
    user_id: object = None
    sid: object = None


class TokenPair(Struct, frozen=True):
    """An access token, and the refresh token that gets the next one; None where the caller keeps the one it has."""

    access: str
    refresh: str | None

    def __repr__(self) -> str:
        """Show no secret."""
        return "TokenPair(…)"


class Link(Struct, frozen=True):
    """The two halves of a mailed link: whose it is, and the proof that we made it."""

    uid: str
    token: str

    def __repr__(self) -> str:
        """Show no secret."""
        return f"Link(uid={self.uid!r}, …)"


class Mail(Struct, frozen=True, kw_only=True):
    """A mail that is due: its kind and to whom, never its text and never its link.

    `user_id` is None where the person is to be looked up by the address when the mail goes out: an address that
    nobody has then gets nothing, and whoever asked for the mail cannot tell. `language` is the wish of whoever caused
    it; what the person chose goes before.
    """

    kind: MailKind
    to: str
    user_id: int | None = None
    address: str = ""
    agent: str = ""
    at: float = 0.0
    language: str = ""


class KeptFact(Struct, frozen=True, kw_only=True):
    """A fact in the journal, as staff see it: the outcome, and when it came about."""

    id: int
    at: float
    what: str
    user_id: int | None
    session_id: str | None
    address: str
    agent: str
    why: str


class QueuedMail(Struct, frozen=True, kw_only=True):
    """A mail in the outbox, claimed for sending. `message_id` stays the same however often it is tried."""

    id: int
    message_id: str
    attempts: int
    mail: Mail


class KeptMail(Struct, frozen=True, kw_only=True):
    """A mail in the outbox as its operator sees it: what became of it so far, and why.

    While it waits it may be held by a postman, who is sending it just now.
    """

    id: int
    message_id: str
    state: MailState
    held: bool
    attempts: int
    due_at: float
    why: str
    mail: Mail


class Letter(Struct, frozen=True, kw_only=True):
    """All a mailer needs to write and send one mail."""

    message_id: str
    kind: MailKind
    to: str
    username: str | None = None
    email: str = ""
    link: str | None = None
    link_lifetime: float = 0.0
    address: str = ""
    agent: str = ""
    at: float = 0.0
    language: str = "en"

    def __repr__(self) -> str:
        """Show no secret."""
        return f"Letter(kind={self.kind!r}, message_id={self.message_id!r})"


class Fact(Struct, frozen=True, kw_only=True):
    """One outcome worth remembering. Never holds a secret, nor anything a person typed that could be one.

    `keep` says what of it stays beyond the log: `each`; of many alike within a moment one that says how many they were,
    where whoever floods could cause thousands; or nothing, where it is routine.
    """

    what: str
    user_id: int | None = None
    session_id: str | None = None
    address: str = ""
    agent: str = ""
    why: str = ""
    keep: Keep = "each"
