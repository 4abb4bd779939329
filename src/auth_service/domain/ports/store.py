"""A unit of work: what is to be written, all of it or nothing.

Everything is read and decided first; a unit of work collects the writes and carries them out in one go. So nothing slow
can stand inside a transaction, a commit is one round trip, and many small ones may share a disk write.
"""

from typing import Protocol

from auth_service.domain.ports.familiar import FamiliarChanges
from auth_service.domain.ports.outbox import OutboxChanges
from auth_service.domain.ports.sessions import SessionChanges
from auth_service.domain.ports.users import UserChanges


class UnitOfWork(Protocol):
    """Writes that belong together. Nothing is written unless `commit` is called: success is said aloud."""

    @property
    def users(self) -> UserChanges:
        """Changes of accounts."""
        ...

    @property
    def sessions(self) -> SessionChanges:
        """Changes of sessions."""
        ...

    @property
    def familiar(self) -> FamiliarChanges:
        """Changes of the places where accounts signed in."""
        ...

    @property
    def outbox(self) -> OutboxChanges:
        """Mails to send."""
        ...

    @property
    def new_user_id(self) -> int:
        """The id of the account that was added; 0 before the commit."""
        ...

    async def commit(self) -> None:
        """Write everything, durably, or raise `AlreadyTaken` or `Conflict` and write nothing."""
        ...


class Store(Protocol):
    """Begins units of work."""

    def begin(self) -> UnitOfWork:
        """Return an empty unit of work."""
        ...
