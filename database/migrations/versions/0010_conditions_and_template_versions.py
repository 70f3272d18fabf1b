"""What scans ran under; templates know their version and what they were before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
TEMPLATES = ("scan_templates", "queue_templates")


def upgrade() -> None:
    op.create_table(
        "scan_conditions",
        sa.Column("id", SERIAL, primary_key=True),
        sa.Column("scan_id", SERIAL, nullable=False),
        sa.Column("taken_at", TIME, nullable=False),
        sa.Column("why", sa.String(255), nullable=False),
        sa.Column("conditions", sa.JSON(none_as_null=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["scan_id"], ["scans.id"], name="fk_scan_conditions_scan_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("scan_id", "taken_at", name="uq_scan_conditions_scan_id_taken_at"),
    )
    op.create_table(
        "template_versions",
        sa.Column("id", SERIAL, primary_key=True),
        sa.Column("kind", sa.String(255), nullable=False),
        sa.Column("template_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("settings", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("by", sa.String(255), nullable=False),
        sa.Column("replaced_at", TIME, nullable=False),
        sa.UniqueConstraint(
            "kind", "template_id", "version", name="uq_template_versions_kind_template_id_version"
        ),
    )
    for table in TEMPLATES:
        op.add_column(table, sa.Column("version", sa.Integer(), nullable=False, server_default="1"))


def downgrade() -> None:
    for table in TEMPLATES:
        op.drop_column(table, "version")
    op.drop_table("template_versions")
    op.drop_table("scan_conditions")
