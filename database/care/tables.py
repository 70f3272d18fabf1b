"""Whole tables from one database to another, a few rows in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Select, Table, func, insert, select, text

from database.models import Base

MOST_BYTES = 16 << 20
MOST_ROWS = 500

_GUARD = "TRIGGER audit_entries_no_change"

Row = dict[str, Any]


def all_tables() -> list[Table]:
    """Every table of the record, referred-to ones first."""
    return list(Base.metadata.sorted_tables)


def rows(connection: Connection, query: Select[Any]) -> Iterator[list[Row]]:
    """The rows of a query, as many at once as are neither many nor large."""
    batch: list[Row] = []
    size = 0
    result = connection.execution_options(stream_results=True, max_row_buffer=16).execute(query)
    for row in result.mappings():
        batch.append(dict(row))
        size += len(row.get("payload") or b"")
        if size > MOST_BYTES or len(batch) >= MOST_ROWS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def copy_rows(source: Connection, target: Connection, table: Table, query: Select[Any]) -> int:
    """The query's rows into a table; gives their number."""
    copied = 0
    for batch in rows(source, query):
        target.execute(insert(table), batch)
        copied += len(batch)
    return copied


def copy_everything(
    source: Connection, target: Connection, done: Callable[[int], object] = lambda rows: None
) -> None:
    """All rows of all tables, with their numbers."""
    for table in all_tables():
        query = select(table).order_by(*table.primary_key.columns)
        done(copy_rows(source, target, table, query))


def clear(connection: Connection) -> None:
    """All rows of all tables of a PostgreSQL database away, those of the audit trail too, whose guard lets
    nobody do so: what takes their place has its own, and what was there is kept in a file.
    """
    connection.execute(text(f"ALTER TABLE audit_entries DISABLE {_GUARD}"))
    for table in reversed(all_tables()):
        connection.execute(table.delete())
    connection.execute(text(f"ALTER TABLE audit_entries ENABLE ALWAYS {_GUARD}"))


def count_up(connection: Connection) -> None:
    """On PostgreSQL: new rows get numbers after those that were copied."""
    for table in all_tables():
        if "id" not in table.c:
            continue
        name = connection.execute(text("SELECT pg_get_serial_sequence(:t, 'id')"), {"t": table.name}).scalar()
        if name is not None:
            query = f'SELECT setval(:name, (SELECT COALESCE(MAX(id), 0) + 1 FROM "{table.name}"), false)'
            connection.execute(text(query), {"name": name})


def total(connection: Connection, tables: Sequence[Table]) -> int:
    """Rows in these tables."""
    return sum(connection.execute(select(func.count()).select_from(t)).scalar_one() for t in tables)
