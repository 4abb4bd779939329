"""What is stored: the tables, and nothing else. Times are seconds since 1970, in UTC."""

from advanced_alchemy.base import AdvancedDeclarativeBase
from advanced_alchemy.types import BigIntIdentity
from sqlalchemy import BigInteger, Boolean, Double, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

_NAME = 150
_ADDRESS = 254
# Folding can make a name longer; nothing that `names` accepts outgrows this.
_KEY = 600
_LANGUAGE = 16


class UserRow(AdvancedDeclarativeBase):
    """An account. Names and addresses are unique on their keys, so that looking one up never computes anything."""

    __tablename__ = "users"
    # An id is never given again: what was issued to a deleted account must not fit the next one.
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(BigIntIdentity, primary_key=True, autoincrement=True)
    username: Mapped[str | None] = mapped_column(String(_NAME))
    username_key: Mapped[str | None] = mapped_column(String(_KEY), unique=True)
    email: Mapped[str] = mapped_column(String(_ADDRESS))
    email_key: Mapped[str] = mapped_column(String(_KEY), unique=True)
    password_hash: Mapped[str] = mapped_column(String(500))
    state: Mapped[str] = mapped_column(String(20))
    email_confirmed: Mapped[bool] = mapped_column(Boolean)
    is_staff: Mapped[bool] = mapped_column(Boolean)
    stamp: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[float] = mapped_column(Double)
    pending_email: Mapped[str | None] = mapped_column(String(_ADDRESS))
    used_link: Mapped[str] = mapped_column(String(64))
    signed_in_at: Mapped[float] = mapped_column(Double)
    tokens_from: Mapped[float] = mapped_column(Double)
    version: Mapped[int] = mapped_column(BigInteger)
    language: Mapped[str] = mapped_column(String(_LANGUAGE), server_default="")


