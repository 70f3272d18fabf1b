"""The laboratory."""

from __future__ import annotations

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from database.models.base import Base, Numbered


class Lab(Numbered, Base):
    __tablename__ = "labs"

    name: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str] = mapped_column(Text, default="")
    location: Mapped[str] = mapped_column(default="")
