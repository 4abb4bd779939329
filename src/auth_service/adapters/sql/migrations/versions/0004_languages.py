"""The language people read, and the one a mail was asked for in; empty for all who were here before."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    for table in ("users", "outbox"):
        op.add_column(table, sa.Column("language", sa.String(16), nullable=False, server_default=""))


def downgrade() -> None:
    """Go back."""
    for table in ("outbox", "users"):
        op.drop_column(table, "language")
