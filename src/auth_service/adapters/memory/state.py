"""What the memory adapters share: all that is kept, and how it changes."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from msgspec import Struct

from auth_service.domain.model import Mail, MailState, Session, User


class StoredMail(Struct, frozen=True, kw_only=True):
    """A mail in the outbox: when it may be claimed, how long somebody holds it, and what became of it."""

    id: int
    message_id: str
    mail: Mail
    lane: str
    due_at: float
    held_until: float = 0.0
    state: MailState = "waiting"
    attempts: int = 0
    why: str = ""


@dataclass(slots=True)
class Tables:
    """What is kept, with the indexes that make names and addresses unique."""

    users: dict[int, User] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    addresses: dict[str, int] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    revoked: dict[str, float] = field(default_factory=dict)
    familiar: dict[int, dict[str, float]] = field(default_factory=dict)
    mails: dict[int, StoredMail] = field(default_factory=dict)
    last_user_id: int = 0
    last_mail_id: int = 0

    def copy(self) -> "Tables":
        """Return tables that can be changed without changing these."""
        return replace(
            self,
            users=dict(self.users),
            names=dict(self.names),
            addresses=dict(self.addresses),
            sessions=dict(self.sessions),
            revoked=dict(self.revoked),
            familiar=dict(self.familiar),
            mails=dict(self.mails),
        )


Write = Callable[[Tables], None]


class Memory:
    """Holds the tables that several adapters look at. A commit writes to a copy and puts it in place whole."""

    def __init__(self) -> None:
        self.tables = Tables()
        self.mail_queued = asyncio.Event()

    async def read(self) -> Tables:
        """Return the tables as they are now, after giving way to others: a race that a database has must show here."""
        await asyncio.sleep(0)
        return self.tables

    async def write(self, writes: list[Write]) -> None:
        """Carry out all writes, or none where one of them raises."""
        await asyncio.sleep(0)
        draft = self.tables.copy()
        for write in writes:
            write(draft)
        if draft.last_mail_id > self.tables.last_mail_id:
            self.mail_queued.set()
        self.tables = draft
