"""Whence a line of a queue's log came, so that one that is sent again is kept once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("queue_logs", sa.Column("origin", sa.String(255), nullable=True))
    op.create_index("ix_queue_logs_origin", "queue_logs", ["origin"], unique=True)


def downgrade() -> None:
    op.drop_index("ix_queue_logs_origin", "queue_logs")
    op.drop_column("queue_logs", "origin")
