"""Who did what."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from database.models.base import Base, Serial, now


class AuditEntry(Base):
    """`actor` is the name at the time, kept when the user goes; `thing` e.g. ``"queue:Q1"``."""

    __tablename__ = "audit_entries"

    id: Mapped[int] = mapped_column(Serial, primary_key=True)
    timestamp: Mapped[datetime] = mapped_column(default=now, index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), default=None)
    actor: Mapped[str] = mapped_column(default="")
    action: Mapped[str]
    thing: Mapped[str] = mapped_column(default="")
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
