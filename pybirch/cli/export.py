"""`pybirch export`: a scan's readings as CSV, streamed from the database."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pybirch.cli.store import database
from pybirch.cli.table import write_csv
from pybirch.errors import NotFoundError, PyBirchError


@click.command()
@click.argument("scan")
@click.option("--measurement", "-m", help="Which measurement; needed when the scan has several.")
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="The file; else stdout."
)
@click.option("--demo", is_flag=True, help="From the demo's database.")
def export(scan: str, measurement: str | None, output: Path | None, demo: bool) -> None:
    """Write the readings of SCAN (its scan_id) as CSV."""
    db = database(demo=demo, must_exist=True)
    db.scans.get(scan)
    names = [found.name for found in db.readings.measurements(scan)]
    name = chosen(scan, measurement, names)
    blocks = db.readings.iter_blocks(scan, name, 0, None)
    if output is None:
        write_csv(blocks, sys.stdout)
        return
    draft = output.with_name(output.name + ".part")
    try:
        with draft.open("w", newline="", encoding="utf-8") as stream:
            rows = write_csv(blocks, stream)
        draft.replace(output)
    except OSError as error:
        raise PyBirchError(f"cannot write {output}: {error.strerror}") from error
    click.echo(f"{rows} rows of {name} written to {output}", err=True)


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
