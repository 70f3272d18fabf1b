"""Indexes by which a page of a long list of scans is read in its order, whatever it is filtered by.

Each begins with a column that is filtered or sorted by and goes on with the moment of creation and
the number, which order what is equal. SQLite's hold the other columns of filters too, so that a
filter is tried without looking at the row; PostgreSQL has a limit on an index's row (2,704 bytes)
that three texts could pass, and joins several indexes instead.
"""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

FIRST = ("status", "owner", "project_name", "sample_id", "scan_name", "started_at", "finished_at")
FILTERS = ("status", "owner", "project_name", "sample_id", "archived_at")
"""`archived_at` is always null here; SQLite would look at the row to see that."""
SHORT = ("status", "sample_id")


def upgrade() -> None:
    op.drop_index("ix_scans_status", "scans")
    others = FILTERS if op.get_bind().dialect.name == "sqlite" else SHORT
    for first in ("created_at", *FIRST):
        columns = dict.fromkeys([first, "created_at", "id", *others])
        op.execute(
            f"CREATE INDEX list_scans_{first} ON scans ({', '.join(columns)}) WHERE archived_at IS NULL"
        )


def downgrade() -> None:
    for first in ("created_at", *FIRST):
        op.execute(f"DROP INDEX list_scans_{first}")
    op.create_index("ix_scans_status", "scans", ["status"])
