"""No request reads a whole table: every statement finds its rows by an index, in both databases."""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import asyncpg
import pytest
from sqlalchemy.sql.compiler import SQLCompiler

from auth_service.adapters import sql
from auth_service.adapters.sql import schema
from auth_service.adapters.sql.postgres import _text
from auth_service.adapters.sql.rows import UserRow
from auth_service.adapters.sql.statements import Statement

from . import crowd

PEOPLE = 20_000
MODULES = [import_module(f"{sql.__name__}.{module.name}") for module in iter_modules(sql.__path__)]


def statements() -> Iterator[tuple[str, Statement]]:
    """Give every statement that stands in a module of the adapter, alone or with others of its kind."""
    for module in MODULES:
        for name, each in vars(module).items():
            if isinstance(each, Statement):
                yield name, each
            elif isinstance(each, tuple) and all(isinstance(one, Statement) for one in each):
                yield from ((f"{name}-{number}", one) for number, one in enumerate(each))


STATEMENTS = dict(statements())
# Statements that may read all there is, and why. Whatever is not named here is looked at.
MAY_READ_ALL = {
    "MAIL_PAGE": "an operator reads the list of mails, a page at a time",
    "MAIL_PAGE_OF_STATE": "the same",
    "END_EVERY_SESSION": "an operator signs everybody out",
    "VOID_FOREIGN_TOKENS": "the same",
    "REACH": "the first and the last record of the journal, by its index",
    "_LAPSED": "the upkeep, once a minute, and only where opaque tokens have a limit",
}
# Of these there are a handful, ever: reading all is the quickest way to find one.
SMALL = {"signing_keys", "chores", "journal_head"}
# These hold a few rows of many, so that reading one from end to end is what it is there for.
PARTIAL = {
    index.name
    for table in UserRow.metadata.tables.values()
    for index in table.indexes
    if index.dialect_options["postgresql"]["where"] is not None
}


def rows() -> dict[str, Iterator[crowd.Row]]:
    """Give enough rows for a planner to see that an index pays."""
    return {
        "users": crowd.users(PEOPLE),
        "sessions": crowd.sessions(PEOPLE),
        "outbox": crowd.mails(PEOPLE),
        "attempts": crowd.attempts(PEOPLE),
        "journal": crowd.records(PEOPLE),
        "familiar": crowd.places(PEOPLE),
        "revoked_tokens": ((f"{number:032x}", 9e9) for number in range(PEOPLE)),
    }


def values(statement: Statement) -> dict[str, object]:
    """Return a value for everything a statement asks for, of the kind it takes."""
    compiled = statement._compiled
    assert isinstance(compiled, SQLCompiler)
    # What limits a page has no type of its own.
    kinds = {name: int if name == "most" else bind.type.python_type for name, bind in compiled.binds.items()}
    return {name: {int: 7, float: 7.0, bool: True, bytes: b"7", str: "7"}[kind] for name, kind in kinds.items()}


@pytest.fixture(scope="module")
def full_file(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = Path(shutil.copy(empty_database, tmp_path_factory.mktemp("plans") / "auth.db"))
    crowd.fill_sqlite(file, rows())
    return file


@pytest.fixture(scope="module")
def full_server(new_postgres: Callable[[], str]) -> str:
    url = new_postgres()

    async def fill() -> None:
        await schema.upgrade(url)
        await crowd.fill_postgres(url, rows())
        connection = await asyncpg.connect(url)
        await connection.execute("ANALYZE")
        await connection.close()

    asyncio.run(fill())
    return url


def scans_in_sqlite(file: Path, statement: Statement) -> list[str]:
    """Return the tables whose rows are all read."""
    with closing(sqlite3.connect(file)) as connection:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {statement.sqlite}", statement.values(values(statement)))
        steps = [str(step[3]) for step in plan]
    return [
        step for step in steps if step.startswith("SCAN ") and step.split()[1] in UserRow.metadata.tables.keys() - SMALL
    ]


async def scans_in_postgres(url: str, statement: Statement) -> list[str]:
    """Return the tables whose rows are all read."""
    text = _text(statement)
    connection = await asyncpg.connect(url)
    try:
        explained = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {text.text}", *text.arguments(values(statement)))
    finally:
        await connection.close()
    return list(_scans(json.loads(explained)[0]["Plan"]))


def _scans(node: dict[str, Any]) -> Iterator[str]:
    # A whole index read from end to end without a condition is no better than the table.
    by_index = node["Node Type"] in {"Index Scan", "Index Only Scan", "Bitmap Index Scan"}
    by_index = by_index and node["Index Name"] not in PARTIAL
    if node.get("Relation Name") in SMALL:
        return
    if node["Node Type"] == "Seq Scan" or (by_index and "Index Cond" not in node):
        yield f"{node['Node Type']} of {node.get('Relation Name') or node.get('Index Name')}"
    for below in node.get("Plans", ()):
        yield from _scans(below)


LOOKED_AT = sorted(STATEMENTS.keys() - MAY_READ_ALL.keys())


@pytest.mark.parametrize("name", LOOKED_AT)
def test_no_statement_reads_all_rows_in_sqlite(name: str, full_file: Path) -> None:
    assert scans_in_sqlite(full_file, STATEMENTS[name]) == []


@pytest.mark.parametrize("name", LOOKED_AT)
def test_no_statement_reads_all_rows_in_postgresql(name: str, full_server: str) -> None:
    assert asyncio.run(scans_in_postgres(full_server, STATEMENTS[name])) == []


def test_a_statement_that_reads_all_rows_is_seen(full_file: Path, full_server: str) -> None:
    from sqlalchemy import func, select  # noqa: PLC0415 - beside its one use

    bad = Statement(select(UserRow.id).where(func.lower(UserRow.email) == "7"))
    assert scans_in_sqlite(full_file, bad) == ["SCAN users"]
    assert asyncio.run(scans_in_postgres(full_server, bad)) == ["Seq Scan of users"]


def test_what_may_read_all_is_still_there() -> None:
    assert MAY_READ_ALL.keys() <= STATEMENTS.keys()
