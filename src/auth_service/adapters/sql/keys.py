"""Signing keys in SQL."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from auth_service.adapters.sql import statements
from auth_service.adapters.sql.database import Database
from auth_service.adapters.sql.statements import Write
from auth_service.domain.keys import Key


@dataclass(frozen=True, slots=True)
class SqlKeys:
    """Keeps keys where all processes see them. A key that changes is taken out as it was seen, and put in as it is."""

    database: Database

    async def all(self) -> Sequence[Key]:
        """Return all keys: the one read that every process makes again and again."""
        rows = await self.database.rows(statements.SIGNING_KEYS, {})
        return [
            Key(kid=kid, algorithm=algorithm, public=public, sealed=sealed, state=state, since=since, good_until=until)
            for kid, algorithm, public, sealed, state, since, until in rows
        ]

    async def replace(self, before: Sequence[Key], after: Sequence[Key]) -> None:
        """Put `after` in the place of `before`, or raise `Conflict`: the unique index and the states seen decide."""
        gone = [key for key in before if key not in after]
        new = [key for key in after if key not in before]
        await self.database.write(
            [
                *(
                    Write(statements.REMOVE_SIGNING_KEY, {"the_kid": key.kid, "the_state": key.state}, must_hit=True)
                    for key in gone
                ),
                *(Write(statements.ADD_SIGNING_KEY, msgspec.structs.asdict(key)) for key in new),
            ]
        )
