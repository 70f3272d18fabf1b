"""Finished scans moved to an archive, an SQLite file of its own, and brought back from it.

    archive(database, ["S1"], Path("2025.db"))
    unarchive(database, ["S1"])

A scan is written there whole, checked there and compared; then one small transaction says in its row
where its readings are, and what is left here is removed piece by piece. Its row and those of its
measurements stay, and their numbers with them. An archive is an ordinary PyBirch database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, Table, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from database import copies
from database.care.check import check_scan
from database.care.leftovers import PARTS, remove_leftovers
from database.care.structure import place_of
from database.care.tables import copy_rows, rows
from database.errors import DamagedDataError, DatabaseUnavailableError
from database.migrations import runner
from database.models.conditions import ScanConditions
from database.models.lab import Lab
from database.models.measurement import MeasurementObject
from database.models.project import Project
from database.models.queue import Queue
from database.models.rewind import ScanRewind
from database.models.sample import Sample, SampleTag
from database.models.scan import Scan
from database.session import Database
from pybirch.errors import FieldError, IllegalTransitionError, NotFoundError
from pybirch.states import TRANSITIONS, ScanState

ENDED = tuple(state for state in ScanState if not TRANSITIONS[state])
"""Completed, aborted or failed: nobody goes on with it."""

Told = Callable[[str], object]

_scans = cast(Table, Scan.__table__)
_objects = cast(Table, MeasurementObject.__table__)
_rewinds = cast(Table, ScanRewind.__table__)
_conditions = cast(Table, ScanConditions.__table__)
_tags = cast(Table, SampleTag.__table__)
_BESIDE = (_rewinds, _conditions)
"""Copied with a scan; they stay here too, being small, and can be searched."""
_REFERRED = tuple(cast(Table, model.__table__) for model in (Lab, Project, Sample, Queue))


def older_than(database: Database, moment: datetime) -> list[str]:
    """Text ids of the scans that ended before `moment` and have readings here."""
    query = select(Scan.scan_id).where(
        Scan.finished_at < moment, Scan.status.in_(ENDED), Scan.archive.is_(None), Scan.points_done > 0
    )
    with database.read() as session:
        return list(session.scalars(query.order_by(Scan.id)))


def archive(
    database: Database, scan_ids: Iterable[str], target: Path, told: Told = lambda scan_id: None
) -> list[str]:
    """Move scans to the archive `target`, made where there is none; gives those that were moved.

    Raises:
        NotFoundError: no such scan.
        IllegalTransitionError: a scan has not ended.
        DamagedDataError: it is damaged here, or its copy differs; it stays where it is.
        FieldError: `target` is no archive of this database.
    """
    wanted = list(scan_ids)
    for scan_id in wanted:
        _require_ended(_row(database, scan_id))
    moved: list[str] = []
    with _archive(database, target.absolute()) as there:
        for scan_id in wanted:
            row = _row(database, scan_id)
            if row.archive is None:
                _require_sound(database, row)
                _write(database, there, row)
                _compare(database, there, row)
                _settle(there)
                database.transact_core(lambda c, r=row: _switch(c, there, r, _name(database, target)))
                moved.append(row.scan_id)
                told(row.scan_id)
            for number in _numbers(database, row.id):
                remove_leftovers(database, number)
    return moved


def unarchive(database: Database, scan_ids: Iterable[str], told: Told = lambda scan_id: None) -> list[str]:
    """Bring archived scans back; gives those that were.

    Raises:
        NotFoundError: no such scan, or its archive is not where it was.
        DamagedDataError: it is damaged in the archive; it stays there.
    """
    moved: list[str] = []
    for scan_id in scan_ids:
        row = _row(database, scan_id)
        if row.archive is None:
            continue
        place = place_of(database, row.archive)
        if not place.exists():
            raise NotFoundError(f"scan {scan_id} was archived to {place}, which is not there")
        with _archive(database, place) as there:
            _bring_back(database, there, row)
        moved.append(scan_id)
        told(scan_id)
    return moved


def _bring_back(database: Database, there: Database, row: Any) -> None:
    source = _row(there, row.scan_id)
    _require_sound(there, source)
    for number in _numbers(database, row.id):
        remove_leftovers(database, number)
    for table in PARTS:
        for batch in _batches(there, table, row.id):
            database.transact_core(lambda c, t=table, b=batch: _put(c, row, t, b))
    _compare(there, database, row)
    database.transact_core(lambda c: _switch_back(c, there, row), repeatable=True)
    there.transact_core(lambda c: _forget_returned(c, database, row), repeatable=True)


def _row(database: Database, scan_id: str) -> Any:
    with database.read() as session:
        row = session.connection().execute(select(_scans).where(_scans.c.scan_id == scan_id)).first()
    if row is None:
        raise NotFoundError(f"there is no scan {scan_id!r} in {database.name}")
    return row


def _require_ended(row: Any) -> None:
    if row.status not in ENDED:
        raise IllegalTransitionError(
            f"scan {row.scan_id} is {row.status}: only what is completed, aborted or failed is archived"
        )


def _require_sound(database: Database, row: Any) -> None:
    for finding in check_scan(database, row.id, as_if_here=True):
        raise DamagedDataError(f"{database.name}: {finding}; it stays (see `pybirch db check`)")


@contextmanager
def _archive(database: Database, place: Path) -> Iterator[Database]:
    """The archive, opened; afterwards all of it is in the one file."""
    copies.refuse_target(database.file or place.with_name(f"{place.name}.nowhere"), place)
    opened = Database(place)
    try:
        runner.upgrade(opened)
        yield opened
    finally:
        opened.dispose()


def _name(database: Database, target: Path) -> str:
    """The archive as the record names it: from the database's folder, if it lies there."""
    place = target.absolute()
    folder = database.file.parent if database.file is not None else None
    return place.relative_to(folder).as_posix() if folder in place.parents and folder else str(place)


