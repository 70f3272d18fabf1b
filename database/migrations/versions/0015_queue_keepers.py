"""Which token keeps which queue; what a station's token has run so far is that token's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "queue_keepers",
        sa.Column("id", SERIAL, primary_key=True),
        sa.Column("queue_id", sa.String(255), nullable=False),
        sa.Column("token_id", SERIAL, nullable=True),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("archived_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["token_id"], ["api_tokens.id"], name="fk_queue_keepers_token_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("queue_id", name="uq_queue_keepers_queue_id"),
    )
    op.create_index("ix_queue_keepers_token_id", "queue_keepers", ["token_id"])
    op.execute(
        "INSERT INTO queue_keepers (queue_id, token_id, created_at) "
        "SELECT queues.queue_id, station_keepers.token_id, CURRENT_TIMESTAMP "
        "FROM queues JOIN station_keepers ON station_keepers.station = queues.station"
    )


def downgrade() -> None:
    op.drop_table("queue_keepers")
