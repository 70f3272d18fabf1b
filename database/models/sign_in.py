"""Browsers that are signed in."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from database.models.base import Base, Numbered
from database.models.user import User


class SignIn(Numbered, Base):
    """One browser's sign-in, from its beginning to its sign-out; of its key only the hash is kept."""

    __tablename__ = "sign_ins"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)

    user: Mapped[User] = relationship(lazy="joined")
