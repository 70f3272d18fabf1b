"""Members of projects, an audit trail that is only added to, and what analyses were made from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
NAME = sa.String(255)

SQLITE_GUARD = (
    """
    CREATE TRIGGER audit_entries_no_update BEFORE UPDATE ON audit_entries
    BEGIN SELECT RAISE(ABORT, 'audit_entries is only added to'); END
    """,
    """
    CREATE TRIGGER audit_entries_no_delete BEFORE DELETE ON audit_entries
    BEGIN SELECT RAISE(ABORT, 'audit_entries is only added to'); END
    """,
    # INSERT OR REPLACE deletes without asking the trigger before DELETE
    """
    CREATE TRIGGER audit_entries_no_replace BEFORE INSERT ON audit_entries
    WHEN EXISTS (SELECT 1 FROM audit_entries WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'audit_entries is only added to'); END
    """,
)
POSTGRES_GUARD = (
    """
    CREATE FUNCTION audit_entries_only_added() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'audit_entries is only added to' USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    """
    CREATE TRIGGER audit_entries_no_change BEFORE UPDATE OR DELETE ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION audit_entries_only_added()
    """,
    """
    CREATE TRIGGER audit_entries_no_truncate BEFORE TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_only_added()
    """,
    "ALTER TABLE audit_entries ENABLE ALWAYS TRIGGER audit_entries_no_change",
    "ALTER TABLE audit_entries ENABLE ALWAYS TRIGGER audit_entries_no_truncate",
)
SQLITE_UNGUARD = (
    "DROP TRIGGER audit_entries_no_update",
    "DROP TRIGGER audit_entries_no_delete",
    "DROP TRIGGER audit_entries_no_replace",
)
POSTGRES_UNGUARD = (
    "DROP TRIGGER audit_entries_no_change ON audit_entries",
    "DROP TRIGGER audit_entries_no_truncate ON audit_entries",
    "DROP FUNCTION audit_entries_only_added()",
)


def upgrade() -> None:
    for column in ("institution", "contact"):
        op.add_column("labs", sa.Column(column, NAME, nullable=False, server_default=""))
    op.add_column("projects", sa.Column("status", sa.String(24), nullable=False, server_default="active"))
    _make_members()
    _guard_audit()
    _give_analyses_inputs()


def downgrade() -> None:
    _take_inputs_from_analyses()
    _unguard_audit()
    op.drop_table("project_members")
    op.drop_column("projects", "status")
    for column in ("contact", "institution"):
        op.drop_column("labs", column)


def _make_members() -> None:
    op.create_table(
        "project_members",
        sa.Column("id", SERIAL, primary_key=True),
        sa.Column("project_id", SERIAL, nullable=False),
        sa.Column("user_id", SERIAL, nullable=False),
        sa.Column("role", sa.String(24), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_project_members_project_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_project_members_user_id", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("project_id", "user_id", name="uq_project_members_project_id_user_id"),
    )
    op.create_index("ix_project_members_user_id", "project_members", ["user_id"])


def _guard_audit() -> None:
    with op.batch_alter_table("audit_entries") as table:
        table.drop_constraint("fk_audit_entries_user_id", type_="foreignkey")
        table.add_column(sa.Column("address", NAME, nullable=False, server_default=""))
        table.add_column(sa.Column("token", NAME, nullable=False, server_default=""))
    op.create_index("ix_audit_entries_thing", "audit_entries", ["thing"])
    for statement in SQLITE_GUARD if _is_sqlite() else POSTGRES_GUARD:
        op.execute(statement)


def _unguard_audit() -> None:
    for statement in SQLITE_UNGUARD if _is_sqlite() else POSTGRES_UNGUARD:
        op.execute(statement)
    op.drop_index("ix_audit_entries_thing", "audit_entries")
    op.execute("UPDATE audit_entries SET user_id = NULL WHERE user_id NOT IN (SELECT id FROM users)")
    with op.batch_alter_table("audit_entries") as table:
        table.drop_column("token")
        table.drop_column("address")
        table.create_foreign_key(
            "fk_audit_entries_user_id", "users", ["user_id"], ["id"], ondelete="SET NULL"
        )


def _give_analyses_inputs() -> None:
    """An analysis of one scan was made from all that the scan has measured, as far as anybody knows."""
    known = op.get_bind().execute(sa.text(_ALL_READINGS)).mappings().all()
    op.drop_index("ix_analyses_scan_id", "analyses")
    with op.batch_alter_table("analyses") as table:
        table.drop_constraint("fk_analyses_scan_id", type_="foreignkey")
        table.drop_column("scan_id")
        for column in ("code_name", "code_version", "code_revision"):
            table.add_column(sa.Column(column, NAME, nullable=False, server_default=""))
        table.add_column(sa.Column("derived_from_id", SERIAL, nullable=True))
        table.create_foreign_key("fk_analyses_derived_from_id", "analyses", ["derived_from_id"], ["id"])
    op.create_index("ix_analyses_derived_from_id", "analyses", ["derived_from_id"])
    inputs = op.create_table(
        "analysis_inputs",
        sa.Column("id", SERIAL, primary_key=True),
        sa.Column("analysis_id", SERIAL, nullable=False),
        sa.Column("scan_id", SERIAL, nullable=False),
        sa.Column("measurement", NAME, nullable=False),
        sa.Column("first_index", sa.BigInteger(), nullable=False),
        sa.Column("end_index", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["analysis_id"], ["analyses.id"], name="fk_analysis_inputs_analysis_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["scan_id"], ["scans.id"], name="fk_analysis_inputs_scan_id"),
    )
    for column in ("analysis_id", "scan_id"):
        op.create_index(f"ix_analysis_inputs_{column}", "analysis_inputs", [column])
    if known:
        op.bulk_insert(inputs, [dict(row) for row in known])


_ALL_READINGS = """
    SELECT a.id AS analysis_id, a.scan_id AS scan_id, COALESCE(m.name, '') AS measurement,
           0 AS first_index, COALESCE(m.next_index, 0) AS end_index
    FROM analyses a LEFT JOIN measurement_objects m ON m.scan_id = a.scan_id
    WHERE a.scan_id IS NOT NULL ORDER BY a.id, m.id
"""
_FIRST_SCANS = """
    SELECT analysis_id, scan_id FROM analysis_inputs
    WHERE id IN (SELECT MIN(id) FROM analysis_inputs GROUP BY analysis_id)
"""


def _take_inputs_from_analyses() -> None:
    first = op.get_bind().execute(sa.text(_FIRST_SCANS)).mappings().all()
    op.drop_table("analysis_inputs")
    op.drop_index("ix_analyses_derived_from_id", "analyses")
    with op.batch_alter_table("analyses") as table:
        table.drop_constraint("fk_analyses_derived_from_id", type_="foreignkey")
        for column in ("derived_from_id", "code_revision", "code_version", "code_name"):
            table.drop_column(column)
        table.add_column(sa.Column("scan_id", SERIAL, nullable=True))
        table.create_foreign_key("fk_analyses_scan_id", "scans", ["scan_id"], ["id"], ondelete="CASCADE")
    op.create_index("ix_analyses_scan_id", "analyses", ["scan_id"])
    for row in first:
        op.get_bind().execute(
            sa.text("UPDATE analyses SET scan_id = :scan_id WHERE id = :analysis_id"), dict(row)
        )


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"
