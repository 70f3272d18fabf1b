"""Arrays kept beside a measurement: images, waveforms."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from apiflask import APIBlueprint
from flask import Response

from database.web.api.schemas import ArrayOut, PageQuery, page_of
from database.web.identity import needs, require
from database.web.services import services
from database.web.shapes import Shape, moment
from pybirch.errors import NotFoundError

bp = APIBlueprint("api_arrays", __name__, tag="Data")


@bp.get("/scan/<scan_id>/arrays/<path:measurement>")
@bp.input(PageQuery, location="query", arg_name="query")
@bp.output(page_of(ArrayOut))
@needs("read")
def arrays(scan_id: str, measurement: str, query: dict[str, Any]) -> Shape:
    """What arrays are kept beside a measurement, oldest first"""
    db = services().db
    scan = db.scans.get(scan_id)
    require("read", scan)
    number = next((m.id for m in db.readings.measurements(scan.scan_id) if m.name == measurement), None)
    if number is None:
        raise NotFoundError(f"Scan {scan.scan_id} has no measurement {measurement!r}.")
    rows = db.arrays.outlines(number, **query)
    return {"items": [_shape(row) for row in rows], "total": db.arrays.count(measurement_object_id=number)}


@bp.get("/array/<int:number>")
@bp.doc(
    responses={
        200: {
            "description": "the array as a NumPy file (.npy)",
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    }
)
@needs("read")
def array(number: int) -> Response:
    """One array as a NumPy file"""
    db = services().db
    row = db.arrays.get(number)
    require("read", db.scans.get(db.measurements.get(row.measurement_object_id).scan_id))
    file = io.BytesIO()
    np.save(file, row.data, allow_pickle=False)
    headers = {"Content-Disposition": f'attachment; filename="array-{number}.npy"'}
    return Response(file.getvalue(), mimetype="application/octet-stream", headers=headers)


def _shape(row: Any) -> Shape:
    return {
        "id": row.id,
        "name": row.name,
        "sequence_index": row.sequence_index,
        "dtype": row.dtype,
        "shape": row.shape,
        "unit": row.unit,
        "axes": row.axes,
        "timestamp": moment(row.timestamp),
    }
