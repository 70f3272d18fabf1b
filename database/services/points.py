"""Single readings by name, for scripts: stored into the same blocks, taken out of them again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import compress
from typing import Any

import numpy as np
from sqlalchemy import Connection

from database.models.measurement import MeasurementDataPoint
from database.services import append, layout
from database.services.blocks import Owner
from database.services.fields import moment
from database.services.layout import Layout
from database.services.readings import ReadingsService
from database.session import Database
from pybirch.errors import FieldError
from pybirch.events import Readings
from pybirch.replacing import newest
from pybirch.wire import join_column, split_column


class Points:
    def __init__(self, database: Database, readings: ReadingsService) -> None:
        self._db = database
        self._readings = readings

    def store(self, points: Iterable[Mapping[str, Any]]) -> int:
        """Store points in one transaction; gives how many were new.

        Args:
            points: ``{measurement_object_id, sequence_index, values, timestamp}``; the indexes of a
                measurement follow one another without a gap, from 0. Columns that a point
                leaves out are NaN.

        Raises:
            FieldError: a point lacks a field, names an unknown column, or leaves a gap.
        """
        by_object: dict[int, dict[int, Mapping[str, Any]]] = {}
        for number, point in enumerate(points):
            try:
                by_object.setdefault(point["measurement_object_id"], {}).setdefault(
                    int(point["sequence_index"]), point
                )
                point["values"]
            except KeyError as error:
                raise FieldError(f"points[{number}].{error.args[0]}", "is missing") from error

        def work(connection: Connection) -> int:
            return sum(self._store_one(connection, key, found) for key, found in by_object.items())

        return self._db.transact_core(work, repeatable=True)

    def take(
        self,
        measurement_object_id: int,
        start_index: int | None = None,
        end_index: int | None = None,
        all_readings: bool = False,
    ) -> list[MeasurementDataPoint]:
        """The readings ``start_index … end_index - 1`` as points.

        Args:
            all_readings: those that were repeated after a rewind, too.
        """
        with self._db.read() as session:
            owner, target = append.target_by_id(session.connection(), measurement_object_id)
        readings = self._readings.read(owner.scan_id, owner.measurement, start_index or 0, end_index)
        points = _as_points(measurement_object_id, readings)
        if all_readings or not target.replaced:
            return points
        gone = self._readings.replaced(owner.scan_id, owner.measurement)
        shown = newest(gone, readings.first_index, readings.end_index)
        return list(compress(points, shown.tolist()))

    def _store_one(self, connection: Connection, number: int, points: Mapping[int, Mapping[str, Any]]) -> int:
        owner, target = append.target_by_id(connection, number)
        indexes = sorted(index for index in points if index >= target.next_index)
        if not indexes:
            return 0
        if indexes[-1] - indexes[0] + 1 != len(indexes):
            gap = next(i for i, index in enumerate(indexes) if index != indexes[0] + i)
            raise FieldError("sequence_index", f"{indexes[gap]} follows {indexes[gap - 1]}: a gap")
        chosen = [points[index] for index in indexes]
        readings = _as_readings(owner, target.layout, chosen, indexes)
        prepared = layout.prepare(readings, self._readings.most_rows)
        return append.store(connection, owner.scan_id, [prepared], None, None, self._readings.most_rows)


def columns_of(columns: Sequence[str] | None, units: Sequence[str] | Mapping[str, str] | None) -> Layout:
    """The layout that a script names by columns and their units (a list as long, or by name)."""
    if (
        columns is not None
        and units is not None
        and not isinstance(units, Mapping)
        and len(units) != len(columns)
    ):
        raise FieldError("units", f"{len(units)} units for {len(columns)} columns")
    made: Layout = []
    for i, column in enumerate(columns or ()):
        name, unit = split_column(column)
        if isinstance(units, Mapping):
            unit = units.get(column, units.get(name, unit))
        elif units is not None:
            unit = units[i] or unit
        made.append({"name": name, "unit": unit or "", "role": "data", "shape": []})
    if len({column["name"] for column in made}) != len(made):
        raise FieldError("columns", "two columns have one name")
    return made


def _as_points(number: int, readings: Readings) -> list[MeasurementDataPoint]:
    columns = {split_column(name)[0]: _plain(values) for name, values in readings.values.items()}
    for name, values in readings.positions.items():
        bare = split_column(name)[0]
        columns[f"{bare} (position)" if bare in columns else bare] = _plain(values)
    named = [-1] * readings.count if readings.replaces is None else readings.replaces.tolist()
    return [
        MeasurementDataPoint(
            measurement_object_id=number,
            sequence_index=readings.first_index + i,
            values={name: values[i] for name, values in columns.items()},
            timestamp=datetime.fromtimestamp(time, UTC),
            step=step,
            replaces=None if replaces < 0 else replaces,
        )
        for i, (time, step, replaces) in enumerate(
            zip(readings.times.tolist(), readings.steps.tolist(), named, strict=True)
        )
    ]


def _as_readings(
    owner: Owner, known: Layout, points: Sequence[Mapping[str, Any]], indexes: Sequence[int]
) -> Readings:
    columns = known or columns_of(list(dict.fromkeys(name for p in points for name in p["values"])), None)
    by_role: dict[str, dict[str, Any]] = {"position": {}, "data": {}}
    data = {column["name"] for column in columns if column["role"] == "data"}
    allowed: set[str] = set()
    for column in columns:
        bare, full = column["name"], join_column(column["name"], column["unit"])
        names = [full, bare] if column["role"] == "data" or bare not in data else []
        if column["role"] == "position":
            names.append(f"{bare} (position)")
        allowed.update(names)
        by_role[column["role"]][full] = _column(names, points)
    unknown = next((name for point in points for name in point["values"] if name not in allowed), None)
    if unknown is not None:
        raise FieldError(f"values.{unknown}", f"{owner.measurement!r} has no such column")
    return Readings(
        scan_id=owner.scan_id,
        measurement=owner.measurement,
        first_index=indexes[0],
        steps=np.array([point.get("step", index) for point, index in zip(points, indexes, strict=True)]),
        times=np.array([moment(point.get("timestamp")).timestamp() for point in points]),
        positions=by_role["position"],
        values=by_role["data"],
    )


def _column(names: Sequence[str], points: Sequence[Mapping[str, Any]]) -> Any:
    found = [next((point["values"][n] for n in names if n in point["values"]), np.nan) for point in points]
    found = [np.nan if value is None else value for value in found]
    if any(np.ndim(value) for value in found):
        return [np.atleast_1d(np.asarray(value, dtype=np.float64)) for value in found]
    return found


def _plain(values: Any) -> Any:
    return values.tolist() if isinstance(values, np.ndarray) and values.ndim == 1 else values
