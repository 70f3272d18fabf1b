"""Tags as rows, descent and pictures of samples; what keeps equipment right."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
NAME = sa.String(255)
JSON = sa.JSON(none_as_null=True)
SAMPLES = sa.table(
    "samples",
    sa.column("id", SERIAL),
    sa.column("additional_tags", JSON),
    sa.column("created_at", TIME),
    sa.column("updated_at", TIME),
)
TAGS = sa.table("sample_tags", sa.column("sample_id"), sa.column("tag"), sa.column("place"))
FACTS = ("manufacturer", "model", "serial_number", "location")
LONG_AGO = "1970-01-01 00:00:00.000000"
MOST = 255
"""Characters a tag may have."""


def upgrade() -> None:
    op.create_table(
        "sample_tags",
        sa.Column("sample_id", SERIAL, autoincrement=False, nullable=False),
        sa.Column("tag", NAME, nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        refers("sample_tags", "sample_id", "samples"),
        sa.PrimaryKeyConstraint("sample_id", "tag", name="pk_sample_tags"),
    )
    op.create_index("ix_sample_tags_tag", "sample_tags", ["tag", "sample_id"])
    op.create_table(
        "sample_origins",
        sa.Column("child_id", SERIAL, autoincrement=False, nullable=False),
        sa.Column("parent_id", SERIAL, autoincrement=False, nullable=False),
        refers("sample_origins", "child_id", "samples"),
        refers("sample_origins", "parent_id", "samples"),
        sa.PrimaryKeyConstraint("child_id", "parent_id", name="pk_sample_origins"),
    )
    op.create_index("ix_sample_origins_parent_id", "sample_origins", ["parent_id"])
    op.create_table(
        "sample_images",
        sa.Column("id", SERIAL, primary_key=True),
        sa.Column("sample_id", SERIAL, nullable=False),
        sa.Column("digest", NAME, nullable=False),
        sa.Column("media_type", NAME, nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("caption", NAME, nullable=False),
        sa.Column("added_by", NAME, nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        *kept_moments(),
        refers("sample_images", "sample_id", "samples"),
        sa.UniqueConstraint("sample_id", "digest", name="uq_sample_images_sample_id_digest"),
    )
    for table, own in (("calibrations", calibration_columns()), ("maintenance", maintenance_columns())):
        op.create_table(
            table,
            sa.Column("id", SERIAL, primary_key=True),
            sa.Column("equipment_id", SERIAL, nullable=False),
            *own,
            sa.Column("performed_at", TIME, nullable=False),
            sa.Column("performed_by", NAME, nullable=False),
            sa.Column("due_at", TIME, nullable=True),
            sa.Column("notes", sa.Text(), nullable=False),
            *kept_moments(),
            refers(table, "equipment_id", "equipment"),
        )
        op.create_index(f"ix_{table}_equipment_id", table, ["equipment_id", "performed_at"])
    for name in FACTS:
        op.add_column("equipment", sa.Column(name, NAME, nullable=False, server_default=""))
    # With a default, so that SQLite need not make the table anew: dropping the old one would empty what
    # refers to it.
    op.add_column("samples", sa.Column("updated_at", TIME, nullable=False, server_default=LONG_AGO))
    op.execute(SAMPLES.update().values(updated_at=SAMPLES.c.created_at))
    tags_to_rows()
    op.drop_column("samples", "additional_tags")


def downgrade() -> None:
    op.add_column("samples", sa.Column("additional_tags", JSON, nullable=False, server_default="[]"))
    rows_to_tags()
    op.drop_column("samples", "updated_at")
    for name in FACTS:
        op.drop_column("equipment", name)
    for table in ("maintenance", "calibrations", "sample_images", "sample_origins", "sample_tags"):
        op.drop_table(table)


def calibration_columns() -> list[sa.Column]:
    return [
        sa.Column("certificate", NAME, nullable=False),
        sa.Column("parameters", JSON, nullable=False),
    ]


def maintenance_columns() -> list[sa.Column]:
    return [sa.Column("what", NAME, nullable=False)]


def kept_moments() -> list[sa.Column]:
    return [sa.Column("created_at", TIME, nullable=False), sa.Column("archived_at", TIME, nullable=True)]


def refers(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=f"fk_{table}_{column}", ondelete="CASCADE")


def tags_to_rows() -> None:
    connection = op.get_bind()
    for number, tags in connection.execute(sa.select(SAMPLES.c.id, SAMPLES.c.additional_tags)).all():
        words = dict.fromkeys(str(tag)[:MOST] for tag in tags or () if str(tag).strip())
        rows = [{"sample_id": number, "tag": tag, "place": place} for place, tag in enumerate(words)]
        if rows:
            connection.execute(TAGS.insert(), rows)


def rows_to_tags() -> None:
    connection = op.get_bind()
    found: dict[int, list[str]] = {}
    query = sa.select(TAGS.c.sample_id, TAGS.c.tag).order_by(TAGS.c.sample_id, TAGS.c.place)
    for number, tag in connection.execute(query):
        found.setdefault(number, []).append(tag)
    for number, tags in found.items():
        connection.execute(
            sa.text("UPDATE samples SET additional_tags = CAST(:tags AS JSON) WHERE id = :number")
            if connection.dialect.name == "postgresql"
            else sa.text("UPDATE samples SET additional_tags = :tags WHERE id = :number"),
            {"tags": json.dumps(tags), "number": number},
        )
