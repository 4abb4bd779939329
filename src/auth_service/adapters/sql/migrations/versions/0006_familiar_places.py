"""Places where accounts signed in, and pauses between attempts."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.add_column("attempts", sa.Column("free_at", sa.Double(), nullable=False, server_default="0"))
    op.create_table(
        "familiar",
        sa.Column(
            "user_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            sa.ForeignKey("users.id", name="fk_familiar_user_id_users", ondelete="CASCADE"),
            primary_key=True,
            nullable=False,
        ),
        sa.Column("place", sa.String(32), primary_key=True, nullable=False),
        sa.Column("first_seen_at", sa.Double(), nullable=False),
        sa.Column("last_seen_at", sa.Double(), nullable=False),
    )
    op.create_index("ix_familiar_last_seen_at", "familiar", ["last_seen_at"])


def downgrade() -> None:
    """Go back."""
    op.drop_table("familiar")
    op.drop_column("attempts", "free_at")
