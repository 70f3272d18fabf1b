"""The whole record checked, while others measure: short looks, a few blocks in memory at a time.

    for finding in check(database):
        print(finding)

What looks wrong while a scan is measured is looked at again, in one transaction, before it is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, cast

from sqlalchemy import Connection, Table, func, null, select
from sqlalchemy.exc import DatabaseError

from database.care.findings import Finding, Kind, Progress
from database.care.measurement import Examination
from database.care.structure import files, references, structure
from database.models.measurement import MeasurementObject
from database.models.scan import Scan
from database.session import Database

SCANS_AT_ONCE = 200
_scans = cast(Table, Scan.__table__)
_objects = cast(Table, MeasurementObject.__table__)


def check(
    database: Database, progress: Progress | None = None, *, thorough: bool = False
) -> Iterator[Finding]:
    """Everything that is not as it should be, one after the other.

    Args:
        thorough: SQLite looks into its indexes too, which takes longer.
    """
    yield from structure(database, thorough=thorough)
    try:
        yield from references(database)
        yield from files(database)
        yield from _Walk(database, progress).findings()
    except DatabaseError as error:
        yield Finding(kind=Kind.STRUCTURE, problem=f"cannot be read further: {error.orig}")


def check_scan(database: Database, number: int, *, as_if_here: bool = False) -> list[Finding]:
    """What is wrong with one scan, by its number.

    Args:
        as_if_here: though its row says that it is archived.
    """
    query = _SCAN_HERE if as_if_here else _SCAN
    with database.read() as session:
        row = session.connection().execute(query.where(_scans.c.id == number)).one()
    return list(_Walk(database, None).scan(row))


_SCAN = select(_scans.c.id, _scans.c.scan_id, _scans.c.archive)
_SCAN_HERE = select(_scans.c.id, _scans.c.scan_id, null().label("archive"))


class _Walk:
    """Scan by scan, measurement by measurement."""

    def __init__(self, database: Database, progress: Progress | None) -> None:
        self._db = database
        self._progress = progress
        self._seen = self._whole = 0

    def findings(self) -> Iterator[Finding]:
        if self._progress is not None:
            with self._look() as connection:
                self._whole = int(connection.execute(_READINGS).scalar_one())
        number = 0
        while True:
            query = _SCAN.where(_scans.c.id > number).order_by(_scans.c.id).limit(SCANS_AT_ONCE)
            with self._look() as connection:
                rows = connection.execute(query).all()
            for row in rows:
                yield from self.scan(row)
            if len(rows) < SCANS_AT_ONCE:
                return
            number = rows[-1].id

    def scan(self, row: Any) -> Iterator[Finding]:
        with self._look() as connection:
            sums = _sums(connection, row.id)
            query = select(_objects.c.id).where(_objects.c.scan_id == row.id).order_by(_objects.c.id)
            numbers = list(connection.execute(query).scalars())
        for problem in sums:
            yield Finding(kind=Kind.COUNT, problem=problem, scan_id=row.scan_id, scan=row.id)
        for number in numbers:
            yield from self._measurement(row, number)

    def _measurement(self, scan: Any, number: int) -> Iterator[Finding]:
        try:
            found = _examine(self._look, scan, number, self._done)
            if found:
                with self._moment() as connection:
                    found = _examine(lambda: nullcontext(connection), scan, number, lambda count: None)
        except DatabaseError as error:
            problem = f"measurement object {number} cannot be read: {error.orig}"
            found = [Finding(kind=Kind.STRUCTURE, problem=problem, scan_id=scan.scan_id, scan=scan.id)]
        yield from found

    def _done(self, readings: int) -> None:
        self._seen += readings
        if self._progress is not None:
            self._progress(min(self._seen, self._whole), self._whole)

    @contextmanager
    def _look(self) -> Iterator[Connection]:
        with self._db.read() as session:
            yield session.connection()

    @contextmanager
    def _moment(self) -> Iterator[Connection]:
        """A longer look at one moment of the database."""
        with self._db.moment() as session:
            yield session.connection()


def _examine(look: Any, scan: Any, number: int, done: Any) -> list[Finding]:
    examination = Examination(look, number, scan.id, done)
    return list(examination.leftovers() if scan.archive is not None else examination.findings())


_READINGS = (
    select(func.coalesce(func.sum(_objects.c.next_index), 0))
    .join(_scans, _scans.c.id == _objects.c.scan_id)
    .where(_scans.c.archive.is_(None))
)


def _sums(connection: Connection, number: int) -> list[str]:
    """What a scan's own counts say wrongly; one statement, so that it sees one moment."""
    query = (
        select(
            _scans.c.points_done,
            _scans.c.points_replaced,
            func.coalesce(func.sum(_objects.c.next_index), 0),
            func.coalesce(func.sum(_objects.c.replaced), 0),
        )
        .select_from(_scans.outerjoin(_objects, _objects.c.scan_id == _scans.c.id))
        .where(_scans.c.id == number)
        .group_by(_scans.c.id, _scans.c.points_done, _scans.c.points_replaced)
    )
    done, replaced, stored, repeated = connection.execute(query).one()
    problems = []
    if done != stored:
        problems.append(f"points_done is {done}, and its measurements have {stored}")
    if replaced != repeated:
        problems.append(f"points_replaced is {replaced}, and its measurements have {repeated}")
    return problems
