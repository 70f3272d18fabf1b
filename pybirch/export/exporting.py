"""`pybirch.export.export`: a scan, or one measurement of it, as a file."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZipFile

from pybirch.dataset.in_process import data_of
from pybirch.dataset.measurement import MeasurementData
from pybirch.dataset.scan import ScanData
from pybirch.errors import FieldError
from pybirch.export.collection import Collection
from pybirch.export.contents import Contents, count_of, parts_of
from pybirch.export.draft import draft
from pybirch.export.formats import ZIP, Format, format_of
from pybirch.export.names import file_name, unlike
from pybirch.export.progress import Progress, Tell

if TYPE_CHECKING:
    from pybirch.scan.scan import Scan

Exported = "ScanData | MeasurementData | Collection | Scan"


def export(
    data: ScanData | MeasurementData | Collection | Scan,
    path: str | os.PathLike[str],
    format: str | None = None,
    *,
    measurement: str | None = None,
    all_readings: bool = False,
    progress: Tell | None = None,
) -> Path:
    """Write `data` to `path`, all of it or no file.

    export(pybirch.load("a1b2c3"), "map.nxs")
    export(scan, "curve.csv")
    export(data["iv"][:1000], "first.parquet")

    Args:
        data: a scan of this program, what `pybirch.load` gave, one measurement of it, or a `Collection`
            of scans for an .eln.
        path: of the file; where the format has one measurement a file and there are several, ending in
            ``.zip``, it gets a file each.
        format: one of `FORMATS`; else what the suffix says.
        measurement: the only one that is wanted.
        all_readings: also what was measured again after a rewind.
        progress: hears 0 to 1, in this thread; what it raises ends the export.

    Raises:
        FieldError: there is no such format, or one measurement has to be named.
        NotFoundError: there is no measurement of that name.
        MissingLibraryError: the format needs a library that is not installed.
        PyBirchError: the file cannot be written.
    """
    file = Path(path)
    chosen = format_of(file, format)
    given = _data(data)
    if chosen.kind == "crate":
        with draft(file) as part:
            collection = given if isinstance(given, Collection) else Collection.of(given)
            chosen.module().write(collection, part, file.stem, measurement, all_readings, progress)
        return file
    if isinstance(given, Collection):
        raise FieldError("format", f"several scans in one file: .eln, not {chosen.suffix}")
    contents = contents_of(given, chosen, measurement, all_readings, progress)
    zipped = chosen.one_measurement and file.suffix.lower() == ZIP
    if not zipped:
        _check_one(contents, chosen)
    with draft(file) as part:
        _write(contents, chosen, part, zipped)
        contents.progress.finish()
    return file


def lines(
    data: ScanData | MeasurementData,
    format: Format,
    *,
    measurement: str | None = None,
    all_readings: bool = False,
) -> Iterator[str]:
    """The text of a format whose kind is ``lines``, while it is made.

    Raises:
        FieldError: one measurement has to be named.
        NotFoundError: there is no measurement of that name.
    """
    contents = contents_of(data, format, measurement, all_readings, None)
    _check_one(contents, format)
    return format.module().lines(contents)


def contents_of(
    data: ScanData | MeasurementData,
    format: Format,
    measurement: str | None,
    all_readings: bool,
    tell: Tell | None,
) -> Contents:
    parts = parts_of(data, measurement, all_readings)
    total = count_of(parts) * format.passes
    return Contents(data.source.facts(), parts, Progress(total, tell))


def _data(data: Any) -> ScanData | MeasurementData | Collection:
    return data if isinstance(data, ScanData | MeasurementData | Collection) else data_of(data)


def _check_one(contents: Contents, format: Format) -> None:
    """Of formats that hold one measurement.

    Raises:
        FieldError: there are several, or none.
    """
    if not format.one_measurement or len(contents.parts) == 1:
        return
    scan = contents.facts.scan_id
    if not contents.parts:
        raise FieldError("measurement", f"scan {scan} has no readings")
    listed = ", ".join(repr(part.name) for part in contents.parts)
    raise FieldError("measurement", f"scan {scan} has {listed}: name one, or write a {ZIP} with all")


def _write(contents: Contents, format: Format, file: Path, zipped: bool) -> None:
    module = format.module()
    if zipped:
        _write_zip(contents, format, file)
    elif format.kind == "file":
        module.write(contents, file)
    elif format.one_measurement:
        with file.open("wb") as stream:
            module.table(contents, contents.parts[0], stream)
    else:
        with file.open("w", encoding="utf-8", newline="") as stream:
            stream.writelines(module.lines(contents))


def _write_zip(contents: Contents, format: Format, file: Path) -> None:
    """A table a measurement, each straight into the archive."""
    names = unlike([part.name for part in contents.parts], lambda name: file_name(name, suffix=""))
    with ZipFile(file, "w", ZIP_DEFLATED, compresslevel=1) as archive:
        for part in contents.parts:
            with archive.open(names[part.name] + format.suffix, "w", force_zip64=True) as entry:
                stream = io.BufferedWriter(entry, 1 << 20)  # type: ignore[arg-type, type-var]
                format.module().table(contents, part, stream)
                stream.flush()
