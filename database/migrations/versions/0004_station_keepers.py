"""Which token speaks for which station."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "station_keepers",
        sa.Column("id", SERIAL, primary_key=True),
        sa.Column("station", sa.String(255), nullable=False),
        sa.Column("token_id", SERIAL, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("archived_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["token_id"], ["api_tokens.id"], name="fk_station_keepers_token_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("station", name="uq_station_keepers_station"),
    )
    op.create_index("ix_station_keepers_token_id", "station_keepers", ["token_id"])


def downgrade() -> None:
    op.drop_table("station_keepers")
