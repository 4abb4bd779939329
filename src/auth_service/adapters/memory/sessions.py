"""Sign-ins in memory."""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from auth_service.adapters.memory.state import Memory, Tables, Write
from auth_service.domain.errors import Conflict
from auth_service.domain.model import Session, SessionKind, User


class MemorySessions:
    """Finds sign-ins."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def with_user(self, session_id: str) -> tuple[Session, User] | None:
        """Find a session and its account."""
        tables = await self._memory.read()
        session = tables.sessions.get(session_id)
        return None if session is None else (session, tables.users[session.user_id])

    async def by_token(self, token_hash: str) -> tuple[Session, User] | None:
        """Find the session of an opaque token and its account."""
        tables = await self._memory.read()
        found = (session for session in tables.sessions.values() if session.token_hash == token_hash)
        return next(((session, tables.users[session.user_id]) for session in found), None)

    async def of_user(self, user_id: int) -> Sequence[Session]:
        """Return a person's sessions, the newest first."""
        tables = await self._memory.read()
        found = [session for session in tables.sessions.values() if session.user_id == user_id]
        return sorted(found, key=lambda session: session.created_at, reverse=True)

    async def is_revoked(self, token_id: str) -> bool:
        """Say whether a refresh token minted elsewhere was revoked."""
        return token_id in (await self._memory.read()).revoked


class MemoryAttendance:
    """Keeps when sessions were last used, at once: nothing is gained by waiting."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def seen(self, session_id: str, at: float) -> None:
        """Note that a session was used."""
        sessions = self._memory.tables.sessions
        if session_id in sessions:
            seen = max(at, sessions[session_id].last_seen_at)
            sessions[session_id] = replace(sessions[session_id], last_seen_at=seen)


class MemorySessionChanges:
    """Collects changes of sessions."""

    def __init__(self, writes: list[Write]) -> None:
        self._writes = writes

    def open(self, session: Session, *, stamp: str) -> None:
        """Add a session to an account that is still what it was."""

        def write(tables: Tables) -> None:
            owner = tables.users.get(session.user_id)
            if owner is None or not owner.is_active or owner.stamp != stamp:
                raise Conflict
            tables.sessions[session.id] = session

        self._writes.append(write)

    def rotate(self, session_id: str, *, spent: str, successor: str, at: float, expires_at: float) -> None:
        """Put a new refresh token in the place of the live one."""

        def write(tables: Tables) -> None:
            if _refreshable(tables, session_id).refresh_id != spent:
                raise Conflict
            _change(
                tables,
                session_id,
                refresh_id=successor,
                spent_refresh_id=spent,
                rotated_at=at,
                expires_at=expires_at,
            )

        self._writes.append(write)

    def revoke_refresh(self, session_id: str, *, expires_at: float) -> None:
        """Take the refresh token from a session that has one."""

        def write(tables: Tables) -> None:
            _refreshable(tables, session_id)
            _change(tables, session_id, refresh_revoked=True, expires_at=expires_at)

        self._writes.append(write)

    def revoke_foreign(self, token_id: str, *, expires_at: float) -> None:
        """Remember a refresh token minted elsewhere as revoked."""

        def write(tables: Tables) -> None:
            if token_id in tables.revoked:
                raise Conflict
            tables.revoked[token_id] = expires_at

        self._writes.append(write)

    def end(self, session_id: str) -> None:
        """End one session."""

        def write(tables: Tables) -> None:
            tables.sessions.pop(session_id, None)

        self._writes.append(write)

    def end_once(self, session_id: str) -> None:
        """End one session that is there."""

        def write(tables: Tables) -> None:
            if tables.sessions.pop(session_id, None) is None:
                raise Conflict

        self._writes.append(write)

    def end_everybodys(self, at: float) -> None:
        """End all sessions, and date everybody's tokens."""

        def write(tables: Tables) -> None:
            tables.sessions = {}
            for user in tables.users.values():
                if user.tokens_from < at:
                    tables.users[user.id] = replace(user, tokens_from=at, version=user.version + 1)

        self._writes.append(write)

    def end_all(self, user_id: int, *, but: str | None = None, kind: SessionKind | None = None) -> None:
        """End a person's sessions."""

        def stays(session: Session) -> bool:
            return session.user_id != user_id or session.id == but or kind not in {None, session.kind}

        def write(tables: Tables) -> None:
            tables.sessions = {key: session for key, session in tables.sessions.items() if stays(session)}

        self._writes.append(write)


def _refreshable(tables: Tables, session_id: str) -> Session:
    session = tables.sessions.get(session_id)
    if session is None or session.refresh_revoked:
        raise Conflict
    return session


def _change(tables: Tables, session_id: str, **changes: Any) -> None:  # noqa: ANN401 - as `replace` has it
    tables.sessions[session_id] = replace(tables.sessions[session_id], **changes)