def _numbers(database: Database, scan: int) -> list[int]:
    with database.read() as session:
        return list(session.scalars(select(_objects.c.id).where(_objects.c.scan_id == scan)))


def _of(table: Table, scan: int) -> Any:
    """The rows of a table that belong to a scan."""
    if table is _scans:
        return _scans.c.id == scan
    if "scan_id" in table.c:
        return table.c.scan_id == scan
    return table.c.measurement_object_id.in_(select(_objects.c.id).where(_objects.c.scan_id == scan))


def _batches(database: Database, table: Table, scan: int) -> Iterator[list[dict[str, Any]]]:
    """A scan's rows of a table without their numbers, read a few at a time."""
    number = 0
    while True:
        query = select(table).where(_of(table, scan), table.c.id > number).order_by(table.c.id).limit(64)
        with database.moment() as session:
            batch = next(rows(session.connection(), query), [])
        if not batch:
            return
        number = batch[-1]["id"]
        yield [{name: value for name, value in row.items() if name != "id"} for row in batch]


def _write(database: Database, there: Database, row: Any) -> None:
    """The whole scan into the archive, as one transaction there; an earlier try is replaced.

    Raises:
        FieldError: another database's scan has that number there.
        IllegalTransitionError: it was moved meanwhile.
    """
    with there.write_connection() as target:
        _forget(target, row.id, row.scan_id)
        with database.moment() as session:
            source = session.connection()
            for table in _REFERRED:
                _refer(source, target, table, row)
            copy_rows(source, target, _scans, select(_scans).where(_of(_scans, row.id)))
            copy_rows(source, target, _objects, select(_objects).where(_of(_objects, row.id)))
        for table in (*PARTS, *_BESIDE):
            for batch in _batches(database, table, row.id):
                target.execute(insert(table), batch)
        with database.write_connection() as source:
            if _locked(source, row).archive is not None:
                raise IllegalTransitionError(f"scan {row.scan_id} was archived by another program meanwhile")
            target.commit()  # while nobody can move it: what is in the archive may be all there is


def _refer(source: Connection, target: Connection, table: Table, row: Any) -> None:
    """What the scan refers to, as it is now; where the number is taken, the archive's own stays."""
    for number in _referred(source, table, row):
        if target.execute(select(table.c.id).where(table.c.id == number)).first() is None:
            copy_rows(source, target, table, select(table).where(table.c.id == number))
            if table.name == "samples":
                copy_rows(source, target, _tags, select(_tags).where(_tags.c.sample_id == number))


def _referred(source: Connection, table: Table, row: Any) -> list[int]:
    """The numbers of a table's rows that a scan refers to, itself or through others."""
    sample = source.execute(select(Sample.__table__).where(Sample.id == row.sample_id)).first()
    queue = source.execute(select(Queue.__table__).where(Queue.id == row.queue_id)).first()
    projects = [row.project_id, *(one.project_id for one in (sample, queue) if one is not None)]
    samples = [row.sample_id, *([queue.sample_id] if queue is not None else [])]
    more = source.execute(select(Sample.__table__).where(Sample.id.in_(samples))).all()
    projects += [one.project_id for one in more]
    labs = source.execute(select(Project.lab_id).where(Project.id.in_(projects))).scalars()
    found = {
        "labs": [*labs, *(one.lab_id for one in more)],
        "projects": projects,
        "samples": samples,
        "queues": [row.queue_id],
    }[table.name]
    return sorted({number for number in found if number is not None})


