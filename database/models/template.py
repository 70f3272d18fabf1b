"""Scans and queues kept to be run again, and what they were before they were changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from database.models.base import Base, Numbered, Serial, now


class ScanTemplate(Numbered, Base):
    """`settings` is what `ScanSettings.serialize()` gives; `version` goes up with every change of them."""

    __tablename__ = "scan_templates"

    name: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str] = mapped_column(Text, default="")
    owner: Mapped[str] = mapped_column(default="")
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    version: Mapped[int] = mapped_column(default=1)


class QueueTemplate(Numbered, Base):
    """`settings` is what `Queue.serialize()` gives; `version` goes up with every change of them."""

    __tablename__ = "queue_templates"

    name: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str] = mapped_column(Text, default="")
    owner: Mapped[str] = mapped_column(default="")
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    version: Mapped[int] = mapped_column(default=1)


class TemplateVersion(Base):
    """The settings of a template as they were before they were changed; templates are never deleted.

    Attributes:
        kind: "scan" or "queue".
        template_id: number of the template among those of its kind.
        by: who replaced them.
    """

    __tablename__ = "template_versions"
    __table_args__ = (UniqueConstraint("kind", "template_id", "version"),)

    id: Mapped[int] = mapped_column(Serial, primary_key=True)
    kind: Mapped[str]
    template_id: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[int]
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    by: Mapped[str] = mapped_column(default="")
    replaced_at: Mapped[datetime] = mapped_column(default=now)
