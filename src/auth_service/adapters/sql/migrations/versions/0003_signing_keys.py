"""Signing keys, kept where all processes see the same."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.String(64), primary_key=True, nullable=False),
        sa.Column("algorithm", sa.String(20), nullable=False),
        sa.Column("public", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("good_until", sa.Double()),
    )
    in_place = sa.text("state <> 'retired'")
    op.create_index(
        "uq_signing_keys_place",
        "signing_keys",
        ["state"],
        unique=True,
        sqlite_where=in_place,
        postgresql_where=in_place,
    )
    op.create_index("ix_signing_keys_good_until", "signing_keys", ["good_until"])


def downgrade() -> None:
    """Go back. Keys that were made meanwhile are gone, and what they signed is no longer good."""
    op.drop_table("signing_keys")
