"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
JSON = sa.JSON(none_as_null=True)
NAME = sa.String(255)
STATE = sa.String(24)


def refers(table: str, column: str, to: str, ondelete: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_{column}"
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=name, ondelete=ondelete)


def key() -> sa.Column:
    return sa.Column("id", SERIAL, primary_key=True)


def kept_moments() -> tuple[sa.Column, sa.Column]:
    return sa.Column("created_at", TIME, nullable=False), sa.Column("archived_at", TIME, nullable=True)


def upgrade() -> None:
    op.create_table(
        "labs",
        key(),
        sa.Column("name", NAME, nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("location", NAME, nullable=False),
        *kept_moments(),
        sa.UniqueConstraint("name", name="uq_labs_name"),
    )
    op.create_table(
        "queue_templates",
        key(),
        sa.Column("name", NAME, nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("owner", NAME, nullable=False),
        sa.Column("settings", JSON, nullable=False),
        *kept_moments(),
        sa.UniqueConstraint("name", name="uq_queue_templates_name"),
    )
    op.create_table(
        "scan_templates",
        key(),
        sa.Column("name", NAME, nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("owner", NAME, nullable=False),
        sa.Column("settings", JSON, nullable=False),
        *kept_moments(),
        sa.UniqueConstraint("name", name="uq_scan_templates_name"),
    )
    op.create_table(
        "stations",
        key(),
        sa.Column("name", NAME, nullable=False),
        sa.Column("epoch", NAME, nullable=False),
        sa.Column("past_epochs", JSON, nullable=False),
        sa.Column("pid", sa.Integer(), nullable=True),
        sa.Column("host", NAME, nullable=False),
        sa.Column("attached_at", TIME, nullable=True),
        sa.Column("detached_at", TIME, nullable=True),
        sa.Column("detach_reason", sa.Text(), nullable=True),
        *kept_moments(),
        sa.UniqueConstraint("name", name="uq_stations_name"),
    )
    op.create_table(
        "users",
        key(),
        sa.Column("username", NAME, nullable=False),
        sa.Column("full_name", NAME, nullable=False),
        sa.Column("email", NAME, nullable=False),
        sa.Column("role", STATE, nullable=False),
        sa.Column("password_hash", NAME, nullable=True),
        sa.Column("last_login_at", TIME, nullable=True),
        *kept_moments(),
        sa.UniqueConstraint("username", name="uq_users_username"),
    )
    op.create_table(
        "api_tokens",
        key(),
        sa.Column("name", NAME, nullable=False),
        sa.Column("user_id", SERIAL, nullable=True),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("scopes", JSON, nullable=False),
        sa.Column("last_used_at", TIME, nullable=True),
        sa.Column("revoked_at", TIME, nullable=True),
        *kept_moments(),
        refers("api_tokens", "user_id", "users", "CASCADE"),
        sa.UniqueConstraint("secret_hash", name="uq_api_tokens_secret_hash"),
    )
    op.create_table(
        "audit_entries",
        key(),
        sa.Column("timestamp", TIME, nullable=False),
        sa.Column("user_id", SERIAL, nullable=True),
        sa.Column("actor", NAME, nullable=False),
        sa.Column("action", NAME, nullable=False),
        sa.Column("thing", NAME, nullable=False),
        sa.Column("detail", JSON, nullable=False),
        refers("audit_entries", "user_id", "users", "SET NULL"),
    )
    op.create_index("ix_audit_entries_timestamp", "audit_entries", ["timestamp"], unique=False)
    op.create_table(
        "equipment",
        key(),
        sa.Column("name", NAME, nullable=False),
        sa.Column("nickname", NAME, nullable=False),
        sa.Column("adapter", NAME, nullable=False),
        sa.Column("type", STATE, nullable=False),
        sa.Column("pybirch_class", NAME, nullable=False),
        sa.Column("specifications", JSON, nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("lab_id", SERIAL, nullable=True),
        *kept_moments(),
        refers("equipment", "lab_id", "labs", "SET NULL"),
        sa.UniqueConstraint("name", "adapter", name="uq_equipment_name_adapter"),
    )
    op.create_table(
        "login_codes",
        key(),
        sa.Column("user_id", SERIAL, nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("used_at", TIME, nullable=True),
        *kept_moments(),
        refers("login_codes", "user_id", "users", "CASCADE"),
        sa.UniqueConstraint("code_hash", name="uq_login_codes_code_hash"),
    )
    op.create_index("ix_login_codes_expires_at", "login_codes", ["expires_at"], unique=False)
    op.create_table(
        "projects",
        key(),
        sa.Column("name", NAME, nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("lab_id", SERIAL, nullable=True),
        *kept_moments(),
        refers("projects", "lab_id", "labs", "SET NULL"),
        sa.UniqueConstraint("name", name="uq_projects_name"),
    )
    op.create_table(
        "equipment_status_changes",
        key(),
        sa.Column("equipment_id", SERIAL, nullable=False),
        sa.Column("status", STATE, nullable=False),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("timestamp", TIME, nullable=False),
        refers("equipment_status_changes", "equipment_id", "equipment", "CASCADE"),
    )
    op.create_index(
        "ix_equipment_status_changes_equipment",
        "equipment_status_changes",
        ["equipment_id", "id"],
        unique=False,
    )
    op.create_table(
        "instrument_status",
        sa.Column("equipment_id", SERIAL, autoincrement=False, nullable=False),
        sa.Column("status", STATE, nullable=False),
        sa.Column("position", JSON, nullable=True),
        sa.Column("target", JSON, nullable=True),
        sa.Column("value", JSON, nullable=True),
        sa.Column("current_settings", JSON, nullable=False),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("last_connected", TIME, nullable=True),
        sa.Column("updated_at", TIME, nullable=False),
        refers("instrument_status", "equipment_id", "equipment", "CASCADE"),
        sa.PrimaryKeyConstraint("equipment_id", name="pk_instrument_status"),
    )
    op.create_table(
        "samples",
        key(),
        sa.Column("sample_id", NAME, nullable=False),
        sa.Column("material", NAME, nullable=False),
        sa.Column("additional_tags", JSON, nullable=False),
        sa.Column("image", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("status", NAME, nullable=False),
        sa.Column("extra_data", JSON, nullable=False),
        sa.Column("lab_id", SERIAL, nullable=True),
        sa.Column("project_id", SERIAL, nullable=True),
        *kept_moments(),
        refers("samples", "lab_id", "labs", "SET NULL"),
        refers("samples", "project_id", "projects", "SET NULL"),
        sa.UniqueConstraint("sample_id", name="uq_samples_sample_id"),
    )
    op.create_table(
        "queues",
        key(),
        sa.Column("queue_id", NAME, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("status", STATE, nullable=False),
        sa.Column("mode", STATE, nullable=False),
        sa.Column("max_parallel_scans", sa.Integer(), nullable=False),
        sa.Column("current_scan", NAME, nullable=True),
        sa.Column("station", NAME, nullable=True),
        sa.Column("operator", NAME, nullable=False),
        sa.Column("project_id", SERIAL, nullable=True),
        sa.Column("sample_id", SERIAL, nullable=True),
        sa.Column("extra_data", JSON, nullable=False),
        sa.Column("started_at", TIME, nullable=True),
        sa.Column("finished_at", TIME, nullable=True),
        *kept_moments(),
        refers("queues", "project_id", "projects", "SET NULL"),
        refers("queues", "sample_id", "samples", "SET NULL"),
        sa.UniqueConstraint("queue_id", name="uq_queues_queue_id"),
    )
    op.create_index("ix_queues_station", "queues", ["station"], unique=False)
    op.create_index("ix_queues_status", "queues", ["status"], unique=False)
    op.create_table(
        "queue_logs",
        key(),
        sa.Column("queue_id", SERIAL, nullable=False),
        sa.Column("scan_id", NAME, nullable=True),
        sa.Column("level", NAME, nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("timestamp", TIME, nullable=False),
        refers("queue_logs", "queue_id", "queues", "CASCADE"),
    )
    op.create_index("ix_queue_logs_queue", "queue_logs", ["queue_id", "id"], unique=False)
    op.create_table(
        "scans",
        key(),
        sa.Column("scan_id", NAME, nullable=False),
        sa.Column("project_name", NAME, nullable=False),
        sa.Column("scan_name", NAME, nullable=False),
        sa.Column("scan_type", NAME, nullable=False),
        sa.Column("job_type", NAME, nullable=False),
        sa.Column("owner", NAME, nullable=False),
        sa.Column("scan_tree_data", JSON, nullable=True),
        sa.Column("additional_tags", JSON, nullable=False),
        sa.Column("extra_data", JSON, nullable=False),
        sa.Column("status", STATE, nullable=False),
        sa.Column("requested", STATE, nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("progress", sa.Double(), nullable=False),
        sa.Column("points_done", sa.BigInteger(), nullable=False),
        sa.Column("points_total", sa.BigInteger(), nullable=True),
        sa.Column("restarted_from", NAME, nullable=True),
        sa.Column("writer", NAME, nullable=True),
        sa.Column("project_id", SERIAL, nullable=True),
        sa.Column("sample_id", SERIAL, nullable=True),
        sa.Column("queue_id", SERIAL, nullable=True),
        sa.Column("queue_order", sa.Integer(), nullable=False),
        sa.Column("started_at", TIME, nullable=True),
        sa.Column("finished_at", TIME, nullable=True),
        *kept_moments(),
        refers("scans", "project_id", "projects", "SET NULL"),
        refers("scans", "queue_id", "queues", "SET NULL"),
        refers("scans", "sample_id", "samples", "SET NULL"),
        sa.UniqueConstraint("scan_id", name="uq_scans_scan_id"),
    )
    op.create_index("ix_scans_created_at", "scans", ["created_at"], unique=False)
    op.create_index("ix_scans_queue", "scans", ["queue_id", "queue_order"], unique=False)
    op.create_index("ix_scans_status", "scans", ["status"], unique=False)
    op.create_index("ix_scans_writer", "scans", ["writer"], unique=False)
    op.create_table(
        "analyses",
        key(),
        sa.Column("scan_id", SERIAL, nullable=True),
        sa.Column("name", NAME, nullable=False),
        sa.Column("analysis_type", NAME, nullable=False),
        sa.Column("owner", NAME, nullable=False),
        sa.Column("parameters", JSON, nullable=False),
        sa.Column("results", JSON, nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        *kept_moments(),
        refers("analyses", "scan_id", "scans", "CASCADE"),
    )
    op.create_index("ix_analyses_scan_id", "analyses", ["scan_id"], unique=False)
    op.create_table(
        "measurement_objects",
        key(),
        sa.Column("scan_id", SERIAL, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("layout", JSON, nullable=False),
        sa.Column("next_index", sa.BigInteger(), nullable=False),
        sa.Column("open_from", sa.BigInteger(), nullable=False),
        sa.Column("open_blocks", sa.Integer(), nullable=False),
        *kept_moments(),
        refers("measurement_objects", "scan_id", "scans", "CASCADE"),
        sa.UniqueConstraint("scan_id", "name", name="uq_measurement_objects_scan_id_name"),
    )
    op.create_table(
        "measurement_blocks",
        key(),
        sa.Column("measurement_object_id", SERIAL, nullable=False),
        sa.Column("first_index", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("codec", sa.SmallInteger(), nullable=False),
        sa.Column("checksum", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        refers("measurement_blocks", "measurement_object_id", "measurement_objects", "CASCADE"),
        sa.UniqueConstraint(
            "measurement_object_id",
            "first_index",
            name="uq_measurement_blocks_measurement_object_id_first_index",
        ),
    )
    op.create_table(
        "measurement_data_arrays",
        key(),
        sa.Column("measurement_object_id", SERIAL, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("sequence_index", sa.BigInteger(), nullable=True),
        sa.Column("dtype", NAME, nullable=False),
        sa.Column("shape", JSON, nullable=False),
        sa.Column("codec", sa.Integer(), nullable=False),
        sa.Column("checksum", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("timestamp", TIME, nullable=False),
        refers("measurement_data_arrays", "measurement_object_id", "measurement_objects", "CASCADE"),
    )
    op.create_index(
        "ix_measurement_data_arrays_object",
        "measurement_data_arrays",
        ["measurement_object_id", "sequence_index"],
        unique=False,
    )
    op.create_table(
        "measurement_summaries",
        key(),
        sa.Column("measurement_object_id", SERIAL, nullable=False),
        sa.Column("tier", sa.SmallInteger(), nullable=False),
        sa.Column("first_index", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("bin", sa.BigInteger(), nullable=False),
        sa.Column("checksum", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        refers("measurement_summaries", "measurement_object_id", "measurement_objects", "CASCADE"),
        sa.UniqueConstraint(
            "measurement_object_id",
            "tier",
            "first_index",
            name="uq_measurement_summaries_measurement_object_id_tier_first_index",
        ),
    )
    if op.get_bind().dialect.name == "postgresql":  # payloads are compressed already
        for table in ("measurement_blocks", "measurement_summaries", "measurement_data_arrays"):
            op.execute(f"ALTER TABLE {table} ALTER COLUMN payload SET STORAGE EXTERNAL")


def downgrade() -> None:
    for table in (
        "measurement_summaries",
        "measurement_data_arrays",
        "measurement_blocks",
        "measurement_objects",
        "analyses",
        "scans",
        "queue_logs",
        "queues",
        "samples",
        "instrument_status",
        "equipment_status_changes",
        "projects",
        "login_codes",
        "equipment",
        "audit_entries",
        "api_tokens",
        "users",
        "stations",
        "scan_templates",
        "queue_templates",
        "labs",
    ):
        op.drop_table(table)
