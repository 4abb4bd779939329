"""Lifetimes: when a session is over. The policy is asked each time, so a change of it counts for those that are open.

The refresh token of a JWT session is its idle limit: whoever does not use it in time has lost it. An opaque token has
no such limit unless the operator sets one, and is watched by when it was last seen.
"""

from math import inf

from auth_service.domain.model import Session, SessionKind
from auth_service.domain.policy import Policy

SEEN_EVERY = 60.0
# When a session was seen is noted once a minute and stored a moment later: nobody loses one before its time by that.
_SEEN_LATE = SEEN_EVERY + 30.0


def latest_end(kind: SessionKind, created_at: float, policy: Policy) -> float:
    """Return when a session ends, however often it is used; infinity where it does not."""
    match kind:
        case "jwt":
            return created_at + policy.session_lifetime
        case "browser":
            return created_at + policy.browser_lifetime
        case "opaque":
            return inf if policy.opaque_lifetime is None else created_at + policy.opaque_lifetime


def oldest_opaque(now: float, policy: Policy) -> tuple[float, float]:
    """Return when an opaque session must have been opened, and seen, to have run out; 0 where there is no limit."""
    lifetime, idle = policy.opaque_lifetime, policy.opaque_idle_lifetime
    return (0.0 if lifetime is None else now - lifetime, 0.0 if idle is None else now - idle - _SEEN_LATE)


def is_over(session: Session, now: float, policy: Policy) -> bool:
    """Say whether a session has run out, whether or not it is still stored."""
    if session.expires_at is not None and session.expires_at <= now:
        return True
    if session.kind != "opaque":
        return latest_end(session.kind, session.created_at, policy) <= now
    opened, seen = oldest_opaque(now, policy)
    return session.created_at <= opened or session.last_seen_at <= seen
