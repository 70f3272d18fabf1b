"""Where scans went back to measure again, and which readings repeat which."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from database.models.base import Base, Serial, now


class ScanRewind(Base):
    """A scan's walk was taken up again at an earlier step.

    Attributes:
        step: where.
        counts: readings there were, by measurement.
    """

    __tablename__ = "scan_rewinds"

    id: Mapped[int] = mapped_column(Serial, primary_key=True)
    scan_id: Mapped[int] = mapped_column(ForeignKey("scans.id", ondelete="CASCADE"), index=True)
    step: Mapped[int] = mapped_column(BigInteger)
    counts: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=now)


class MeasurementReplacement(Base):
    """The `count` readings from `first_index` on repeat those from `replaces` on, one by one."""

    __tablename__ = "measurement_replacements"
    __table_args__ = (UniqueConstraint("measurement_object_id", "first_index"),)

    id: Mapped[int] = mapped_column(Serial, primary_key=True)
    measurement_object_id: Mapped[int] = mapped_column(
        ForeignKey("measurement_objects.id", ondelete="CASCADE")
    )
    first_index: Mapped[int] = mapped_column(BigInteger)
    count: Mapped[int] = mapped_column(BigInteger)
    replaces: Mapped[int] = mapped_column(BigInteger)
