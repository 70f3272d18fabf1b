"""What somebody computed from a scan."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from database.models.base import Base, Numbered


class Analysis(Numbered, Base):
    __tablename__ = "analyses"

    scan_id: Mapped[int | None] = mapped_column(
        ForeignKey("scans.id", ondelete="CASCADE"), default=None, index=True
    )
    name: Mapped[str]
    analysis_type: Mapped[str] = mapped_column(default="")
    owner: Mapped[str] = mapped_column(default="")
    parameters: Mapped[dict[str, Any]] = mapped_column(default=dict)
    results: Mapped[dict[str, Any]] = mapped_column(default=dict)
    notes: Mapped[str] = mapped_column(Text, default="")