def _forget(connection: Connection, scan: int, scan_id: str | None = None) -> None:
    """A scan away from an archive."""
    held = connection.execute(select(_scans.c.scan_id).where(_scans.c.id == scan)).scalar()
    if scan_id is not None and held not in (None, scan_id):
        raise FieldError("file", f"the archive has another database's scans ({held}); use another file")
    for table in (*PARTS, *_BESIDE, _objects, _scans):
        connection.execute(delete(table).where(_of(table, scan)))


def _forget_returned(target: Connection, database: Database, row: Any) -> None:
    """`_forget` of a scan that is back, unless it was moved there again."""
    with database.write_connection() as connection:
        if _locked(connection, row).archive is None:
            _forget(target, row.id)
            target.commit()  # while nobody can move it


def _compare(one: Database, other: Database, row: Any) -> None:
    """Whether both have the same of a scan, each sound.

    Raises:
        DamagedDataError: they have not.
    """
    with one.read() as origin, other.read() as copy:
        differing = _differing(origin.connection(), copy.connection(), row.id)
    if differing is not None:
        raise DamagedDataError(
            f"scan {row.scan_id}: {differing} in {other.name} differ from those in {one.name}; "
            "nothing was removed"
        )
    if wrong := check_scan(other, row.id, as_if_here=True):
        raise DamagedDataError(f"{other.name}: {wrong[0]}; nothing was removed")


def _differing(one: Connection, other: Connection, scan: int) -> str | None:
    """The first table of which the two have not the same of a scan."""
    differing = (table for table in PARTS if _prints(one, table, scan) != _prints(other, table, scan))
    return next((table.name for table in differing), None)


def _prints(connection: Connection, table: Table, scan: int) -> list[tuple[Any, ...]]:
    """What tells two copies of a scan's rows apart: place and checksum of each."""
    names = (
        "measurement_object_id",
        "tier",
        "first_index",
        "count",
        "sequence_index",
        "replaces",
        "checksum",
    )
    columns = [table.c[name] for name in names if name in table.c]
    return sorted(map(tuple, connection.execute(select(*columns).where(_of(table, scan)))), key=str)


def _settle(there: Database) -> None:
    """The archive's write-ahead log into its file, and that to the disk."""
    with there.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    if there.file is None:
        raise DatabaseUnavailableError("an archive is a file")
    copies.sync_folder(there.file.parent)


def _switch(connection: Connection, there: Database, row: Any, name: str) -> None:
    """From now on the scan's readings are in the archive.

    Raises:
        DamagedDataError: it has changed since it was written there.
    """
    present = _locked(connection, row)
    stored = select(func.sum(_objects.c.next_index)).where(_objects.c.scan_id == row.id)
    with there.read() as session:
        written = session.connection()
        is_same = (
            (present.status, present.points_done, present.archive) == (row.status, row.points_done, None)
            and connection.execute(stored).scalar() == written.execute(stored).scalar()
            and _differing(connection, written, row.id) is None
        )
    if not is_same:
        raise DamagedDataError(f"scan {row.scan_id} changed while it was archived; it stays where it is")
    connection.execute(update(_scans).where(_scans.c.id == row.id).values(archive=name))


def _put(connection: Connection, row: Any, table: Table, batch: list[dict[str, Any]]) -> None:
    """Rows from the archive, while the scan is there.

    Raises:
        IllegalTransitionError: somebody else has brought it back, or is about to.
    """
    another = IllegalTransitionError(f"scan {row.scan_id} was brought back by another program meanwhile")
    if _locked(connection, row).archive is None:
        raise another
    try:
        connection.execute(insert(table), batch)
    except IntegrityError as error:
        raise another from error


def _switch_back(connection: Connection, there: Database, row: Any) -> None:
    """From now on the scan's readings are here.

    Raises:
        DamagedDataError: some were removed since they were compared.
    """
    _locked(connection, row)
    with there.read() as session:
        differing = _differing(session.connection(), connection, row.id)
    if differing is not None:
        raise DamagedDataError(
            f"scan {row.scan_id}: {differing} were changed while it was brought back; it stays in its archive"
        )
    connection.execute(update(_scans).where(_scans.c.id == row.id).values(archive=None))


def _locked(connection: Connection, row: Any) -> Any:
    """The scan's row as it is now, under the lock of whoever adds to its readings or removes them."""
    return connection.execute(select(_scans).where(_scans.c.id == row.id).with_for_update()).one()
