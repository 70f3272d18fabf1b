"""What scans ran under."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from database.models.base import Base, Serial, now


class ScanConditions(Base):
    """Instruments with their settings and drivers, software, sample and operator at one moment of a scan.

    Attributes:
        taken_at: when; also tells a record that comes again from a new one.
        why: "start" or "resume".
        conditions: what `pybirch.scan.conditions.conditions_of` gives.
    """

    __tablename__ = "scan_conditions"
    __table_args__ = (UniqueConstraint("scan_id", "taken_at"),)

    id: Mapped[int] = mapped_column(Serial, primary_key=True)
    scan_id: Mapped[int] = mapped_column(ForeignKey("scans.id", ondelete="CASCADE"))
    taken_at: Mapped[datetime] = mapped_column(default=now)
    why: Mapped[str] = mapped_column(default="start")
    conditions: Mapped[dict[str, Any]]
