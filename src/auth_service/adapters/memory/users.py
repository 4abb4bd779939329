"""Accounts in memory."""

from collections.abc import Sequence
from itertools import islice

from msgspec.structs import replace

from auth_service.adapters.memory.state import Memory, Tables, Write
from auth_service.domain import names
from auth_service.domain.errors import AlreadyTaken, Conflict, Problem
from auth_service.domain.model import NewUser, User, UserSearch


class MemoryUsers:
    """Finds accounts."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def by_id(self, user_id: int) -> User | None:
        """Find by id."""
        return (await self._memory.read()).users.get(user_id)

    async def by_username(self, username: str) -> User | None:
        """Find by name."""
        tables = await self._memory.read()
        return tables.users.get(tables.names.get(names.username_key(username), 0))

    async def by_email(self, email: str) -> User | None:
        """Find by address."""
        key = names.email_key(email)
        tables = await self._memory.read()
        return None if key is None else tables.users.get(tables.addresses.get(key, 0))

    async def page(self, *, after: int = 0, limit: int = 500) -> Sequence[User]:
        """Return the next accounts in order of id, which is the order they were added in."""
        tables = await self._memory.read()
        return list(islice((user for user in tables.users.values() if user.id > after), limit))

    async def search(self, wanted: UserSearch, *, before: int | None = None, limit: int) -> Sequence[User]:
        """Return those that fit, the newest first."""
        newest_first = reversed((await self._memory.read()).users.values())
        found = (user for user in newest_first if (before is None or user.id < before) and _fits(user, wanted))
        return list(islice(found, limit))


class MemoryUserChanges:
    """Collects changes of accounts."""

    def __init__(self, writes: list[Write]) -> None:
        self._writes = writes
        self.added_id = 0

    def add(self, user: NewUser) -> None:
        """Add an account."""

        def write(tables: Tables) -> None:
            self.added_id = _add(tables, user)

        self._writes.append(write)

    def save(self, user: User) -> None:
        """Write an account over the version that was read."""
        self._writes.append(lambda tables: _save(tables, user))

    def signed_in(self, user_id: int, at: float) -> None:
        """Date a sign-in."""

        def write(tables: Tables) -> None:
            if user_id in tables.users:
                tables.users[user_id] = replace(tables.users[user_id], signed_in_at=at)

        self._writes.append(write)

    def remove(self, user: User) -> None:
        """Remove an account and its sessions."""
        self._writes.append(lambda tables: _remove(tables, user))


def _fits(user: User, wanted: UserSearch) -> bool:
    asked = (
        (wanted.state, user.state),
        (wanted.is_staff, user.is_staff),
        (wanted.email_confirmed, user.email_confirmed),
    )
    return all(wish is None or wish == fact for wish, fact in asked) and (not wanted.text or _names(user, wanted))


def _names(user: User, wanted: UserSearch) -> bool:
    part = names.part_of_email_key(wanted.text)
    return (
        user.id == wanted.user_id
        or (user.username is not None and names.username_key(wanted.text) in names.username_key(user.username))
        or (part is not None and part in (names.email_key(user.email) or ""))
    )


def _add(tables: Tables, new: NewUser) -> int:
    tables.last_user_id += 1
    _put(
        tables,
        User(
            id=tables.last_user_id,
            username=new.username,
            email=new.email,
            password_hash=new.password_hash,
            state=new.state,
            email_confirmed=new.email_confirmed,
            is_staff=new.is_staff,
            stamp=new.stamp,
            created_at=new.created_at,
            language=new.language,
        ),
    )
    return tables.last_user_id


def _save(tables: Tables, user: User) -> None:
    stored = _unmoved(tables, user)
    _forget_names(tables, stored)
    _put(tables, replace(user, version=user.version + 1, signed_in_at=stored.signed_in_at))


def _remove(tables: Tables, user: User) -> None:
    _forget_names(tables, _unmoved(tables, user))
    del tables.users[user.id]
    tables.sessions = {key: session for key, session in tables.sessions.items() if session.user_id != user.id}
    tables.familiar.pop(user.id, None)


def _unmoved(tables: Tables, user: User) -> User:
    """Return the stored account if it is still the version that was read."""
    stored = tables.users.get(user.id)
    if stored is None or stored.version != user.version:
        raise Conflict
    return stored


def _put(tables: Tables, user: User) -> None:
    keys = _keys(tables, user)
    for field, index, key in keys:
        if key in index:
            # One at a time, as the unique indexes of a database have it: who needs to know all looks again.
            raise AlreadyTaken([Problem(field, "taken")])
        index[key] = user.id
    tables.users[user.id] = user


def _forget_names(tables: Tables, user: User) -> None:
    for _, index, key in _keys(tables, user):
        del index[key]


def _keys(tables: Tables, user: User) -> list[tuple[str, dict[str, int], str]]:
    """Return what this account is unique by: the field, the index of that field, and the key in it."""
    name = None if user.username is None else names.username_key(user.username)
    address = names.email_key(user.email)
    keys = (("username", tables.names, name), ("email", tables.addresses, address))
    return [(field, index, key) for field, index, key in keys if key is not None]
