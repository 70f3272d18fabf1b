"""A station: the process that owns instruments and runs queues."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from database.models.base import Base, Numbered

_ORDERLY = ("stopped", "(exit code 0)")
"""How reasons end that the station gave itself, or who watched it."""


class Station(Numbered, Base):
    """One row a name; `epoch` is the life it is in, earlier ones may write nothing more.

    Attributes:
        interrupted: text ids of the scans that the last attach or detach marked interrupted;
            not stored.
    """

    __tablename__ = "stations"

    name: Mapped[str] = mapped_column(unique=True)
    epoch: Mapped[str] = mapped_column(default="")
    past_epochs: Mapped[list[str]] = mapped_column(default=list)
    pid: Mapped[int | None] = mapped_column(default=None)
    host: Mapped[str] = mapped_column(default="")
    attached_at: Mapped[datetime | None] = mapped_column(default=None)
    detached_at: Mapped[datetime | None] = mapped_column(default=None)
    detach_reason: Mapped[str | None] = mapped_column(Text, default=None)

    @property
    def interrupted(self) -> list[str]:
        return getattr(self, "_interrupted", [])

    @interrupted.setter
    def interrupted(self, scan_ids: list[str]) -> None:
        self._interrupted = scan_ids

    @property
    def ended_in_order(self) -> bool:
        """Whether its last life came to an orderly end, as the reason tells that was noted then."""
        return self.detached_at is not None and (self.detach_reason or "").endswith(_ORDERLY)

    @property
    def is_attached(self) -> bool:
        """Attached in its present epoch, as far as the record knows."""
        return bool(self.epoch) and self.detached_at is None


class StationKeeper(Numbered, Base):
    """The token that speaks for a station of that name, whether or not the station was ever attached."""

    __tablename__ = "station_keepers"

    station: Mapped[str] = mapped_column(unique=True)
    token_id: Mapped[int] = mapped_column(ForeignKey("api_tokens.id", ondelete="CASCADE"), index=True)
