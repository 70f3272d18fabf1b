"""`pybirch export`: a scan's readings as CSV, streamed from the database."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import click

from pybirch.cli.store import database
from pybirch.errors import NotFoundError, PyBirchError


@click.command()
@click.argument("scan")
@click.option("--measurement", "-m", help="Which measurement; needed when the scan has several.")
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="The file; else stdout."
)
@click.option("--all", "all_readings", is_flag=True, help="Also what was measured again after a rewind.")
@click.option("--demo", is_flag=True, help="From the demo's database.")
def export(scan: str, measurement: str | None, output: Path | None, all_readings: bool, demo: bool) -> None:
    """Write the readings of SCAN (its scan_id) as CSV."""
    with database(demo=demo, must_exist=True) as db:
        from database.web.csv_stream import csv_lines

        db.scans.get(scan)
        found = {row.name: row for row in db.readings.measurements(scan)}
        name = chosen(scan, measurement, list(found))
        blocks = db.readings.iter_blocks(scan, name, newest=not all_readings)
        lines = csv_lines(found[name].layout, blocks)
        if output is None:
            write_to_stdout(lines)
        else:
            write_to_file(lines, output)
            click.echo(f"{name} of {scan} written to {output}", err=True)


def write_to_stdout(lines: Iterable[str]) -> None:
    """Until the end, or until the program that reads has had enough."""
    try:
        for line in lines:
            sys.stdout.write(line.replace("\r\n", "\n"))
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115


def write_to_file(lines: Iterable[str], output: Path) -> None:
    """All of it, or no file.

    Raises:
        PyBirchError: the file cannot be written.
    """
    draft = output.with_name(output.name + ".part")
    try:
        with draft.open("w", newline="", encoding="utf-8") as stream:
            stream.writelines(lines)
        draft.replace(output)
    except OSError as error:
        raise PyBirchError(f"cannot write {output}: {error.strerror}") from error


def chosen(scan: str, wanted: str | None, names: list[str]) -> str:
    """The measurement that was meant.

    Raises:
        NotFoundError: the scan has no such measurement, or none at all.
        PyBirchError: it has several, and none was named.
    """
    if wanted is not None and wanted in names:
        return wanted
    if not names:
        raise NotFoundError(f"scan {scan} has no readings")
    listed = ", ".join(repr(name) for name in names)
    if wanted is not None:
        raise NotFoundError(f"scan {scan} has no measurement {wanted!r}; it has {listed}")
    if len(names) > 1:
        raise PyBirchError(f"scan {scan} has several measurements: choose one of {listed} with --measurement")
    return names[0]
