"""Where scans went back to measure again, and which readings repeat which."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "scan_rewinds",
        sa.Column("id", SERIAL, primary_key=True),
        sa.Column("scan_id", SERIAL, nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("counts", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["scan_id"], ["scans.id"], name="fk_scan_rewinds_scan_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_scan_rewinds_scan_id", "scan_rewinds", ["scan_id"])
    op.create_table(
        "measurement_replacements",
        sa.Column("id", SERIAL, primary_key=True),
        sa.Column("measurement_object_id", SERIAL, nullable=False),
        sa.Column("first_index", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("replaces", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["measurement_object_id"],
            ["measurement_objects.id"],
            name="fk_measurement_replacements_measurement_object_id",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint(
            "measurement_object_id",
            "first_index",
            name="uq_measurement_replacements_measurement_object_id_first_index",
        ),
    )
    op.add_column(
        "measurement_objects", sa.Column("replaced", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.add_column("scans", sa.Column("points_replaced", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("scans", "points_replaced")
    op.drop_column("measurement_objects", "replaced")
    op.drop_table("measurement_replacements")
    op.drop_table("scan_rewinds")
