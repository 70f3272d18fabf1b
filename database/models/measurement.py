"""What a scan measured under one name: its columns, one reading of it, and arrays beside the readings."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from database.models.base import Base, Json, Numbered, Serial, now

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class MeasurementObject(Numbered, Base):
    """One measurement name of one scan; its readings lie in `MeasurementBlock`s.

    Attributes:
        layout: columns in the order in which blocks keep them, ``{name, unit, role, shape}``; role
            is position or data (time and step are kept for every reading); shape is [] for scalars,
            [k] for arrays, [null] where lengths differ. Empty until columns are known.
        next_index: the sequence_index that the next reading will have.
        open_from: first index of the blocks that have not been merged yet.
        open_blocks: how many they are.
        replaced: how many of its readings were repeated after a rewind (`MeasurementReplacement`).
    """

    __tablename__ = "measurement_objects"
    __table_args__ = (UniqueConstraint("scan_id", "name"),)

    scan_id: Mapped[int] = mapped_column(ForeignKey("scans.id", ondelete="CASCADE"))
    name: Mapped[str]
    layout: Mapped[list[Any]] = mapped_column(Json, default=list)
    next_index: Mapped[int] = mapped_column(BigInteger, default=0)
    open_from: Mapped[int] = mapped_column(BigInteger, default=0)
    open_blocks: Mapped[int] = mapped_column(default=0)
    replaced: Mapped[int] = mapped_column(BigInteger, default=0)

    @property
    def columns(self) -> list[str]:
        """Bare names of all columns, positions first."""
        return [column["name"] for column in self.layout]

    @property
    def units(self) -> list[str]:
        """Unit of each of `columns`; empty where there is none."""
        return [column["unit"] for column in self.layout]

    @property
    def count(self) -> int:
        """Readings stored."""
        return self.next_index

    @property
    def last_index(self) -> int:
        """The last sequence_index stored, -1 if there is none."""
        return self.next_index - 1


@dataclass(frozen=True, slots=True)
class MeasurementDataPoint:
    """One reading, taken out of its block.

    Attributes:
        values: bare column name -> number, or array where a reading is an array. A position whose
            name is also a data column's stands under ``"<name> (position)"``.
        replaces: the index of the reading that it repeats, if it does.
    """

    measurement_object_id: int
    sequence_index: int
    values: dict[str, Any]
    timestamp: datetime
    step: int = field(default=0)
    replaces: int | None = None


class MeasurementDataArray(Base):
    """An array of any shape and number type kept beside a measurement: an image, a waveform.

    Attributes:
        unit: of its numbers.
        axes: of each dimension ``{name, unit, values}``; empty where nothing is known of them.
    """

    __tablename__ = "measurement_data_arrays"
    __table_args__ = (Index("ix_measurement_data_arrays_object", "measurement_object_id", "sequence_index"),)

    id: Mapped[int] = mapped_column(Serial, primary_key=True)
    measurement_object_id: Mapped[int] = mapped_column(
        ForeignKey("measurement_objects.id", ondelete="CASCADE")
    )
    name: Mapped[str] = mapped_column(default="")
    sequence_index: Mapped[int | None] = mapped_column(BigInteger, default=None)
    dtype: Mapped[str]
    shape: Mapped[list[Any]] = mapped_column(Json)
    unit: Mapped[str] = mapped_column(default="")
    axes: Mapped[list[Any]] = mapped_column(Json, default=list)
    codec: Mapped[int]
    checksum: Mapped[int] = mapped_column(BigInteger)
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    timestamp: Mapped[datetime] = mapped_column(default=now)

    @property
    def data(self) -> NDArray[np.generic]:
        """The array, decoded."""
        from database.codec import decode_array

        what = f"array {self.name!r} ({self.id}) of measurement object {self.measurement_object_id}"
        return decode_array(self.payload, self.codec, self.checksum, self.dtype, self.shape, what)
