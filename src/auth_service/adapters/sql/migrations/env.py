"""How Alembic reaches the database: the whole way up or down in one transaction."""

import asyncio
from typing import Any

from alembic import context
from sqlalchemy import Connection

from auth_service.adapters.sql.rows import UserRow

# advanced-alchemy's configuration, which carries the engine.
config: Any = context.config
# Any number, as long as nothing else in the database takes the same.
_ONE_AT_A_TIME = 7_267_001


def migrate(connection: Connection) -> None:
    """Run what is missing. Of two processes at once one waits: SQLite begins by taking the write lock."""
    context.configure(
        connection=connection,
        target_metadata=UserRow.metadata,
        version_table=config.version_table_name,
        render_as_batch=config.render_as_batch,
        compare_type=True,
        # SQLite has it too, and Alembic would not believe so: between two steps, another process would take its turn.
        transactional_ddl=True,
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            # Several processes may start at once: the others wait here, and find it done.
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ONE_AT_A_TIME})")
        context.run_migrations()


async def reach() -> None:
    """Open a connection and migrate over it."""
    async with config.engine.connect() as connection:
        await connection.run_sync(migrate)
        await connection.commit()
    await config.engine.dispose()


asyncio.run(reach())
