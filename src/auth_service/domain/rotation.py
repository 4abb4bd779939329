"""Judging tokens and deciding what a refresh does: pure, with the time and the session given."""

from typing import Literal, TypeGuard

from msgspec import Struct

from auth_service.domain.errors import TokenRejected
from auth_service.domain.lifetimes import is_over
from auth_service.domain.model import Claims, Session, TokenType, User
from auth_service.domain.policy import Policy

# Past this no date can be made of it, and no honest issuer would write it (the year 9999).
_LATEST = 253_402_300_799
_LONGEST_ID = 255
_MOST_DIGITS = 18

Verdict = Literal["live", "retry", "reused", "revoked"]


class Known(Struct, frozen=True):
    """A token whose claims are all there and in force."""

    user_id: int | None
    token_id: str
    session_id: str | None
    issued_at: float
    expires_at: float


def judge(claims: Claims, now: float, *, expects: TokenType | None) -> Known:  # noqa: C901 - clients know the order
    """Return what a signed token says, or refuse it. Of several faults the first counts, in simplejwt's order.

    `expects` None takes any type, or none at all: a verification does not ask what the token is for.
    """
    for claim in (claims.nbf, claims.iat):
        if claim is not None and (not _is_date(claim) or float(claim) > now):
            raise TokenRejected("invalid")
    if claims.exp is None:
        raise TokenRejected("no_expiry")
    if not _is_date(claims.exp):
        raise TokenRejected("invalid")
    if claims.exp <= now:
        raise TokenRejected("expired")
    token_id = claims.jti
    if token_id is None:
        raise TokenRejected("no_id")
    if not _is_id(token_id) or (isinstance(claims.sid, str) and not _is_id(claims.sid)):
        raise TokenRejected("invalid")
    if expects is not None and claims.token_type is None:
        raise TokenRejected("no_type")
    if expects is not None and claims.token_type != expects:
        raise TokenRejected("wrong_type")
    if claims.user_id is None:
        raise TokenRejected("no_user")
    return Known(
        _user_id(claims.user_id),
        token_id,
        claims.sid if isinstance(claims.sid, str) else None,
        float(claims.iat) if _is_date(claims.iat) else 0.0,
        float(claims.exp),
    )


def decide_refresh(session: Session, token_id: str, now: float, *, grace: float) -> Verdict:
    """Say what presenting this refresh token means for its session.

    A client that never saw the answer sends the spent token again: within the grace it is a retry, later it is somebody
    who has a copy.
    """
    if session.refresh_revoked or session.kind != "jwt":
        return "revoked"
    if token_id == session.refresh_id:
        return "live"
    if token_id == session.spent_refresh_id and now - (session.rotated_at or 0.0) <= grace:
        return "retry"
    return "reused"


def refuse_unless_in_force(user: User, session: Session | None, known: Known, now: float, policy: Policy) -> None:
    """Refuse a token whose account is not active, or whose session is over."""
    if not user.is_active:
        raise TokenRejected("user_inactive")
    if session is None and known.issued_at < user.tokens_from:
        raise TokenRejected("revoked")
    if session is not None and is_over(session, now, policy):
        raise TokenRejected("revoked")


def _is_date(claim: object) -> TypeGuard[float]:
    return isinstance(claim, int | float) and not isinstance(claim, bool) and 0 <= claim <= _LATEST


def _is_id(claim: object) -> TypeGuard[str]:
    # Storage is asked for it: no NUL, no half a character.
    return isinstance(claim, str) and 0 < len(claim) <= _LONGEST_ID and claim.isascii() and claim.isprintable()


def _user_id(claim: object) -> int | None:
    """Return the id a claim names; simplejwt writes it as text, older issuers as a number."""
    if isinstance(claim, bool):
        return None
    if isinstance(claim, int):
        return claim if abs(claim) < 10**_MOST_DIGITS else None
    if isinstance(claim, str) and claim.isascii() and claim.isdigit() and len(claim) <= _MOST_DIGITS:
        return int(claim)
    return None
