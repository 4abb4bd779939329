"""The journal, and the head of its chain."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "journal",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            primary_key=True,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("what", sa.String(40), nullable=False),
        sa.Column("user_id", sa.BigInteger()),
        sa.Column("session_id", sa.String(64)),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("agent", sa.String(200), nullable=False),
        sa.Column("why", sa.String(200), nullable=False),
        sa.Column("mac", sa.String(64), nullable=False),
    )
    op.create_index("ix_journal_user_id", "journal", ["user_id"])
    op.create_index("ix_journal_at", "journal", ["at"])
    head = op.create_table(
        "journal_head",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False, nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("last_mac", sa.String(64), nullable=False),
        sa.Column("gone_id", sa.BigInteger(), nullable=False),
        sa.Column("gone_mac", sa.String(64), nullable=False),
        sa.Column("seal", sa.String(64), nullable=False),
    )
    op.bulk_insert(head, [{"id": 1, "last_id": 0, "last_mac": "", "gone_id": 0, "gone_mac": "", "seal": ""}])


def downgrade() -> None:
    """Go back; what was recorded is lost."""
    op.drop_table("journal_head")
    op.drop_table("journal")
