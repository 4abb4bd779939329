"""Mails keep their order, a clock that is set back is noticed, and the upkeep has turns."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward. Mails that wait already have no lane: they go out as they would have before."""
    op.add_column("outbox", sa.Column("lane", sa.String(32), nullable=False, server_default=""))
    op.add_column("outbox", sa.Column("scheduled_at", sa.Double(), nullable=False, server_default="0"))
    in_a_lane = sa.text("lane <> ''")
    op.create_index("ix_outbox_lane", "outbox", ["lane", "id"], sqlite_where=in_a_lane, postgresql_where=in_a_lane)
    op.create_index("ix_outbox_done_at", "outbox", ["done_at"])
    op.create_table(
        "chores",
        sa.Column("name", sa.String(40), primary_key=True, nullable=False),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("held_until", sa.Double(), nullable=False),
    )


def downgrade() -> None:
    """Go back. What never goes out would look like a mail that waits for nothing: it is removed."""
    op.drop_table("chores")
    op.execute(sa.text("DELETE FROM outbox WHERE state IN ('superseded', 'dropped')"))
    op.drop_index("ix_outbox_done_at", "outbox")
    op.drop_index("ix_outbox_lane", "outbox")
    op.drop_column("outbox", "scheduled_at")
    op.drop_column("outbox", "lane")
