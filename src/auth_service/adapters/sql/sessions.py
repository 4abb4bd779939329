"""Sign-ins in SQL."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec.structs import asdict

from auth_service.adapters.sql import statements
from auth_service.adapters.sql.database import Database, Row
from auth_service.adapters.sql.statements import SESSION_COLUMNS, Write
from auth_service.adapters.sql.users import read_user
from auth_service.domain.model import Session, SessionKind, User

_WIDTH = len(SESSION_COLUMNS)


def read_session(row: Row) -> Session:
    """Return the session in a row that begins with `SESSION_COLUMNS`."""
    return Session(
        id=row[0],
        user_id=row[1],
        kind=row[2],
        created_at=row[3],
        last_seen_at=row[4],
        expires_at=row[5],
        address=row[6],
        agent=row[7],
        token_hash=row[8],
        refresh_id=row[9],
        spent_refresh_id=row[10],
        rotated_at=row[11],
        refresh_revoked=bool(row[12]),
    )


@dataclass(frozen=True, slots=True)
class SqlSessions:
    """Finds sign-ins, with their account in the same round trip."""

    database: Database

    async def with_user(self, session_id: str) -> tuple[Session, User] | None:
        """Find by id."""
        return _both(await self.database.one(statements.SESSION_WITH_USER, {"id": session_id}))

    async def by_token(self, token_hash: str) -> tuple[Session, User] | None:
        """Find by the hash of an opaque token."""
        return _both(await self.database.one(statements.SESSION_BY_TOKEN, {"token_hash": token_hash}))

    async def of_user(self, user_id: int) -> Sequence[Session]:
        """Return a person's sessions, the newest first."""
        rows = await self.database.rows(statements.SESSIONS_OF_USER, {"user_id": user_id})
        return [read_session(row) for row in rows]

    async def is_revoked(self, token_id: str) -> bool:
        """Say whether a token minted elsewhere was revoked here."""
        return await self.database.one(statements.IS_REVOKED, {"id": token_id}) is not None


@dataclass(frozen=True, slots=True)
class SqlSessionChanges:
    """Collects changes of sessions."""

    writes: list[Write]

    def open(self, session: Session, *, stamp: str) -> None:
        """Add a session if its account is still what it was."""
        self.writes.append(Write(statements.OPEN_SESSION, {**asdict(session), "stamp": stamp}, must_hit=True))

    def rotate(self, session_id: str, *, spent: str, successor: str, at: float, expires_at: float) -> None:
        """Replace the live refresh token if it is still that one."""
        values = {"the_id": session_id, "spent": spent, "successor": successor, "at": at, "ends": expires_at}
        self.writes.append(Write(statements.ROTATE, values, must_hit=True))

    def revoke_refresh(self, session_id: str, *, expires_at: float) -> None:
        """Take the refresh token away if it is still there."""
        values = {"the_id": session_id, "ends": expires_at}
        self.writes.append(Write(statements.REVOKE_REFRESH, values, must_hit=True))

    def revoke_foreign(self, token_id: str, *, expires_at: float) -> None:
        """Remember a token minted elsewhere; its key settles who was first."""
        self.writes.append(Write(statements.REVOKE_FOREIGN, {"id": token_id, "expires_at": expires_at}))

    def end(self, session_id: str) -> None:
        """End one session."""
        self.writes.append(Write(statements.END_SESSION, {"the_id": session_id}))

    def end_once(self, session_id: str) -> None:
        """End one session if it is still there."""
        self.writes.append(Write(statements.END_SESSION, {"the_id": session_id}, must_hit=True))

    def end_everybodys(self, at: float) -> None:
        """End all sessions, and date everybody's tokens."""
        self.writes.append(Write(statements.END_EVERY_SESSION, {}))
        self.writes.append(Write(statements.VOID_FOREIGN_TOKENS, {"at": at}))

    def end_all(self, user_id: int, *, but: str | None = None, kind: SessionKind | None = None) -> None:
        """End a person's sessions."""
        values = {"the_user": user_id, "but": but or "", "kind": kind or ""}
        self.writes.append(Write(statements.END_SESSIONS, values))


@dataclass(frozen=True, slots=True)
class SqlAttendance:
    """Keeps when sessions were last used, and writes it down now and then, all in one commit."""

    database: Database
    _seen: dict[str, float] = field(default_factory=dict)

    def seen(self, session_id: str, at: float) -> None:
        """Note it; nobody waits."""
        self._seen[session_id] = at

    async def write_down(self) -> None:
        """Store what was noted since the last time."""
        noted = dict(self._seen)
        self._seen.clear()
        if not noted:
            return
        try:
            # In one order for all processes: of two that write down the same sessions, neither waits for the other.
            await self.database.write(
                [Write(statements.SEEN, {"the_id": key, "at": noted[key]}) for key in sorted(noted)]
            )
        except Exception:
            # For the next time; what was seen since then is newer.
            self._seen.update({**noted, **self._seen})
            raise


def _both(row: Row | None) -> tuple[Session, User] | None:
    return None if row is None else (read_session(row), read_user(row[_WIDTH:]))
