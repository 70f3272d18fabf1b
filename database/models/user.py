"""People who sign in."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Mapped, mapped_column

from database.models.base import Base, Numbered, states


class Role(StrEnum):
    """What a person may do; `database.services.permissions` says what that is."""

    ADMIN = "admin"
    OPERATOR = "operator"
    VIEWER = "viewer"


class User(Numbered, Base):
    """`password_hash` is empty for people who sign in by link only."""

    __tablename__ = "users"

    username: Mapped[str] = mapped_column(unique=True)
    full_name: Mapped[str] = mapped_column(default="")
    email: Mapped[str] = mapped_column(default="")
    role: Mapped[Role] = mapped_column(states(Role), default=Role.VIEWER)
    password_hash: Mapped[str | None] = mapped_column(default=None)
    last_login_at: Mapped[datetime | None] = mapped_column(default=None)

    @property
    def is_active(self) -> bool:
        return self.archived_at is None
