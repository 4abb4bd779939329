"""Changing an address: at once, or pending until the new one is proven, as the operator chose."""

from dataclasses import dataclass

from msgspec.structs import replace

from auth_service.domain import names
from auth_service.domain.model import Client, Mail, User
from auth_service.domain.policy import Policy
from auth_service.domain.ports.store import UnitOfWork
from auth_service.domain.ports.surroundings import Chance, Clock


@dataclass(frozen=True, slots=True)
class AddressChange:
    """Decides what asking for another address does, and adds it to a unit of work."""

    policy: Policy
    clock: Clock
    chance: Chance

    def by_owner(self, work: UnitOfWork, user: User, new: str, client: Client) -> User:
        """Change the address of somebody who signs in by it: in `immediate` they stay active, for they need it now."""
        if self._needs_proof:
            return self._propose(work, user, names.tidy_email(new), client)
        changed = self._replaced(user, names.tidy_email(new))
        work.users.save(changed)
        return changed

    def in_profile(self, work: UnitOfWork, user: User, new: str, client: Client) -> User:
        """Change the address that stands in a profile: in `immediate` it takes a new activation, as with djoser."""
        address = names.tidy_email(new)
        if address == user.email and user.pending_email is None:
            return user
        if self._needs_proof:
            return self._propose(work, user, address, client)
        if address == user.email:
            # Proposed while proof was asked for, and taken back now that it is not.
            changed = replace(user, pending_email=None)
            work.users.save(changed)
            return changed
        changed = self._replaced(user, address)
        if self.policy.activation == "required" and user.state == "active":
            changed = replace(changed, state="pending")
        work.users.save(changed)
        if self.policy.confirms_addresses and changed.state != "deactivated":
            work.outbox.put(self._activation(changed, address, client))
        return changed

    @property
    def _needs_proof(self) -> bool:
        return self.policy.confirms_addresses and self.policy.email_change == "confirm"

    def _propose(self, work: UnitOfWork, user: User, address: str, client: Client) -> User:
        """Keep the old address in place and mail the new one. Asking for the old one again takes the proposal back."""
        changed = replace(user, pending_email=None if address == user.email else address)
        work.users.save(changed)
        if changed.pending_email:
            work.outbox.put(self._activation(changed, address, client))
        return changed

    def _replaced(self, user: User, address: str) -> User:
        return replace(user, email=address, pending_email=None, email_confirmed=False, stamp=self.chance.hex(32))

    def _activation(self, user: User, address: str, client: Client) -> Mail:
        return Mail(
            kind="activation",
            to=address,
            user_id=user.id,
            address=client.address,
            agent=client.agent,
            at=self.clock.now(),
            language=client.language,
        )
