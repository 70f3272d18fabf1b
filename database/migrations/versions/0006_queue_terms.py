"""On what terms a scan runs in its queue, and what a queue does by itself."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "scans", sa.Column("terms", sa.JSON(none_as_null=True), nullable=False, server_default="{}")
    )
    op.add_column(
        "queues", sa.Column("policy", sa.JSON(none_as_null=True), nullable=False, server_default="{}")
    )
    op.add_column("queues", sa.Column("revision", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("queues", "revision")
    op.drop_column("queues", "policy")
    op.drop_column("scans", "terms")
