"""Where readings lie: encoded columns of consecutive readings, and summaries apart from them."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from database.models.base import Base, Serial


class MeasurementBlock(Base):
    """Readings ``first_index … first_index + count - 1`` of one measurement.

    Attributes:
        level: how often its readings were merged; `database.services.merging` says when they are.
        codec: how `payload` is encoded (`database.codec`).
        checksum: CRC-32 over identity and payload.
    """

    __tablename__ = "measurement_blocks"
    __table_args__ = (UniqueConstraint("measurement_object_id", "first_index"),)

    id: Mapped[int] = mapped_column(Serial, primary_key=True)
    measurement_object_id: Mapped[int] = mapped_column(
        ForeignKey("measurement_objects.id", ondelete="CASCADE")
    )
    first_index: Mapped[int] = mapped_column(BigInteger)
    count: Mapped[int]
    level: Mapped[int] = mapped_column(SmallInteger)
    codec: Mapped[int] = mapped_column(SmallInteger)
    checksum: Mapped[int] = mapped_column(BigInteger)
    payload: Mapped[bytes] = mapped_column(LargeBinary)


class MeasurementSummary(Base):
    """Min, max, mean, number and order of the scalar columns over bins of `bin` readings.

    Tier 0 covers one full block; tier n + 1 covers many of tier n in coarser bins, so that any
    zoom reads a bounded number of rows.
    """

    __tablename__ = "measurement_summaries"
    __table_args__ = (UniqueConstraint("measurement_object_id", "tier", "first_index"),)

    id: Mapped[int] = mapped_column(Serial, primary_key=True)
    measurement_object_id: Mapped[int] = mapped_column(
        ForeignKey("measurement_objects.id", ondelete="CASCADE")
    )
    tier: Mapped[int] = mapped_column(SmallInteger)
    first_index: Mapped[int] = mapped_column(BigInteger)
    count: Mapped[int] = mapped_column(BigInteger)
    bin: Mapped[int] = mapped_column(BigInteger)
    checksum: Mapped[int] = mapped_column(BigInteger)
    payload: Mapped[bytes] = mapped_column(LargeBinary)
