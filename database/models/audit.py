"""Who did what, from where: written once, never changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from database.models.base import Base, Serial, now


class AuditEntry(Base):
    """The database itself refuses to change or delete a line (migration 0008).

    So `user_id` is a plain number and no reference, which a user's end would have to change.

    Attributes:
        actor: the name at the time.
        thing: what it was done to, e.g. ``"queue:Q1"``.
        address: where it was asked for: a network address, or ``person@computer`` of a program.
        token: name of the token it was asked with, empty for who signed in.
    """

    __tablename__ = "audit_entries"

    id: Mapped[int] = mapped_column(Serial, primary_key=True)
    timestamp: Mapped[datetime] = mapped_column(default=now, index=True)
    user_id: Mapped[int | None] = mapped_column(Serial, default=None)
    actor: Mapped[str] = mapped_column(default="")
    action: Mapped[str]
    thing: Mapped[str] = mapped_column(default="", index=True)
    address: Mapped[str] = mapped_column(default="")
    token: Mapped[str] = mapped_column(default="")
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
