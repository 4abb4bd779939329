"""What a copy needs of the two databases it runs between, whichever they are.

Both give rows in the order of the bytes of their keys, as the same values: so what was copied can be compared with
what it was copied from.
"""

from collections.abc import AsyncGenerator, Sequence
from typing import Any, Final, Protocol

from sqlalchemy import (
    ClauseElement,
    Column,
    ColumnElement,
    Delete,
    Dialect,
    Integer,
    Select,
    Table,
    delete,
    func,
    insert,
    literal,
    select,
    tuple_,
)
from sqlalchemy.schema import CreateTable, DropTable

from auth_service.adapters.sql.standing import UNFINISHED

Row = tuple[Any, ...]
PAGE: Final = 5_000
# What both databases give back as they were given it. A table with anything else needs a thought here first.
KINDS: Final = frozenset({bool, int, float, str, bytes})


class Source(Protocol):
    """What is copied from: everything is read as it was when it was opened, whatever others write meanwhile."""

    async def count(self, table: Table) -> int:
        """Return how many rows a table has."""
        ...

    def pages(self, table: Table) -> AsyncGenerator[list[Row], None]:
        """Give all rows in order of their keys, `PAGE` at a time."""
        ...

    async def last_id(self, table: Table) -> int:
        """Return the highest id that was ever given in a table that counts its own; 0 for none."""
        ...


class Target(Source, Protocol):
    """What is copied into. Each call is written for good when it returns, whole or not at all."""

    async def mark(self, source: str) -> None:
        """Note that a copy from there is under way; nobody serves what is marked."""
        ...

    async def unmark(self) -> None:
        """Note that the copy is done."""
        ...

    async def put(self, table: Table, page: Sequence[Row]) -> None:
        """Add rows."""
        ...

    async def cut(self, table: Table, after: Row | None) -> None:
        """Remove all rows whose key comes after this one; None removes all."""
        ...

    async def count_on(self, table: Table, last_id: int) -> None:
        """See to it that the next id given is higher than this one."""
        ...


def key_of(table: Table, row: Row) -> Row:
    """Return the key of a row."""
    return tuple(row[place] for place, column in enumerate(table.c) if column.primary_key)


def counter(table: Table) -> Column[int] | None:
    """Return the column whose values a table gives by itself, if it does."""
    column = table.autoincrement_column
    return column if column is not None and isinstance(column.type, Integer) else None


def highest_id(table: Table) -> Select[tuple[int]]:
    """Return the question for the highest id in use."""
    column = counter(table)
    return select(literal(0) if column is None else func.coalesce(func.max(column), 0))


def rows_after(table: Table, keys: Sequence[ColumnElement[Any]], after: Row | None) -> Delete:
    """Return what removes all rows whose key, in the order of `keys`, comes after this one; None removes all."""
    if after is None:
        return delete(table)
    values = (literal(value, column.type) for value, column in zip(after, table.primary_key, strict=True))
    return delete(table).where(tuple_(*keys) > tuple_(*values))


def marking(source: str) -> Sequence[ClauseElement]:
    """Return what notes that a copy from there is under way."""
    return CreateTable(UNFINISHED, if_not_exists=True), delete(UNFINISHED), insert(UNFINISHED).values(source=source)


UNMARKING: Final = DropTable(UNFINISHED)


def in_text(clause: ClauseElement, dialect: Dialect) -> str:
    """Return a statement as a database takes it, with its values in it: they are keys of ours, and numbers."""
    return str(clause.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
