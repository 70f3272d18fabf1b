"""Analyses, with what they were made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from database.models.analysis import Analysis, AnalysisInput
from database.models.measurement import MeasurementObject
from database.models.scan import Scan
from database.services import here
from database.services.fields import checked
from database.services.records import Key, Records
from database.session import Database
from pybirch.errors import FieldError, UnknownReferenceError

Input = Key | Mapping[str, Any]
"""A scan (its text id or number), all of it; or ``{scan_id, measurement?, first_index?, end_index?}``."""

_FIELDS = ("scan_id", "measurement", "first_index", "end_index")


class Analyses(Records[Analysis]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, Analysis, search=("name", "analysis_type", "owner", "code_name", "notes"))

    def create(self, *, inputs: Iterable[Input] = (), scan_id: Key | None = None, **fields: Any) -> Analysis:
        """Keep what was computed, and of which readings.

        Args:
            inputs: what it was made from. Where it names no measurement, all the scan has; where it
                names no range, what is there now, so that what comes later is not taken for input.
            scan_id: one scan, all of it, before `inputs`.
            fields: `name`, `parameters`, `results`, `code_name`, …; `database.services.provenance.code_of`
                gives the three of the code; `derived_from_id` an earlier analysis. Without `owner`
                it is the account this program runs under.

        Raises:
            FieldError: names what is wrong, e.g. ``inputs[1].measurement``.
        """
        given = [*([] if scan_id is None else [scan_id]), *inputs]
        fields.setdefault("owner", here.person())

        def work(session: Session) -> Analysis:
            row = Analysis(**checked(Analysis, fields, new=True))
            _check_ancestor(session, row.derived_from_id)
            session.add(row)
            self._flush(session, fields)
            for n, one in enumerate(given):
                session.add_all(_inputs(session, row.id, one, f"inputs[{n}]"))
            return self._loaded(session, row)

        return self._db.transact(work)

    def update(self, key: Key, **fields: Any) -> Analysis:
        """Change fields; what an analysis was made from stays as it is.

        Raises:
            FieldError: it names inputs or the analysis it is derived from.
        """
        for fixed in ("inputs", "scan_id", "derived_from_id"):
            if fixed in fields:
                raise FieldError(fixed, "is where an analysis comes from and stays; make a new one")
        return super().update(key, **fields)

    def lineage(self, key: Key) -> list[Analysis]:
        """The analysis, the one it is derived from, and so on to the first."""
        found = [self.get(key)]
        while (before := found[-1].derived_from_id) is not None:
            found.append(self.get(before))
        return found

    def _filtered(
        self, session: Session, search: str | None, archived: bool, filters: Mapping[str, Any]
    ) -> Select[Analysis]:
        rest = dict(filters)
        scan = rest.pop("scan_id", None)
        query = super()._filtered(session, search, archived, rest)
        if scan is not None:
            used = select(AnalysisInput.analysis_id).join(Scan, Scan.id == AnalysisInput.scan_id)
            query = query.where(Analysis.id.in_(used.where(_named(scan))))
        return query


def _named(scan: Key) -> Any:
    return Scan.scan_id == scan if isinstance(scan, str) else Scan.id == scan


def _check_ancestor(session: Session, number: int | None) -> None:
    if number is not None and session.get(Analysis, number) is None:
        raise UnknownReferenceError("derived_from_id", f"there is no analysis {number}")


def _inputs(session: Session, analysis: int, given: Input, where: str) -> list[AnalysisInput]:
    """The rows of one input."""
    asked = dict(given) if isinstance(given, Mapping) else {"scan_id": given}
    for name in asked:
        if name not in _FIELDS:
            raise FieldError(f"{where}.{name}", f"is not a field of an input; {', '.join(_FIELDS)}")
    scan = session.scalars(select(Scan).where(_named(asked.get("scan_id", "")))).unique().first()
    if scan is None:
        raise UnknownReferenceError(f"{where}.scan_id", f"there is no scan {asked.get('scan_id')!r}")
    ranges = _ranges(session, scan, asked, where)
    return [
        AnalysisInput(analysis_id=analysis, scan_id=scan.id, measurement=name, first_index=a, end_index=b)
        for name, a, b in ranges
    ]


def _ranges(session: Session, scan: Scan, asked: Mapping[str, Any], where: str) -> list[tuple[str, int, int]]:
    """(measurement, first, end) of what is asked for."""
    query = select(MeasurementObject).where(MeasurementObject.scan_id == scan.id)
    ends = {row.name: row.next_index for row in session.scalars(query.order_by(MeasurementObject.id))}
    name = asked.get("measurement")
    if name is None:
        for field in ("first_index", "end_index"):
            if asked.get(field) is not None:
                raise FieldError(f"{where}.measurement", f"a range ({field}) is of one measurement: name it")
        return [(one, 0, end) for one, end in ends.items()] or [("", 0, 0)]
    if name not in ends:
        known = ", ".join(ends) or "none"
        raise FieldError(f"{where}.measurement", f"scan {scan.scan_id} has no {name!r}; it has {known}")
    first = _index(asked.get("first_index", 0), f"{where}.first_index", ends[name])
    end = _index(asked.get("end_index", ends[name]), f"{where}.end_index", ends[name])
    if end < first:
        raise FieldError(f"{where}.end_index", f"{end} lies before first_index {first}")
    return [(name, first, end)]


def _index(value: Any, field: str, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise FieldError(field, f"{value!r} is not a whole number from 0 to {most}")
    return value
