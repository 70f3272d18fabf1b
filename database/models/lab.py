"""The laboratory."""

from __future__ import annotations

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from database.models.base import Base, Numbered


class Lab(Numbered, Base):
    """`contact` says whom to ask: a name, an address, a telephone number."""

    __tablename__ = "labs"

    name: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str] = mapped_column(Text, default="")
    institution: Mapped[str] = mapped_column(default="")
    location: Mapped[str] = mapped_column(default="")
    contact: Mapped[str] = mapped_column(default="")
