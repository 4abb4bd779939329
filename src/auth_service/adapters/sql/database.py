"""What the storage adapters need of a database, whichever it is."""

from collections.abc import Sequence
from typing import Any, Protocol

from auth_service.adapters.sql.statements import Statement, Values, Write

Row = Sequence[Any]


class Database(Protocol):
    """Takes statements to a database and brings rows back."""

    async def one(self, statement: Statement, values: Values) -> Row | None:
        """Read the one row there is, or None. The road every request takes: one round trip."""
        ...

    async def rows(self, statement: Statement, values: Values) -> Sequence[Row]:
        """Read all rows."""
        ...

    async def write(self, writes: Sequence[Write]) -> Sequence[Row]:
        """Carry out all writes durably, or none; return the rows they gave back.

        Raises `AlreadyTaken`, or `Conflict` where a row that must be hit, or that is referred to, is not there.
        """
        ...

    async def close(self) -> None:
        """Finish what was begun and let go of the database."""
        ...
