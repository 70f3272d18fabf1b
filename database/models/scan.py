"""A scan: what was asked, how far it came, who writes it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from database.models.base import Base, Json, Numbered, states
from database.models.queue import Queue
from database.models.sample import Sample
from pybirch.states import ScanState, Wish


class Scan(Numbered, Base):
    """`scan_id` is the text known everywhere; `extra_data` keeps extensions, user_fields, on_pause and error.

    Attributes:
        writer: who alone may add readings, ``"<station>:<epoch>"`` or a random text; with
            ``/ended`` behind it once the scan was interrupted, until somebody claims it.
        queue_order: place in its queue, from 0.
        terms: on which it runs there (`pybirch.queue.terms.Terms.as_json`).
        restarted_from: text id of the scan this one repeats.
        archive: the file its readings were moved to (`database.care.archive`), if they were.
    """

    __tablename__ = "scans"
    __table_args__ = (
        Index("ix_scans_queue", "queue_id", "queue_order"),
        Index("ix_scans_created_at", "created_at"),
    )

    scan_id: Mapped[str] = mapped_column(unique=True)
    project_name: Mapped[str] = mapped_column(default="")
    scan_name: Mapped[str] = mapped_column(default="")
    scan_type: Mapped[str] = mapped_column(default="")
    job_type: Mapped[str] = mapped_column(default="")
    owner: Mapped[str] = mapped_column(default="")
    scan_tree_data: Mapped[list[Any] | None] = mapped_column(Json, default=None)
    additional_tags: Mapped[list[str]] = mapped_column(default=list)
    extra_data: Mapped[dict[str, Any]] = mapped_column(default=dict)
    status: Mapped[ScanState] = mapped_column(states(ScanState), default=ScanState.QUEUED)
    requested: Mapped[Wish | None] = mapped_column(states(Wish), default=None)
    message: Mapped[str | None] = mapped_column(Text, default=None)
    progress: Mapped[float] = mapped_column(default=0.0)
    points_done: Mapped[int] = mapped_column(BigInteger, default=0)
    points_replaced: Mapped[int] = mapped_column(BigInteger, default=0)
    points_total: Mapped[int | None] = mapped_column(BigInteger, default=None)
    restarted_from: Mapped[str | None] = mapped_column(default=None)
    writer: Mapped[str | None] = mapped_column(default=None, index=True)
    archive: Mapped[str | None] = mapped_column(Text, default=None)
    project_id: Mapped[int | None] = mapped_column(
        ForeignKey("projects.id", ondelete="SET NULL"), default=None
    )
    sample_id: Mapped[int | None] = mapped_column(ForeignKey("samples.id", ondelete="SET NULL"), default=None)
    queue_id: Mapped[int | None] = mapped_column(ForeignKey("queues.id", ondelete="SET NULL"), default=None)
    queue_order: Mapped[int] = mapped_column(default=0)
    terms: Mapped[dict[str, Any]] = mapped_column(default=dict)
    started_at: Mapped[datetime | None] = mapped_column(default=None)
    finished_at: Mapped[datetime | None] = mapped_column(default=None)

    sample: Mapped[Sample | None] = relationship(lazy="joined")
    queue: Mapped[Queue | None] = relationship(lazy="joined", back_populates="scans")

    @property
    def error(self) -> str | None:
        """What went wrong, if something did."""
        return (self.extra_data or {}).get("error")

    @property
    def settings(self) -> dict[str, Any]:
        """What `ScanSettings.serialize()` gave when the scan was stored."""
        extra = self.extra_data or {}
        return {
            "project_name": self.project_name,
            "scan_name": self.scan_name,
            "scan_type": self.scan_type,
            "job_type": self.job_type,
            "scan_tree": self.scan_tree_data,
            "extensions": extra.get("extensions", []),
            "additional_tags": list(self.additional_tags or ()),
            "user_fields": extra.get("user_fields", {}),
            "on_pause": extra.get("on_pause", "hold"),
        }
