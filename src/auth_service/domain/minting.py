"""Minting: what a token of ours says, and until when. None outlives its session: offline, its date is all there is."""

from dataclasses import dataclass
from math import inf

from auth_service.domain.lifetimes import latest_end
from auth_service.domain.model import Claims, Session, TokenType, User
from auth_service.domain.policy import Policy
from auth_service.domain.ports.crypto import TokenSigner
from auth_service.domain.ports.surroundings import Chance


@dataclass(frozen=True, slots=True)
class Mint:
    """Makes tokens for an account, in a session of ours or, for those who came with a foreign token, in none."""

    policy: Policy
    signer: TokenSigner
    chance: Chance

    def access(self, user: User, session: Session | None, now: float) -> str:
        """Return an access token."""
        return self._signed("access", user, session, now, self.policy.access_lifetime, self.chance.hex(32))

    def refresh(self, user: User, session: Session, now: float, token_id: str) -> str:
        """Return the refresh token of this id: the same one whenever it is asked for with the same time."""
        return self._signed("refresh", user, session, now, self.policy.refresh_lifetime, token_id)

    def _signed(
        self, token_type: TokenType, user: User, session: Session | None, now: float, lifetime: float, token_id: str
    ) -> str:
        issued = int(now)
        ends = inf if session is None else latest_end(session.kind, session.created_at, self.policy)
        return self.signer.sign(
            Claims(
                token_type=token_type,
                exp=int(min(issued + int(lifetime), ends)),
                iat=issued,
                jti=token_id,
                user_id=str(user.id),
                sid=session.id if session else None,
            )
        )
