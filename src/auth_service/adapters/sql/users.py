"""Accounts in SQL."""

from collections.abc import Sequence
from dataclasses import dataclass

from auth_service.adapters.sql import statements
from auth_service.adapters.sql.database import Database, Row
from auth_service.adapters.sql.statements import Write
from auth_service.domain import names
from auth_service.domain.model import NewUser, User, UserSearch

_HIGHEST_ID = 2**63 - 1


def read_user(row: Row) -> User:
    """Return the account in a row of `USER_COLUMNS`."""
    return User(
        id=row[0],
        username=row[1],
        email=row[2],
        password_hash=row[3],
        state=row[4],
        email_confirmed=bool(row[5]),
        is_staff=bool(row[6]),
        stamp=row[7],
        created_at=row[8],
        pending_email=row[9],
        used_link=row[10],
        signed_in_at=row[11],
        tokens_from=row[12],
        version=row[13],
        language=row[14],
    )


@dataclass(frozen=True, slots=True)
class SqlUsers:
    """Finds accounts by the keys they are unique on."""

    database: Database

    async def by_id(self, user_id: int) -> User | None:
        """Find by id."""
        if not 0 < user_id <= _HIGHEST_ID:
            return None
        row = await self.database.one(statements.USER_BY_ID, {"id": user_id})
        return None if row is None else read_user(row)

    async def by_username(self, username: str) -> User | None:
        """Find by name."""
        return await self._by_key(statements.USER_BY_USERNAME, names.username_key(username))

    async def by_email(self, email: str) -> User | None:
        """Find by address."""
        key = names.email_key(email)
        return None if key is None else await self._by_key(statements.USER_BY_EMAIL, key)

    async def page(self, *, after: int = 0, limit: int = 500) -> Sequence[User]:
        """Return the next accounts in order of id."""
        rows = await self.database.rows(statements.USER_PAGE, {"after": after, "most": limit})
        return [read_user(row) for row in rows]

    async def search(self, wanted: UserSearch, *, before: int | None = None, limit: int) -> Sequence[User]:
        """Return those that fit, the newest first."""
        text = wanted.text
        # Neither database keeps these, and no key is as long as that.
        if "\0" in text or not _encodable(text) or len(text) > names.USERNAME_ABSURD:
            return []
        given = {
            **_looked_for(wanted),
            "state": wanted.state,
            "is_staff": wanted.is_staff,
            "email_confirmed": wanted.email_confirmed,
            "before": None if before is None else min(max(before, 0), _HIGHEST_ID),
        }
        values = {name: value for name, value in given.items() if value is not None}
        rows = await self.database.rows(statements.user_search(*values), {**values, "most": limit})
        return [read_user(row) for row in rows]

    async def _by_key(self, statement: statements.Statement, key: str) -> User | None:
        # Neither database keeps these; nobody is called so.
        if "\0" in key or not _encodable(key):
            return None
        row = await self.database.one(statement, {"key": key})
        return None if row is None else read_user(row)


@dataclass(frozen=True, slots=True)
class SqlUserChanges:
    """Collects changes of accounts."""

    writes: list[Write]

    def add(self, user: NewUser) -> None:
        """Add an account."""
        values = {
            **_values(user.username, user.email),
            "password_hash": user.password_hash,
            "state": user.state,
            "email_confirmed": user.email_confirmed,
            "is_staff": user.is_staff,
            "stamp": user.stamp,
            "created_at": user.created_at,
            "pending_email": None,
            "used_link": "",
            "signed_in_at": 0.0,
            "tokens_from": 0.0,
            "language": user.language,
        }
        self.writes.append(Write(statements.ADD_USER, values))

    def save(self, user: User) -> None:
        """Write the account over the version that was read."""
        values = {
            **_values(user.username, user.email),
            "password_hash": user.password_hash,
            "state": user.state,
            "email_confirmed": user.email_confirmed,
            "is_staff": user.is_staff,
            "stamp": user.stamp,
            "created_at": user.created_at,
            "pending_email": user.pending_email,
            "used_link": user.used_link,
            "tokens_from": user.tokens_from,
            "language": user.language,
            "the_id": user.id,
            "the_version": user.version,
        }
        self.writes.append(Write(statements.SAVE_USER, values, must_hit=True))

    def signed_in(self, user_id: int, at: float) -> None:
        """Date a sign-in."""
        self.writes.append(Write(statements.SIGNED_IN, {"the_id": user_id, "at": at}))

    def remove(self, user: User) -> None:
        """Remove the version that was read."""
        values = {"the_id": user.id, "the_version": user.version}
        self.writes.append(Write(statements.REMOVE_USER, values, must_hit=True))


def _values(username: str | None, email: str) -> dict[str, object]:
    return {
        "username": username,
        "username_key": None if username is None else names.username_key(username),
        "email": email,
        "email_key": names.email_key(email),
    }


def _looked_for(wanted: UserSearch) -> dict[str, object]:
    """Return where the text of a search may stand; nothing where there is none."""
    if not wanted.text:
        return {}
    part = names.part_of_email_key(wanted.text)
    return {
        "name_like": _anywhere(names.username_key(wanted.text)),
        "email_like": None if part is None else _anywhere(part),
        "id": wanted.user_id if (wanted.user_id or 0) <= _HIGHEST_ID else None,
    }


def _anywhere(text: str) -> str:
    """Return the pattern of texts that hold this one, in which no sign means anything but itself."""
    for sign in (statements.ESCAPE, "%", "_"):
        text = text.replace(sign, f"{statements.ESCAPE}{sign}")
    return f"%{text}%"


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
