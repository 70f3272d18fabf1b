"""What the numbers of an array are of, and what its dimensions are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLE = "measurement_data_arrays"


def upgrade() -> None:
    op.add_column(TABLE, sa.Column("unit", sa.String(255), nullable=False, server_default=""))
    axes = sa.Column("axes", sa.JSON(none_as_null=True), nullable=False, server_default="[]")
    op.add_column(TABLE, axes)


def downgrade() -> None:
    op.drop_column(TABLE, "axes")
    op.drop_column(TABLE, "unit")
