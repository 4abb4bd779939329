"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "users",
        sa.Column("id", _id(), primary_key=True, autoincrement=True, nullable=False),
        sa.Column("username", sa.String(150)),
        sa.Column("username_key", sa.String(600)),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("email_key", sa.String(600), nullable=False),
        sa.Column("password_hash", sa.String(500), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("email_confirmed", sa.Boolean(), nullable=False),
        sa.Column("is_staff", sa.Boolean(), nullable=False),
        sa.Column("stamp", sa.String(64), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("pending_email", sa.String(254)),
        sa.Column("used_link", sa.String(64), nullable=False),
        sa.Column("signed_in_at", sa.Double(), nullable=False),
        sa.Column("tokens_from", sa.Double(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("email_key", name="uq_users_email_key"),
        sa.UniqueConstraint("username_key", name="uq_users_username_key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(64), primary_key=True, nullable=False),
        sa.Column(
            "user_id",
            _id(),
            sa.ForeignKey("users.id", name="fk_sessions_user_id_users", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("last_seen_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double()),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("agent", sa.String(200), nullable=False),
        sa.Column("token_hash", sa.String(64)),
        sa.Column("refresh_id", sa.String(64)),
        sa.Column("spent_refresh_id", sa.String(64)),
        sa.Column("rotated_at", sa.Double()),
        sa.Column("refresh_revoked", sa.Boolean(), nullable=False),
        sa.UniqueConstraint("token_hash", name="uq_sessions_token_hash"),
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_table(
        "revoked_tokens",
        sa.Column("id", sa.String(255), primary_key=True, nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
    )
    op.create_index("ix_revoked_tokens_expires_at", "revoked_tokens", ["expires_at"])
    op.create_table(
        "attempts",
        sa.Column("key", sa.String(32), primary_key=True, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("window_ends", sa.Double(), nullable=False),
    )
    op.create_index("ix_attempts_window_ends", "attempts", ["window_ends"])
    op.create_table(
        "outbox",
        sa.Column("id", _id(), primary_key=True, autoincrement=True, nullable=False),
        sa.Column("message_id", sa.String(300), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("recipient", sa.String(320), nullable=False),
        sa.Column("user_id", sa.BigInteger()),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("agent", sa.String(200), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("leased_until", sa.Double(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("why", sa.String(500), nullable=False),
        sa.Column("done_at", sa.Double()),
        sqlite_autoincrement=True,
    )
    waiting = sa.text("state = 'waiting'")
    op.create_index("ix_outbox_due", "outbox", ["due_at"], sqlite_where=waiting, postgresql_where=waiting)


def downgrade() -> None:
    """Go back."""
    for table in ("outbox", "attempts", "revoked_tokens", "sessions", "users"):
        op.drop_table(table)
