"""What a scan measured: a range, decimated, exact, or as CSV."""

from __future__ import annotations

from typing import Any

import numpy as np
from apiflask import APIBlueprint
from flask import Response, current_app
from flask.typing import ResponseReturnValue
from numpy.typing import NDArray

from database.services.readings import ReadingsService
from database.web.api.schemas import DataOut, DataQuery
from database.web.identity import needs, require
from database.web.services import services
from database.web.shapes import Shape
from pybirch.blocks import join, part
from pybirch.errors import FieldError, NotFoundError
from pybirch.events import Readings
from pybirch.export.csv import csv_lines
from pybirch.export.names import file_name
from pybirch.replacing import hidden, newest, newest_parts
from pybirch.wire import join_column, to_block

bp = APIBlueprint("api_data", __name__, tag="Data")

MOST_VALUES = 200_000
"""Numbers in one answer; what is left is asked for with `start` = the answer's `end_index`."""


@bp.get("/scan/<scan_id>/data/<path:measurement>")
@bp.input(DataQuery, location="query", arg_name="query")
@bp.doc(
    responses={
        200: {
            "description": "the readings; `format=csv` streams text",
            "content": {"application/json": {"schema": DataOut}, "text/csv": {"schema": {"type": "string"}}},
        },
        503: {"description": "Too much is asked for at once; ask again after `Retry-After` seconds"},
    }
)
@needs("read")
def data(scan_id: str, measurement: str, query: dict[str, Any]) -> ResponseReturnValue:
    """Readings `start` to `end` of one measurement"""
    db = services().db
    scan = db.scans.get(scan_id)
    person = require("read", scan).person
    rows = db.readings.measurements(scan.scan_id)
    row = next((m for m in rows if m.name == measurement), None)
    if row is None:
        raise NotFoundError(f"Scan {scan.scan_id} has no measurement {measurement!r}.")
    total = row.count
    start = min(query["start"], total)
    end = total if query["end"] is None else min(max(query["end"], start), total)
    columns = wanted_columns(row.layout, query["columns"])
    if query["format"] == "csv":
        wanted = db.data(scan.scan_id)[measurement][start:end]
        wanted = wanted if columns is None else wanted[columns]
        wanted = wanted.all_readings() if query["all"] else wanted
        which = [measurement] if len(rows) > 1 else []
        name = file_name(scan.scan_name, *which, scan.scan_id, suffix=".csv")
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(csv_lines(wanted.columns, wanted.blocks()), mimetype="text/csv", headers=headers)
    head = {"scan_id": scan.scan_id, "measurement": measurement, "total": total, "encoding": query["format"]}
    rows = rows_at_once(row.layout, columns)
    most, newest_only = query["max_points"], bool(row.replaced) and not query["all"]
    with services().turns.one(person):
        if most is not None and end - start > most:
            most = max(2, min(most, rows))
            found = db.readings.overview(
                scan.scan_id, measurement, most, columns, start, end, newest=newest_only
            )
            told = decimated(found, query["format"])
        else:
            readings = db.readings.read(scan.scan_id, measurement, start, min(end, start + rows), columns)
            gone = db.readings.replaced(scan.scan_id, measurement) if newest_only else hidden(())
            told = newest_of(readings, gone, query["format"])
        if row.replaced:
            told |= repeats(db.readings, scan.scan_id, measurement, told)
        return current_app.json.response(head | told)


def wanted_columns(layout: list[dict[str, Any]], text: str | None) -> list[str] | None:
    """The full names of the columns asked for, by name with or without unit; None: all.

    Raises:
        FieldError: there is no such column.
    """
    if not text:
        return None
    full = {join_column(c["name"], c["unit"]): join_column(c["name"], c["unit"]) for c in layout}
    full |= {c["name"]: join_column(c["name"], c["unit"]) for c in layout}
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in full:
            raise FieldError("columns", f"there is no column {name!r}; there are {', '.join(full)}")
    return list(dict.fromkeys(full[name] for name in names))


def rows_at_once(layout: list[dict[str, Any]], columns: list[str] | None) -> int:
    """Readings whose numbers fit one answer."""
    width = 2
    for column in layout:
        if columns is None or join_column(column["name"], column["unit"]) in columns:
            shape = column.get("shape") or []
            width += int(np.prod([k or 1_000 for k in shape])) if shape else 1
    return max(1, MOST_VALUES // width)


def exact(readings: Readings, encoding: str) -> Shape:
    block = to_block(readings, encoding)
    return {
        "first_index": readings.first_index,
        "end_index": readings.end_index,
        "count": readings.count,
        "stride": 1,
        "columns": block.columns,
    }


def newest_of(readings: Readings, gone: NDArray[np.int64], encoding: str) -> Shape:
    """The readings without those that were measured again, with the indexes they have."""
    first, end = readings.first_index, readings.end_index
    shown = newest(gone, first, end)
    if shown.all():
        return exact(readings, encoding)
    parts = [part(readings, a - first, b - first) for a, b in newest_parts(gone, first, end)]
    left = join(parts or [part(readings, 0, 0)])
    return exact(left, encoding) | {
        "first_index": first,
        "end_index": end,
        "indexes": first + np.flatnonzero(shown),
    }


def repeats(readings: ReadingsService, scan_id: str, measurement: str, told: Shape) -> Shape:
    """Which readings of an answer's range repeat which, shown or not; nothing where none does."""
    runs = readings.replacements(scan_id, measurement, told["first_index"], told["end_index"])
    return {"replaces": [[run.first, run.count, run.replaces] for run in runs]} if runs else {}


def decimated(overview: Any, encoding: str) -> Shape:
    """The low and high points of each stretch, with the indexes they had."""
    return exact(overview.readings, encoding) | {
        "first_index": overview.first_index,
        "end_index": overview.end_index,
        "stride": overview.stride,
        "indexes": overview.indexes,
    }
