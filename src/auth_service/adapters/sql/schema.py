"""The schema's version: what it is, what it should be, and bringing it there."""

import asyncio
from pathlib import Path
from uuid import uuid4

import asyncpg
from advanced_alchemy.config import AlembicAsyncConfig, SQLAlchemyAsyncConfig
from sqlalchemy import Connection, NullPool, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

# The newest step in `migrations/versions`; a test holds the two together. Known here so that a start on a database
# that is up to date need not load Alembic.
HEAD = "0006"
VERSION_TABLE = "schema_version"
VERSION_QUERY = f"SELECT version_num FROM {VERSION_TABLE}"  # noqa: S608 - a constant
_MIGRATIONS = Path(__file__).parent / "migrations"


def known() -> frozenset[str]:
    """Return the versions that this service knows: those it has steps to."""
    return frozenset(step.name.partition("_")[0] for step in (_MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def engine_config(url: str) -> SQLAlchemyAsyncConfig:
    """Return advanced-alchemy's view of a database: `sqlite+aiosqlite:///file`, or a PostgreSQL address."""
    config = SQLAlchemyAsyncConfig(
        engine_instance=_engine(url),
        alembic_config=AlembicAsyncConfig(
            script_location=str(_MIGRATIONS),
            version_table_name=VERSION_TABLE,
            render_as_batch=url.startswith("sqlite"),
        ),
    )
    if url.startswith("sqlite"):
        engine = config.get_engine().sync_engine
        event.listen(engine, "connect", _leave_transactions_to_us)
        event.listen(engine, "begin", _begin_immediate)
    return config


async def upgrade(url: str) -> None:
    """Bring a database to `HEAD`."""
    # Alembic is loaded only when there is something to do: it is a third of a second.
    from advanced_alchemy.alembic.commands import AlembicCommands  # noqa: PLC0415

    # Its environment runs a loop of its own, so it gets a thread of its own.
    await asyncio.to_thread(AlembicCommands(engine_config(url)).upgrade, "head")


def _engine(url: str) -> AsyncEngine:
    if url.startswith("sqlite"):
        return create_async_engine(url, poolclass=NullPool)
    # By the driver itself, which knows more of what may stand in an address (sslmode, several hosts) than SQLAlchemy.
    # A pooler may hand us a connection on which another has prepared statements: ours have names nobody else gives.
    return create_async_engine(
        "postgresql+asyncpg://?prepared_statement_cache_size=0",
        async_creator=lambda: asyncpg.connect(url, statement_cache_size=0),
        connect_args={"prepared_statement_name_func": lambda: f"__{uuid4().hex}__"},
        poolclass=NullPool,
    )


def _leave_transactions_to_us(connection: object, _record: object) -> None:
    """Keep the driver from beginning transactions by itself, half of them too late."""
    connection.isolation_level = None  # type: ignore[attr-defined]
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute("PRAGMA busy_timeout = 30000")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
