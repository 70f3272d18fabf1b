"""Where a scan's readings went when they were archived."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("scans", sa.Column("archive", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("scans", "archive")