class SessionRow(AdvancedDeclarativeBase):
    """A sign-in. It goes with its account, and when it ends the row is gone: what is not here is not good."""

    __tablename__ = "sessions"
    __table_args__ = (Index("ix_sessions_expires_at", "expires_at"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[float] = mapped_column(Double)
    last_seen_at: Mapped[float] = mapped_column(Double)
    expires_at: Mapped[float | None] = mapped_column(Double)
    address: Mapped[str] = mapped_column(String(64))
    agent: Mapped[str] = mapped_column(String(200))
    token_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    refresh_id: Mapped[str | None] = mapped_column(String(64))
    spent_refresh_id: Mapped[str | None] = mapped_column(String(64))
    rotated_at: Mapped[float | None] = mapped_column(Double)
    refresh_revoked: Mapped[bool] = mapped_column(Boolean)


class RevokedTokenRow(AdvancedDeclarativeBase):
    """A refresh token minted elsewhere that was revoked here; kept until it would have expired."""

    __tablename__ = "revoked_tokens"
    __table_args__ = (Index("ix_revoked_tokens_expires_at", "expires_at"),)

    id: Mapped[str] = mapped_column(String(255), primary_key=True)
    expires_at: Mapped[float] = mapped_column(Double)


class AttemptsRow(AdvancedDeclarativeBase):
    """How often something was tried in a window of time. What it was is not readable here: the key is a hash."""

    __tablename__ = "attempts"
    __table_args__ = (Index("ix_attempts_window_ends", "window_ends"),)

    key: Mapped[str] = mapped_column(String(32), primary_key=True)
    count: Mapped[int] = mapped_column(Integer)
    window_ends: Mapped[float] = mapped_column(Double)
    # Until then nobody may try again, however few have.
    free_at: Mapped[float] = mapped_column(Double, server_default="0")


class FamiliarRow(AdvancedDeclarativeBase):
    """A place where an account signed in. Which place it is cannot be read here: it is a hash."""

    __tablename__ = "familiar"
    __table_args__ = (Index("ix_familiar_last_seen_at", "last_seen_at"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    place: Mapped[str] = mapped_column(String(32), primary_key=True)
    first_seen_at: Mapped[float] = mapped_column(Double)
    last_seen_at: Mapped[float] = mapped_column(Double)


class SigningKeyRow(AdvancedDeclarativeBase):
    """A key that signs tokens, will, or did. The private half is sealed under a secret that is not in the database."""

    __tablename__ = "signing_keys"
    __table_args__ = (
        # One signs and one is next: of two processes that make the first keys at once, this lets one through.
        Index(
            "uq_signing_keys_place",
            "state",
            unique=True,
            sqlite_where=text("state <> 'retired'"),
            postgresql_where=text("state <> 'retired'"),
        ),
        Index("ix_signing_keys_good_until", "good_until"),
    )

    kid: Mapped[str] = mapped_column(String(64), primary_key=True)
    algorithm: Mapped[str] = mapped_column(String(20))
    public: Mapped[str] = mapped_column(Text)
    sealed: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(20))
    since: Mapped[float] = mapped_column(Double)
    good_until: Mapped[float | None] = mapped_column(Double)


class MailRow(AdvancedDeclarativeBase):
    """A mail that is due, was sent, or could not be delivered. No link and no token ever stands here."""

    __tablename__ = "outbox"
    __table_args__ = (
        # The postman asks for what waits, again and again; of all mails ever sent those are few.
        Index(
            "ix_outbox_due",
            "due_at",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
        Index(
            "ix_outbox_lane",
            "lane",
            "id",
            sqlite_where=text("lane <> ''"),
            postgresql_where=text("lane <> ''"),
        ),
        Index("ix_outbox_done_at", "done_at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigIntIdentity, primary_key=True, autoincrement=True)
    message_id: Mapped[str] = mapped_column(String(300))
    kind: Mapped[str] = mapped_column(String(40))
    # Whoever asks for a mail may ask for any address; one that nobody can have is kept until the postman has looked.
    recipient: Mapped[str] = mapped_column(String(320))
    user_id: Mapped[int | None] = mapped_column(BigInteger)
    address: Mapped[str] = mapped_column(String(64))
    agent: Mapped[str] = mapped_column(String(200))
    at: Mapped[float] = mapped_column(Double)
    state: Mapped[str] = mapped_column(String(20))
    due_at: Mapped[float] = mapped_column(Double)
    leased_until: Mapped[float] = mapped_column(Double)
    attempts: Mapped[int] = mapped_column(Integer)
    why: Mapped[str] = mapped_column(String(500))
    done_at: Mapped[float | None] = mapped_column(Double)
    lane: Mapped[str] = mapped_column(String(32), server_default="")
    # When `due_at` or `leased_until` was last set: later than now, where the clock has been set back since.
    scheduled_at: Mapped[float] = mapped_column(Double, server_default="0")
    language: Mapped[str] = mapped_column(String(_LANGUAGE), server_default="")


class ChoreRow(AdvancedDeclarativeBase):
    """Work that one process does for all of them, and whose turn it is."""

    __tablename__ = "chores"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    holder: Mapped[str] = mapped_column(String(64))
    held_until: Mapped[float] = mapped_column(Double)


class JournalRow(AdvancedDeclarativeBase):
    """An outcome, sealed over the one before it. Ids are places in the chain: they are given by whoever writes it."""

    __tablename__ = "journal"
    __table_args__ = (Index("ix_journal_user_id", "user_id"), Index("ix_journal_at", "at"))

    id: Mapped[int] = mapped_column(BigIntIdentity, primary_key=True, autoincrement=False)
    at: Mapped[float] = mapped_column(Double)
    what: Mapped[str] = mapped_column(String(40))
    # No foreign key: what an account did outlives it.
    user_id: Mapped[int | None] = mapped_column(BigInteger)
    session_id: Mapped[str | None] = mapped_column(String(64))
    address: Mapped[str] = mapped_column(String(64))
    agent: Mapped[str] = mapped_column(String(200))
    why: Mapped[str] = mapped_column(String(200))
    mac: Mapped[str] = mapped_column(String(64))


class JournalHeadRow(AdvancedDeclarativeBase):
    """Both ends of the journal's chain, in the one row there is: whoever moves it may add to the journal."""

    __tablename__ = "journal_head"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    last_id: Mapped[int] = mapped_column(BigInteger)
    last_mac: Mapped[str] = mapped_column(String(64))
    gone_id: Mapped[int] = mapped_column(BigInteger)
    gone_mac: Mapped[str] = mapped_column(String(64))
    seal: Mapped[str] = mapped_column(String(64))
