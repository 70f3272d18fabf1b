"""`pybirch import`: records of other programs, taken over once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pybirch.cli.store import database
from pybirch.errors import FieldError, PyBirchError

if TYPE_CHECKING:
    from database.importers.mapping import ColumnMap
    from database.importers.report import Report
    from database.services import DatabaseService


@click.command(name="import")
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option("--mapping", "-m", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="A TOML file that says which of their columns is which of our fields.")  # fmt: skip
@click.option("--things", "-t", type=click.Choice(["samples", "equipment"]), help="What a table holds.")
@click.option("--encoding", default="", help="Of a CSV file, where it is not UTF-8; often cp1252.")
@click.option("--project", default="", help="The project of imported runs.")
@click.option(
    "--dry-run", "-n", is_flag=True, help="Tell what would be made, changed and refused; store nothing."
)
@click.option("--demo", is_flag=True, help="Into the demo's database.")
def import_(
    source: Path,
    mapping: Path | None,
    things: str | None,
    encoding: str,
    project: str,
    dry_run: bool,
    demo: bool,
) -> None:
    """Take over samples, equipment or old runs from SOURCE: all of it, or nothing.

    \b
    .csv, .toml    a table of samples or equipment (--things, or in the mapping file)
    a folder       a run of Weights & Biases, or a folder of runs
    .pkl, .pickle  samples as early versions kept them; no code in it is run
    """
    with database(demo=demo) as db:
        report = imported(
            db, source, mapping=mapping, things=things, encoding=encoding, project=project, dry_run=dry_run
        )
    tell(report)
    if report.is_refused:
        raise PyBirchError("nothing was stored: " + refusals(report))


def imported(
    db: DatabaseService,
    source: Path,
    *,
    mapping: Path | None = None,
    things: str | None = None,
    encoding: str = "",
    project: str = "",
    dry_run: bool = False,
) -> Report:
    """Choose the importer by what the source is.

    Raises:
        FieldError: it is nothing that can be taken over.
    """
    from database.importers.things import import_lines, import_table

    if source.is_dir():
        from database.importers.wandb_runs import import_runs

        return import_runs(db, source, project=project, dry_run=dry_run)
    match source.suffix.lower():
        case ".csv" | ".tsv" | ".txt" | ".toml":
            columns = column_map(mapping, encoding)
            return import_table(db, source, things=things or "", mapping=columns, dry_run=dry_run)
        case ".pkl" | ".pickle":
            from database.importers.pickles import read_samples

            return import_lines(db, read_samples(source), "samples", dry_run=dry_run)
    raise FieldError(source.name, "is neither .csv, .toml, .pkl nor a folder of runs")


def column_map(path: Path | None, encoding: str) -> ColumnMap:
    """The mapping file, if there is one; what the command line says comes first."""
    from dataclasses import replace

    from database.importers.mapping import ColumnMap, read_mapping

    found = read_mapping(path) if path else ColumnMap()
    return replace(found, encoding=encoding) if encoding else found


def tell(report: Report) -> None:
    for entry in report.entries:
        click.echo(str(entry))
    for note in report.notes:
        click.echo(f"note: {note}")
    click.echo(report.summary())


def refusals(report: Report) -> str:
    count = report.count("refused")
    return f"{count} {'entry was' if count == 1 else 'entries were'} refused"
