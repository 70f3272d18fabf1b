"""An index of the scans that are archived, so that the few there are can be left out of a count."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX list_scans_archived ON scans (id) WHERE archived_at IS NOT NULL")


def downgrade() -> None:
    op.execute("DROP INDEX list_scans_archived")
