"""What is done to keep equipment right: calibrations and maintenance."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from database.models.base import Base, Numbered, now


class Calibration(Numbered, Base):
    """An instrument was compared with a standard.

    Attributes:
        due_at: when the next one is due; None: never.
        parameters: what was found, e.g. ``{"offset (mV)": 0.12}``.
    """

    __tablename__ = "calibrations"
    __table_args__ = (Index("ix_calibrations_equipment_id", "equipment_id", "performed_at"),)

    equipment_id: Mapped[int] = mapped_column(ForeignKey("equipment.id", ondelete="CASCADE"))
    performed_at: Mapped[datetime] = mapped_column(default=now)
    performed_by: Mapped[str] = mapped_column(default="")
    due_at: Mapped[datetime | None] = mapped_column(default=None)
    certificate: Mapped[str] = mapped_column(default="")
    notes: Mapped[str] = mapped_column(Text, default="")
    parameters: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Maintenance(Numbered, Base):
    """Something was done to an instrument: cleaned, repaired, its oil changed.

    Attributes:
        what: the kind of work; the next of the same name takes this one's place among what is due.
        due_at: when it is due again; None: never.
    """

    __tablename__ = "maintenance"
    __table_args__ = (Index("ix_maintenance_equipment_id", "equipment_id", "performed_at"),)

    equipment_id: Mapped[int] = mapped_column(ForeignKey("equipment.id", ondelete="CASCADE"))
    what: Mapped[str]
    performed_at: Mapped[datetime] = mapped_column(default=now)
    performed_by: Mapped[str] = mapped_column(default="")
    due_at: Mapped[datetime | None] = mapped_column(default=None)
    notes: Mapped[str] = mapped_column(Text, default="")
