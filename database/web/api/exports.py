"""Scans and projects as files in other programs' formats: streamed, or built and then fetched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from apiflask import APIBlueprint
from flask import Response, send_file, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import Forbidden

from database.images import ImageStore
from database.services.collecting import project_collection, scan_collection
from database.services.records import Key
from database.web.api.schemas import ExportIn, ExportOut, ProjectExportIn
from database.web.export_jobs import ExportJob
from database.web.identity import me, needs, require
from database.web.services import services
from database.web.shapes import Shape
from pybirch.dataset.measurement import MeasurementData
from pybirch.dataset.scan import ScanData
from pybirch.export import Collection, export
from pybirch.export.contents import numbers_of, parts_of
from pybirch.export.exporting import lines
from pybirch.export.formats import FORMATS, ZIP, Format, format_named
from pybirch.export.names import file_name

bp = APIBlueprint("api_exports", __name__, tag="Data")

PATIENCE = 20.0
"""Seconds that a single request waits for a file to be built."""
BYTES_A_NUMBER = {"lines": 24, "crate": 24}
"""Of a format's kind; others write eight, compressed."""

FILE: dict[str | int, Any] = {
    200: {
        "description": "the file",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
STARTED = {"description": "It takes longer: an export was started; look at `Location`"}
ANSWERS: dict[str | int, Any] = {**FILE, 202: STARTED}
READY: dict[str | int, Any] = {**FILE, 409: {"description": "It is not ready"}}


@dataclass(frozen=True)
class Wanted:
    """A file somebody asks for."""

    data: ScanData | Collection
    format: Format
    name: str
    mime: str
    size: int
    measurement: str | None = None
    all_readings: bool = False

    def start(self) -> ExportJob:
        make = partial(_make, self)
        return services().exports.start(me().person, self.name, self.mime, make, self.size)


@bp.get("/scan/<scan_id>/export")
@bp.input(ExportIn, location="query", arg_name="query")
@bp.doc(responses=ANSWERS)
@needs("read")
def export_scan(scan_id: str, query: dict[str, Any]) -> ResponseReturnValue:
    """A scan's readings as a file"""
    wanted = _of_scan(scan_id, query)
    if wanted.format.kind == "lines" and not wanted.name.endswith(ZIP):
        return _streamed(wanted)
    job = wanted.start()
    if not services().exports.wait(job, PATIENCE):
        place = url_for("api_exports.export_state", number=job.id)
        return _shape(job), 202, {"Location": place}
    if job.state == "failed":
        job.future.result()
    response = _sent(job)
    response.direct_passthrough = False  # else nobody hears of its end
    response.call_on_close(partial(services().exports.remove, job))
    return response


@bp.post("/scan/<scan_id>/exports")
@bp.input(ExportIn, arg_name="content")
@bp.output(ExportOut, status_code=202)
@bp.doc(responses={503: "You have enough under way", 507: "The disk is too full"})
@needs("read")
def start_export(scan_id: str, content: dict[str, Any]) -> Shape:
    """Have a scan's readings written to a file; ask for its progress, then fetch it"""
    job = _of_scan(scan_id, content).start()
    services().audit.note(me(), "export", f"scan:{scan_id}", format=content["format"])
    return _shape(job)


@bp.post("/project/<path:project>/exports")
@bp.input(ProjectExportIn, arg_name="content")
@bp.output(ExportOut, status_code=202)
@needs("read")
def start_project_export(project: str, content: dict[str, Any]) -> Shape:
    """Have all scans and samples of a project, by its name, written to an ELN archive"""
    return _project_export(project, content["all"])


@bp.post("/project/<int:number>/eln")
@bp.input(ProjectExportIn, arg_name="content")
@bp.output(ExportOut, status_code=202)
@needs("read")
def start_eln(number: int, content: dict[str, Any]) -> Shape:
    """The same of a project by its number"""
    return _project_export(number, content["all"])


@bp.get("/exports/<number>")
@bp.output(ExportOut)
@needs("read")
def export_state(number: str) -> Shape:
    """How far an export is: `progress` from 0 to 1, `state` waiting, building, ready or failed"""
    return _shape(_mine(number))


@bp.get("/exports/<number>/file")
@bp.doc(responses=READY)
@needs("read")
def export_file(number: str) -> ResponseReturnValue:
    """The file of an export that is ready; it is kept for an hour"""
    job = _mine(number)
    if job.state != "ready":
        return {"ok": False, "error": {"message": job.error or "It is not ready yet."}}, 409
    return _sent(job)


@bp.post("/exports/<number>/cancel")
@bp.doc(responses={200: "It is gone"})
@needs("read")
def end_export(number: str) -> Shape:
    """End an export, or remove its file"""
    services().exports.remove(_mine(number))
    return {"ok": True}


def _project_export(project: Key, all_readings: bool) -> Shape:
    format = FORMATS["eln"]
    data = project_collection(services().db, project, _images())
    size = sum(_size(format, parts_of(get())) for get in data.scans) + data.size_of_pictures
    name = file_name(data.title, suffix=format.suffix)
    job = Wanted(data, format, name, format.mime, size, None, all_readings).start()
    services().audit.note(me(), "export", f"project:{data.title}", format="eln")
    return _shape(job)


def _of_scan(scan_id: str, asked: dict[str, Any]) -> Wanted:
    """What is asked for; where a format has one measurement a file and several are meant, a zip.

    Raises:
        FieldError: there is no such format.
        NotFoundError: no such scan or measurement.
    """
    db = services().db
    row = db.scans.get(scan_id)
    require("read", row)
    format, data = format_named(asked["format"]), db.data(row.scan_id)
    measurement = asked["measurement"]
    parts = parts_of(data, measurement, asked["all"])
    zipped = format.one_measurement and len(parts) > 1
    named = [measurement] if measurement is not None and len(data) > 1 else []
    name = file_name(row.scan_name, *named, row.scan_id, suffix=ZIP if zipped else format.suffix)
    mime = "application/zip" if zipped else format.mime
    what, size = data, _size(format, parts)
    if format.kind == "crate":
        what = scan_collection(db, [row.scan_id], _images())
        size += what.size_of_pictures
    return Wanted(what, format, name, mime, size, measurement, asked["all"])


def _images() -> ImageStore:
    return ImageStore(services().settings.storage / "images")


def _size(format: Format, parts: tuple[MeasurementData, ...]) -> int:
    return numbers_of(parts) * BYTES_A_NUMBER.get(format.kind, 8)


def _make(wanted: Wanted, path: Path, tell: Any) -> None:
    export(
        wanted.data,
        path,
        wanted.format.name,
        measurement=wanted.measurement,
        all_readings=wanted.all_readings,
        progress=tell,
    )


def _streamed(wanted: Wanted) -> Response:
    """While it is made; what is wrong from the beginning is still an answer of its own."""
    assert isinstance(wanted.data, ScanData)
    choice = {"measurement": wanted.measurement, "all_readings": wanted.all_readings}
    text: Iterator[str] = lines(wanted.data, wanted.format, **choice)
    text = chain([next(text)], text)
    headers = {"Content-Disposition": f'attachment; filename="{wanted.name}"'}
    return Response(text, mimetype=wanted.mime, headers=headers)


def _sent(job: ExportJob) -> Response:
    return send_file(job.path.resolve(), job.mime, as_attachment=True, download_name=job.name)


def _mine(number: str) -> ExportJob:
    """The export, for who asked for it and for who may administer.

    Raises:
        NotFoundError: there is none.
        Forbidden: it is somebody else's.
    """
    job = services().exports.get(number)
    identity = me()
    if job.person != identity.person and not identity.may("administer"):
        raise Forbidden("This export is somebody else's. Start one of your own.")
    return job


def _shape(job: ExportJob) -> Shape:
    return {
        "id": job.id,
        "name": job.name,
        "state": job.state,
        "progress": 1.0 if job.state == "ready" else job.progress,
        "size": job.size,
        "error": job.error,
    }
