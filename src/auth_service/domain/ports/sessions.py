"""Storage of sign-ins."""

from collections.abc import Sequence
from typing import Protocol

from auth_service.domain.model import Session, SessionKind, User


class Sessions(Protocol):
    """Finds sign-ins. A session that was ended is not found: there is nothing left of it."""

    async def with_user(self, session_id: str) -> tuple[Session, User] | None:
        """Find a session and its account in one go; None where it has ended or never was."""
        ...

    async def by_token(self, token_hash: str) -> tuple[Session, User] | None:
        """Find the session of an opaque token and its account in one go; None where there is none."""
        ...

    async def of_user(self, user_id: int) -> Sequence[Session]:
        """Return a person's sessions, the newest first."""
        ...

    async def is_revoked(self, token_id: str) -> bool:
        """Say whether a refresh token that has no session here (minted elsewhere) was revoked."""
        ...


class SessionChanges(Protocol):
    """Collects changes of sessions for a unit of work; see `ports.store`."""

    def open(self, session: Session, *, stamp: str) -> None:
        """Add a session to an account that is active and has this stamp.

        If it is gone, deactivated or has another stamp by now (a new password, say), the commit raises `Conflict`.
        """
        ...

    def rotate(self, session_id: str, *, spent: str, successor: str, at: float, expires_at: float) -> None:
        """Put a new refresh token in the place of `spent`.

        If that is no longer the live one, the commit raises `Conflict`.
        """
        ...

    def revoke_refresh(self, session_id: str, *, expires_at: float) -> None:
        """Take the refresh token from a session and let it end at `expires_at`.

        If it was taken before, or the session is gone, the commit raises `Conflict`.
        """
        ...

    def revoke_foreign(self, token_id: str, *, expires_at: float) -> None:
        """Remember a refresh token minted elsewhere as revoked, until it would have expired.

        If it was revoked before, the commit raises `Conflict`.
        """
        ...

    def end(self, session_id: str) -> None:
        """End one session; nothing happens where it is gone already."""
        ...

    def end_once(self, session_id: str) -> None:
        """End one session. If it is gone, the commit raises `Conflict`: of many who end it at once, one does."""
        ...

    def end_everybodys(self, at: float) -> None:
        """End all sessions there are; tokens minted elsewhere before `at` are no good either, whosever they are."""
        ...

    def end_all(self, user_id: int, *, but: str | None = None, kind: SessionKind | None = None) -> None:
        """End a person's sessions: all, or all `but` one, or those of one kind."""
        ...


class Attendance(Protocol):
    """Keeps when sessions were last used, without making anybody wait for it."""

    def seen(self, session_id: str, at: float) -> None:
        """Note that a session was used; stored within a minute, at the latest when the service stops."""
        ...
