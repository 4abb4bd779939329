"""Storage of accounts."""

from collections.abc import Sequence
from typing import Protocol

from auth_service.domain.model import NewUser, User, UserSearch


class Users(Protocol):
    """Finds accounts. Every look-up answers None where there is nobody; none of them raises."""

    async def by_id(self, user_id: int) -> User | None:
        """Find by id; any integer may be asked for."""
        ...

    async def by_username(self, username: str) -> User | None:
        """Find by name, compared by `names.username_key`."""
        ...

    async def by_email(self, email: str) -> User | None:
        """Find by address, compared by `names.email_key`; text that is no address finds nobody."""
        ...

    async def page(self, *, after: int = 0, limit: int = 500) -> Sequence[User]:
        """Return up to `limit` accounts with an id above `after`, in order of id."""
        ...

    async def search(self, wanted: UserSearch, *, before: int | None = None, limit: int) -> Sequence[User]:
        """Return up to `limit` accounts that fit, the newest first, and where `before` is given with an id below it.

        Any text may be looked for: it fits where it stands in `names.username_key` or `names.email_key` as
        `names.username_key` and `names.part_of_email_key` have it, or is the id in decimal digits. No sign of it means
        anything but itself.

        Accounts are gone through from the newest until there are enough: what many fit costs next to nothing, and what
        nobody fits a look at each account.
        """
        ...


class UserChanges(Protocol):
    """Collects changes of accounts for a unit of work; see `ports.store`."""

    def add(self, user: NewUser) -> None:
        """Add an account; its id is in `UnitOfWork.new_user_id` after the commit.

        A name or address that is taken makes the commit raise `AlreadyTaken`, which names the field: the unique index
        settles it, however many try at once. Ids are never given a second time.
        """
        ...

    def save(self, user: User) -> None:
        """Write the account as given.

        `version` is the one that was read: if it has moved on, the commit raises `Conflict`. `signed_in_at` is left as
        it is stored: see `signed_in`.

        A name or address that is taken makes the commit raise `AlreadyTaken`.
        """
        ...

    def signed_in(self, user_id: int, at: float) -> None:
        """Date a sign-in. Many may sign in at once, so this moves no version; nothing happens where nobody is there."""
        ...

    def remove(self, user: User) -> None:
        """Remove the account, and its sessions with it. If its version has moved on, the commit raises `Conflict`."""
        ...
