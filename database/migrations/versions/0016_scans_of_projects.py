"""An index by which a page of a project's scans is read in the order of time, as migration 0013 has them."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "CREATE INDEX list_scans_project_id ON scans (project_id, created_at, id, status, sample_id) "
        "WHERE archived_at IS NULL"
    )


def downgrade() -> None:
    op.execute("DROP INDEX list_scans_project_id")
