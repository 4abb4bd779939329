"""Standing: letting somebody in and shutting somebody out, whoever decides it."""

from dataclasses import dataclass

from msgspec.structs import replace

from auth_service.domain.model import User, UserState
from auth_service.domain.ports.store import UnitOfWork
from auth_service.domain.ports.surroundings import Chance, Clock


@dataclass(frozen=True, slots=True)
class Standing:
    """Decides what a new state does, and adds it to a unit of work."""

    clock: Clock
    chance: Chance

    def change(self, work: UnitOfWork, user: User, state: UserState) -> User:
        """Let somebody in, or shut them out: then every sign-in ends, and nothing that is mailed lifts it."""
        changed = replace(user, state=state)
        if state == "deactivated":
            # Links mailed before must not outlive the decision, nor addresses proposed before.
            changed = replace(changed, stamp=self.chance.hex(32), pending_email=None, tokens_from=self.clock.now())
        work.users.save(changed)
        if state == "deactivated":
            # After the account, as everywhere: a sign-in that is under way is either refused or found here.
            work.sessions.end_all(user.id)
        return changed
