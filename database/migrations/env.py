"""Alembic's entry: migrates over the connection it is given, or opens one from `sqlalchemy.url`."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from database.migrations.runner import is_mapped
from database.models import base
from database.session import Database

base._load_every_aggregate()


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=base.Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        include_name=is_mapped,
    )
    context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    database = Database(context.config.get_main_option("sqlalchemy.url") or "sqlite:///pybirch.db")
    try:
        with database.write_connection() as connection:
            migrate(connection)
    finally:
        database.dispose()
