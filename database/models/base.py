"""What all mappings share: the declarative base, UTC times, JSON without NaN, archiving."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from importlib import import_module
from typing import Any, TypeVar

from sqlalchemy import JSON, BigInteger, DateTime, Enum, Integer, MetaData, String, event
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, Mapper, mapped_column
from sqlalchemy.types import TypeDecorator

AGGREGATES = (
    "analysis",
    "audit",
    "block",
    "conditions",
    "equipment",
    "lab",
    "measurement",
    "project",
    "queue",
    "rewind",
    "sample",
    "scan",
    "sign_in",
    "station",
    "template",
    "token",
    "upkeep",
    "user",
)
"""The modules of this package that map tables."""

_E = TypeVar("_E", bound=StrEnum)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, always UTC and aware in Python, whatever the database keeps."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Json = JSON(none_as_null=True)
Serial = BigInteger().with_variant(Integer, "sqlite")
"""A number that counts up; SQLite wants its own word for it."""


def states(enum: type[_E]) -> Enum:
    """A column type for a `StrEnum`, stored by value as text."""
    return Enum(
        enum,
        native_enum=False,
        create_constraint=False,
        length=24,
        values_callable=lambda members: [member.value for member in members],
    )


def now() -> datetime:
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """All tables of the record."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {
        datetime: UtcDateTime(),
        dict[str, Any]: Json,
        list[Any]: Json,
        list[str]: Json,
        str: String(255),
    }

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.__dict__.get('id')}>"


class Numbered:
    """A row with a number, its moment of creation, and a moment since when it is archived."""

    id: Mapped[int] = mapped_column(Serial, primary_key=True, sort_order=-2)
    created_at: Mapped[datetime] = mapped_column(default=now, sort_order=90)
    archived_at: Mapped[datetime | None] = mapped_column(default=None, sort_order=91)


@event.listens_for(Mapper, "before_configured")
def _load_every_aggregate() -> None:
    for name in AGGREGATES:
        import_module(f"database.models.{name}")
