"""Instruments, their present state, and when it changed."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from database.models.base import Base, Numbered, Serial, now, states
from pybirch.states import InstrumentState


class EquipmentType(StrEnum):
    MOVEMENT = "movement"
    MEASUREMENT = "measurement"


class Equipment(Numbered, Base):
    """An instrument: one row for one name at one address.

    `timing` is what it was found to take (see `pybirch.instruments.timing`).
    """

    __tablename__ = "equipment"
    __table_args__ = (UniqueConstraint("name", "adapter"),)

    name: Mapped[str]
    nickname: Mapped[str] = mapped_column(default="")
    adapter: Mapped[str] = mapped_column(default="")
    type: Mapped[EquipmentType] = mapped_column(states(EquipmentType))
    pybirch_class: Mapped[str] = mapped_column(default="")
    specifications: Mapped[dict[str, Any]] = mapped_column(default=dict)
    timing: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    description: Mapped[str] = mapped_column(Text, default="")
    manufacturer: Mapped[str] = mapped_column(default="", server_default="")
    model: Mapped[str] = mapped_column(default="", server_default="")
    serial_number: Mapped[str] = mapped_column(default="", server_default="")
    location: Mapped[str] = mapped_column(default="", server_default="")
    lab_id: Mapped[int | None] = mapped_column(ForeignKey("labs.id", ondelete="SET NULL"), default=None)

    status: Mapped[InstrumentStatus | None] = relationship(
        lazy="joined", back_populates="equipment", uselist=False
    )
    status_history: Mapped[list[EquipmentStatusChange]] = relationship(
        lazy="raise", order_by="EquipmentStatusChange.id", viewonly=True
    )


class InstrumentStatus(Base):
    """How an instrument is now: one row an instrument."""

    __tablename__ = "instrument_status"

    equipment_id: Mapped[int] = mapped_column(
        ForeignKey("equipment.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    status: Mapped[InstrumentState] = mapped_column(
        states(InstrumentState), default=InstrumentState.DISCONNECTED
    )
    position: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    target: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    value: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    current_settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    error_message: Mapped[str | None] = mapped_column(Text, default=None)
    last_connected: Mapped[datetime | None] = mapped_column(default=None)
    updated_at: Mapped[datetime] = mapped_column(default=now)

    equipment: Mapped[Equipment] = relationship(back_populates="status", lazy="raise")


class EquipmentStatusChange(Base):
    """From when on an instrument was in a state."""

    __tablename__ = "equipment_status_changes"
    __table_args__ = (Index("ix_equipment_status_changes_equipment", "equipment_id", "id"),)

    id: Mapped[int] = mapped_column(Serial, primary_key=True)
    equipment_id: Mapped[int] = mapped_column(ForeignKey("equipment.id", ondelete="CASCADE"))
    status: Mapped[InstrumentState] = mapped_column(states(InstrumentState))
    error_message: Mapped[str | None] = mapped_column(Text, default=None)
    timestamp: Mapped[datetime] = mapped_column(default=now)
