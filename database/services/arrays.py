"""Arrays of any shape and number type, kept beside a measurement's readings: images, waveforms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session, defer

from database import codec
from database.models.measurement import MeasurementDataArray
from database.services.append import require_object_here, target_by_id
from database.services.records import Records, Rows
from database.session import Database
from pybirch.errors import FieldError

Axes = Sequence[Mapping[str, Any]]
"""Of each dimension ``{name, unit, values}``, all optional."""


class Arrays(Records[MeasurementDataArray]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, MeasurementDataArray, search=("name",))

    def create(  # type: ignore[override]
        self,
        measurement_object_id: int,
        data: Any,
        *,
        name: str = "",
        sequence_index: int | None = None,
        unit: str = "",
        axes: Axes = (),
    ) -> MeasurementDataArray:
        """Store one array; `.data` of the row gives it back.

        Args:
            sequence_index: of the reading it belongs to.
            unit: of its numbers.
            axes: of each dimension ``{name, unit, values}``; values are as many as the dimension is long.

        Raises:
            FieldError: these are no numbers, or the axes are not those of such an array.
            NotFoundError: there is no such measurement object.
        """
        array = np.asarray(data)
        if array.dtype.kind not in "biufc":
            raise FieldError("data", f"an array of numbers is needed, not of {array.dtype}")
        described = _checked(axes, array.shape)
        kind, crc, payload = codec.encode_array(array)

        def work(session: Session) -> MeasurementDataArray:
            target_by_id(session.connection(), measurement_object_id)
            require_object_here(session.connection(), measurement_object_id, to_stay=True)
            row = MeasurementDataArray(
                measurement_object_id=measurement_object_id,
                name=name,
                sequence_index=sequence_index,
                dtype=array.dtype.str,
                shape=list(array.shape),
                unit=unit,
                axes=described,
                codec=kind,
                checksum=crc,
                payload=payload,
            )
            session.add(row)
            session.flush()
            return row

        return self._db.transact(work)

    def of(self, measurement_object_id: int, name: str | None = None) -> Rows[MeasurementDataArray]:
        """The arrays kept beside a measurement, oldest first; `.data` decodes one."""
        with self._db.read() as session:
            require_object_here(session.connection(), measurement_object_id)
            return Rows(session.scalars(_of(measurement_object_id, name)))

    def numbers(self, measurement_object_id: int) -> Rows[int]:
        """The numbers (`id`) of a measurement's arrays, oldest first: to `get` them one by one."""
        query = _of(measurement_object_id, None).with_only_columns(MeasurementDataArray.id)
        with self._db.read() as session:
            require_object_here(session.connection(), measurement_object_id)
            return Rows(session.scalars(query))

    def outlines(
        self, measurement_object_id: int, *, limit: int = 100, offset: int = 0
    ) -> Rows[MeasurementDataArray]:
        """A page of them without their numbers, oldest first."""
        query = _of(measurement_object_id, None).options(defer(MeasurementDataArray.payload, raiseload=True))
        with self._db.read() as session:
            return Rows(session.scalars(query.limit(limit).offset(offset)))


def _of(measurement_object_id: int, name: str | None) -> Any:
    query = select(MeasurementDataArray).where(
        MeasurementDataArray.measurement_object_id == measurement_object_id
    )
    if name is not None:
        query = query.where(MeasurementDataArray.name == name)
    return query.order_by(MeasurementDataArray.id)


def _checked(axes: Axes, shape: tuple[int, ...]) -> list[dict[str, Any]]:
    if not axes:
        return []
    if len(axes) != len(shape):
        raise FieldError("axes", f"{len(axes)} for an array of {len(shape)} dimensions")
    return [
        _axis(f"axes[{place}]", axis, size)
        for place, (axis, size) in enumerate(zip(axes, shape, strict=True))
    ]


def _axis(field: str, axis: Mapping[str, Any], size: int) -> dict[str, Any]:
    if unknown := sorted(set(axis) - {"name", "unit", "values"}):
        raise FieldError(f"{field}.{unknown[0]}", "is not name, unit or values")
    described: dict[str, Any] = {"name": str(axis.get("name") or ""), "unit": str(axis.get("unit") or "")}
    if axis.get("values") is None:
        return described
    try:
        values = np.asarray(axis["values"], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise FieldError(f"{field}.values", f"is no list of numbers ({error})") from error
    if values.shape != (size,) or not np.isfinite(values).all():
        raise FieldError(f"{field}.values", f"{size} finite numbers are needed, one for each place")
    return described | {"values": values.tolist()}
