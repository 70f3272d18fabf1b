"""A queue of scans, and its log."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from database.models.base import Base, Numbered, Serial, now, states
from pybirch.states import ExecutionMode, QueueState

if TYPE_CHECKING:
    from database.models.scan import Scan


class Queue(Numbered, Base):
    """`queue_id` is the core's QID; `current_scan` the text id of the scan that runs.

    Attributes:
        policy: what the queue does by itself (`pybirch.queue.policy.QueuePolicy.as_json`).
        revision: goes up with every edit by somebody.
    """

    __tablename__ = "queues"

    queue_id: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(default="")
    status: Mapped[QueueState] = mapped_column(states(QueueState), default=QueueState.IDLE, index=True)
    mode: Mapped[ExecutionMode] = mapped_column(states(ExecutionMode), default=ExecutionMode.SERIAL)
    max_parallel_scans: Mapped[int] = mapped_column(default=4)
    current_scan: Mapped[str | None] = mapped_column(default=None)
    station: Mapped[str | None] = mapped_column(default=None, index=True)
    operator: Mapped[str] = mapped_column(default="")
    project_id: Mapped[int | None] = mapped_column(
        ForeignKey("projects.id", ondelete="SET NULL"), default=None
    )
    sample_id: Mapped[int | None] = mapped_column(ForeignKey("samples.id", ondelete="SET NULL"), default=None)
    policy: Mapped[dict[str, Any]] = mapped_column(default=dict)
    revision: Mapped[int] = mapped_column(default=0)
    extra_data: Mapped[dict[str, Any]] = mapped_column(default=dict)
    started_at: Mapped[datetime | None] = mapped_column(default=None)
    finished_at: Mapped[datetime | None] = mapped_column(default=None)

    scans: Mapped[list[Scan]] = relationship(
        back_populates="queue", lazy="raise", order_by="(Scan.queue_order, Scan.id)"
    )
    logs: Mapped[list[QueueLog]] = relationship(lazy="raise", order_by="QueueLog.id", viewonly=True)


class QueueKeeper(Numbered, Base):
    """Who keeps the queue of that QID, whether or not it was ever opened: the bearer of a token; without one
    the programs that have the database at hand."""

    __tablename__ = "queue_keepers"

    queue_id: Mapped[str] = mapped_column(unique=True)
    token_id: Mapped[int | None] = mapped_column(
        ForeignKey("api_tokens.id", ondelete="CASCADE"), default=None, index=True
    )


class QueueLog(Base):
    """One line; `scan_id` is the text id of the scan it is about.

    `origin` is, for a line that came from afar, its place in what was sent: ``station:epoch:frame:item``.
    """

    __tablename__ = "queue_logs"
    __table_args__ = (
        Index("ix_queue_logs_queue", "queue_id", "id"),
        Index("ix_queue_logs_origin", "origin", unique=True),
    )

    id: Mapped[int] = mapped_column(Serial, primary_key=True)
    queue_id: Mapped[int] = mapped_column(ForeignKey("queues.id", ondelete="CASCADE"))
    scan_id: Mapped[str | None] = mapped_column(default=None)
    level: Mapped[str] = mapped_column(default="INFO")
    message: Mapped[str] = mapped_column(Text, default="")
    timestamp: Mapped[datetime] = mapped_column(default=now)
    origin: Mapped[str | None] = mapped_column(String(255), default=None)
