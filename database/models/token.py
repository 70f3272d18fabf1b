"""Keys for programs (tokens) and for one sign-in (login codes); only their hashes are kept."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from database.models.base import Base, Numbered
from database.models.user import User


class ApiToken(Numbered, Base):
    """A program's key. `scopes`: any of station, operate, read, admin."""

    __tablename__ = "api_tokens"

    name: Mapped[str]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), default=None)
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]] = mapped_column(default=list)
    last_used_at: Mapped[datetime | None] = mapped_column(default=None)
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)

    user: Mapped[User | None] = relationship(lazy="joined")

    @property
    def is_active(self) -> bool:
        """Not revoked, and its owner, if it has one, still here."""
        if self.revoked_at is not None or self.archived_at is not None:
            return False
        return self.user is None or self.user.is_active


class LoginCode(Numbered, Base):
    """A text that signs one person in, once, for a few minutes."""

    __tablename__ = "login_codes"
    __table_args__ = (Index("ix_login_codes_expires_at", "expires_at"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    code_hash: Mapped[str] = mapped_column(String(64), unique=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None] = mapped_column(default=None)
