"""`pybirch db`: the care of the lab's database."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pybirch.cli.runtime import read_server, read_station
from pybirch.cli.store import require_database
from pybirch.lab_settings import LabSettings, lab_settings
from pybirch.processes import is_ours

if TYPE_CHECKING:
    from database.care.findings import Finding
    from database.session import Database

_FILE = click.Path(dir_okay=False, path_type=Path)
_demo = click.option("--demo", is_flag=True, help="The demo's database.")


@click.group()
def db() -> None:
    """Check, back up, restore, compact and archive the database.

    All of it may be done while scans run, apart from restore; and all of it may be cut short.
    """


@db.command()
@click.option("--repair", "mend", is_flag=True, help="Make anew what follows from the rest; no readings.")
@click.option("--thorough", is_flag=True, help="Look into SQLite's indexes too.")
@_demo
def check(mend: bool, thorough: bool, demo: bool) -> None:
    """Verify checksums, counts and references; exit code 1 if something is wrong."""
    from database.care import check as checking
    from database.care.repair import repair

    with opened(demo, current=True) as database:
        with bar("checking") as progress:
            found = list(checking.check(database, progress, thorough=thorough))
        if mend and any(finding.is_repairable for finding in found):
            left = repair(database, found)
            click.echo(f"{max(0, len(found) - len(left))} of {len(found)} findings were repaired.")
            found = left
    report(found)
    if found:
        sys.exit(1)
    click.echo("Nothing is damaged or missing.")


@db.command()
@click.argument("file", type=_FILE)
@_demo
def backup(file: Path, demo: bool) -> None:
    """Write the whole record, as it is at this moment, into FILE."""
    from database.care import backup as making
    from database.copies import in_words

    with opened(demo) as database, bar("copying") as progress:
        damage = making.backup(database, file, progress)
    click.echo(f"{file}: {in_words(file.stat().st_size)}")
    report(damage)
    if damage:
        click.echo("The backup is as damaged as the database is; see `pybirch db check`.")
        sys.exit(1)


@db.command()
@click.argument("file", type=_FILE)
@click.option("--even-if-newer", is_flag=True, help="Though the database has what FILE has not.")
@_demo
def restore(file: Path, even_if_newer: bool, demo: bool) -> None:
    """Put FILE, a backup, in the place of the database, which is kept under another name."""
    from database.care import restore as putting_back

    settings = lab_settings(demo=demo)
    require_nobody(settings)
    with opened(demo, may_be_new=True) as database:
        kept = putting_back.restore(database, file, even_if_newer=even_if_newer)
        click.echo(f"{database.name} is what {file} was.")
    if kept is not None:
        click.echo(f"What it was before is in {kept}.")


@db.command()
@_demo
def compact(demo: bool) -> None:
    """Merge small blocks that a crash left, and give free room back to the disk."""
    from database.care import compaction, vacuum
    from database.care.leftovers import remove_all_leftovers
    from database.copies import in_words
    from pybirch.database_integration.config import IntegrationConfig

    with opened(demo, current=True) as database:
        before = vacuum.size(database)
        remove_all_leftovers(database)
        rows = IntegrationConfig.from_environment().merged_block_rows
        saved = compaction.compact_all(database, compaction.scattered(database), rows)
        shrunk = vacuum.give_back(database)
        after = vacuum.size(database)
    click.echo(f"{saved} blocks fewer; {in_words(before)} before, {in_words(after)} after.")
    if not shrunk:
        click.echo("This file was not made to shrink; free room in it is used again.")


@db.command()
@click.argument("file", type=_FILE)
@click.argument("scans", nargs=-1, metavar="[SCAN_ID]...")
@click.option("--before", type=click.DateTime(["%Y-%m-%d"]), help="All scans that ended before that day.")
@_demo
def archive(file: Path, scans: tuple[str, ...], before: datetime | None, demo: bool) -> None:
    """Move scans, with all their data, into FILE; their rows stay and say where they went."""
    from database.care import archive as moving

    if not scans and before is None:
        raise click.UsageError("Which scans? Name some, or give --before.")
    with opened(demo, current=True) as database:
        wanted = list(scans) + (moving.older_than(database, before.astimezone()) if before else [])
        moved = moving.archive(database, dict.fromkeys(wanted), file, click.echo) if wanted else []
    click.echo(f"{len(moved)} scans moved to {file}.")


@db.command()
@click.argument("scans", nargs=-1, required=True, metavar="SCAN_ID...")
@_demo
def unarchive(scans: tuple[str, ...], demo: bool) -> None:
    """Bring archived scans back."""
    from database.care import archive as moving

    with opened(demo, current=True) as database:
        moved = moving.unarchive(database, scans, click.echo)
    click.echo(f"{len(moved)} scans brought back.")


@contextmanager
def opened(demo: bool, *, current: bool = False, may_be_new: bool = False) -> Iterator[Database]:
    """The lab's database as it is: it is not migrated.

    Raises:
        SchemaError: `current`, and it has another schema than this code.
    """
    from database.care.backup import require_current
    from database.session import Database

    settings = lab_settings(demo=demo)
    if not may_be_new:
        require_database(settings, demo=demo)
    database = Database(settings.database_url)
    try:
        if current:
            with database.read() as session:
                require_current(session.connection(), database)
        yield database
    finally:
        database.dispose()


def require_nobody(settings: LabSettings) -> None:
    """Raise DatabaseInUseError if this folder's server or station lives."""
    from database.errors import DatabaseInUseError

    for what, found in (
        ("server", read_server(settings.run_dir)),
        ("station", read_station(settings.run_dir)),
    ):
        if found is not None and is_ours(found.pid):
            raise DatabaseInUseError(f"the {what} of this folder runs (process {found.pid}): end it first")


def report(findings: list[Finding]) -> None:
    for finding in findings:
        click.echo(str(finding))


@contextmanager
def bar(label: str) -> Iterator[Callable[[int, int], None] | None]:
    """Progress for people; none where nobody looks."""
    if not sys.stderr.isatty():
        yield None
        return
    with click.progressbar(length=1000, label=label, file=sys.stderr) as shown:

        def progress(done: int, whole: int) -> None:
            share = 1000 if not whole else min(1000, 1000 * done // whole)
            shown.update(share - shown.pos)

        yield progress
