"""Scans and queues kept to be run again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from database.models.base import Base, Numbered


class ScanTemplate(Numbered, Base):
    """`settings` is what `ScanSettings.serialize()` gives."""

    __tablename__ = "scan_templates"

    name: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str] = mapped_column(Text, default="")
    owner: Mapped[str] = mapped_column(default="")
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)


class QueueTemplate(Numbered, Base):
    """`settings` is what `Queue.serialize()` gives."""

    __tablename__ = "queue_templates"

    name: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str] = mapped_column(Text, default="")
    owner: Mapped[str] = mapped_column(default="")
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
