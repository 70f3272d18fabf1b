"""`pybirch export`: scans as files that other programs read."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pybirch.cli.store import database
from pybirch.errors import FieldError, NotFoundError, PyBirchError
from pybirch.export.formats import FORMATS, Format, format_of
from pybirch.lab_settings import lab_settings

if TYPE_CHECKING:
    from database.images import ImageStore
    from database.services import DatabaseService
    from pybirch.dataset.scan import ScanData
    from pybirch.export.progress import Tell

FORMAT_HELP = "The format; else what the file's suffix says."


@click.command()
@click.argument("scans", metavar="SCAN ...", nargs=-1)
@click.option("--format", "-f", "name", type=click.Choice(list(FORMATS)), help=FORMAT_HELP)
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="The file.")
@click.option("--measurement", "-m", help="Only this measurement.")
@click.option("--all", "all_readings", is_flag=True, help="Also what was measured again after a rewind.")
@click.option("--project", help="All scans and samples of a project, as .eln.")
@click.option("--demo", is_flag=True, help="From the demo's database.")
def export(
    scans: tuple[str, ...],
    name: str | None,
    output: Path | None,
    measurement: str | None,
    all_readings: bool,
    project: str | None,
    demo: bool,
) -> None:
    """Write a scan, by its scan_id, as a file: CSV, Parquet, HDF5, NetCDF, NeXus, Bluesky documents, .eln.

    Without -o it goes to stdout, where the format is text. Several scans, or a project, make an .eln.
    """
    if bool(scans) == bool(project):
        raise click.UsageError("Name one scan, several for an .eln, or a --project.")
    from database.images import ImageStore

    with database(demo=demo, must_exist=True) as db:
        format = FORMATS[name or "csv"] if output is None else format_of(output, name)
        choice = {"measurement": measurement, "all_readings": all_readings}
        if output is None:
            to_stdout(db, scans, format, **choice)
            return
        images = ImageStore(lab_settings(demo=demo).data_dir / "images")
        what = meant(db, scans, project, format, images)
        from pybirch.export import export as write

        with told() as tell:
            write(what, output, format.name, progress=tell, **choice)
        click.echo(f"{project or ', '.join(scans)} written to {output}", err=True)


def meant(
    db: DatabaseService, scans: tuple[str, ...], project: str | None, format: Format, images: ImageStore
) -> Any:
    """A scan's data, or a collection."""
    from database.services.collecting import project_collection, scan_collection

    if project is not None:
        return project_collection(db, project, images)
    if format.kind == "crate" or len(scans) > 1:
        return scan_collection(db, scans, images)
    return db.data(next(iter(scans)))


def to_stdout(
    db: DatabaseService, scans: tuple[str, ...], format: Format, measurement: str | None, all_readings: bool
) -> None:
    """One scan as text.

    Raises:
        FieldError: it is no text.
    """
    if format.kind != "lines" or len(scans) != 1:
        raise FieldError("output", f"{format.title} needs a file: -o NAME{format.suffix}")
    from pybirch.export.exporting import lines

    data = db.data(scans[0])
    if format.one_measurement:
        measurement = chosen(data, measurement)
    write_to_stdout(lines(data, format, measurement=measurement, all_readings=all_readings))


def write_to_stdout(lines: Iterable[str]) -> None:
    """Until the end, or until the program that reads has had enough."""
    try:
        for line in lines:
            sys.stdout.write(line.replace("\r\n", "\n"))
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115


@contextmanager
def told() -> Iterator[Tell | None]:
    """A bar on a terminal; nothing elsewhere."""
    if not is_terminal():
        yield None
        return
    with click.progressbar(length=1_000, label="Exporting", file=sys.stderr) as bar:
        yield lambda share: bar.update(int(share * 1_000) - bar.pos)


def is_terminal() -> bool:
    return sys.stderr.isatty()


def chosen(data: ScanData, wanted: str | None) -> str:
    """The measurement that was meant.

    Raises:
        NotFoundError: the scan has no such measurement, or none at all.
        PyBirchError: it has several, and none was named.
    """
    if wanted is not None:
        return data[wanted].name
    scan = data.facts.scan_id
    if not data:
        raise NotFoundError(f"scan {scan} has no readings")
    if len(data) > 1:
        listed = ", ".join(repr(name) for name in data)
        raise PyBirchError(f"scan {scan} has several measurements: choose one of {listed} with --measurement")
    return next(iter(data))
