"""Samples and equipment into the record: all of them, in one transaction, or none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from database.importers.mapping import FIELDS, ColumnMap
from database.importers.report import NotKeptError, Report, differences
from database.importers.tables import Line, read_table
from database.models.equipment import Equipment, InstrumentStatus
from database.models.sample import Sample
from database.services import DatabaseService, descent
from database.services.fields import checked
from pybirch.errors import FieldError
from pybirch.states import InstrumentState

Store = Callable[[DatabaseService, Session, dict[str, Any]], tuple[str, str]]
"""Stores one thing; gives the verb (made, changed, same) and what changed."""


def import_table(
    db: DatabaseService,
    path: Path,
    *,
    things: str = "",
    mapping: ColumnMap | None = None,
    dry_run: bool = False,
) -> Report:
    """Take over the samples or the equipment of a CSV or TOML file.

    What is there already, by sample_id or by name and address, is brought up to what the file says; what
    the file leaves empty stays.

    Raises:
        FieldError: the file, or the mapping, cannot be used at all.
    """
    mapping = mapping or ColumnMap()
    things = things or mapping.things
    if things not in FIELDS:
        raise FieldError("things", f"{things!r}: say what the file holds, {' or '.join(FIELDS)}")
    table = read_table(path, encoding=mapping.encoding, delimiter=mapping.delimiter)
    mapping.check(table, things)
    report = import_lines(db, table.lines, things, mapping, dry_run=dry_run)
    if left := mapping.left_out(table):
        report.notes.append(f"columns that go nowhere: {', '.join(left)}")
    return report


def import_lines(
    db: DatabaseService,
    lines: Iterable[Line],
    things: str,
    mapping: ColumnMap | None = None,
    *,
    dry_run: bool = False,
) -> Report:
    """Take over things; see `import_table`."""
    mapping = mapping or ColumnMap()
    lines = list(lines)
    report = Report()

    def work(session: Session) -> None:
        report.entries.clear()
        seen: dict[Any, str] = {}
        for line in lines:
            _take(db, session, line, things, mapping, seen, report)
        if things == "samples" and not report.is_refused:
            _join_families(session, lines, mapping, report)
        if dry_run or report.is_refused:
            raise NotKeptError

    try:
        db.database.transact(work)
        report.stored = True
    except NotKeptError:
        report.stored = False
    return report


def _take(
    db: DatabaseService,
    session: Session,
    line: Line,
    things: str,
    mapping: ColumnMap,
    seen: dict[Any, str],
    report: Report,
) -> None:
    """One line, in a savepoint of its own, so that every wrong line of a file is told at once."""
    fields = mapping.fields(line)
    name = str(fields.get("sample_id" if things == "samples" else "name", ""))
    try:
        with session.begin_nested():
            key = name if things == "samples" else (name, fields.get("adapter", ""))
            if name and key in seen:
                own = "sample_id" if things == "samples" else "name"
                raise FieldError(own, f"stands in {seen[key]} already")
            seen[key] = line.place
            store: Store = store_sample if things == "samples" else store_equipment
            verb, detail = store(db, session, fields)
        report.add(line.place, verb, name, detail)
    except FieldError as error:
        field, bracket, rest = error.field.partition("[")
        field = "tags" if field == "additional_tags" else field
        report.add(line.place, "refused", name, f"{mapping.column_of(field)}{bracket}{rest}: {error.problem}")


def store_sample(db: DatabaseService, session: Session, fields: dict[str, Any]) -> tuple[str, str]:
    """One sample, without its parents, who may stand further down."""
    given = {name: value for name, value in fields.items() if name not in ("tags", "parents", "extra")}
    if "tags" in fields:
        given["additional_tags"] = fields["tags"]
    _check_texts(fields, ("sample_id", "material", "status", "description", "image"))
    known = select(Sample).where(Sample.sample_id == str(given.get("sample_id")))
    row = session.scalars(known.with_for_update(of=Sample)).first()
    if row is None:
        db.samples.make(session, given | ({"extra_data": fields["extra"]} if "extra" in fields else {}))
        return "made", ""
    if "extra" in fields:
        given["extra_data"] = (row.extra_data or {}) | fields["extra"]
    before = {name: getattr(row, name, None) for name in given}
    row = db.samples.change(session, row, given) if _differs(before, given) else row
    changes = differences(before, {name: getattr(row, name) for name in given})
    return ("changed", changes) if changes else ("same", "")


def store_equipment(_db: DatabaseService, session: Session, fields: dict[str, Any]) -> tuple[str, str]:
    """One instrument, found by its name and address."""
    query = select(Equipment).where(
        Equipment.name == str(fields.get("name")), Equipment.adapter == str(fields.get("adapter", ""))
    )
    row = session.scalars(query).unique().first()
    if row is None:
        named = {"nickname": fields.get("name", "")} | fields
        row = Equipment(**checked(Equipment, named, new=True))
        if not row.name.strip():
            raise FieldError("name", "must not be empty")
        row.status = InstrumentStatus(status=InstrumentState.DISCONNECTED)
        session.add(row)
        session.flush()
        return "made", ""
    before = {name: getattr(row, name) for name in fields if name in FIELDS["equipment"]}
    for name, value in checked(Equipment, fields, new=False).items():
        setattr(row, name, value)
    session.flush()
    changes = differences(before, {name: getattr(row, name) for name in before})
    return ("changed", changes) if changes else ("same", "")


def _join_families(session: Session, lines: list[Line], mapping: ColumnMap, report: Report) -> None:
    """Parents, once all samples are there."""
    for i, line in enumerate(lines):
        fields = mapping.fields(line)
        if "parents" not in fields:
            continue
        row = session.scalars(select(Sample).where(Sample.sample_id == fields["sample_id"])).one()
        before = {"parents": [one.sample_id for one in descent.parents(session, row.id)]}
        try:
            with session.begin_nested():
                if not isinstance(fields["parents"], list):
                    raise FieldError("parents", "must be a list of names")
                descent.set_parents(session, row, [str(one) for one in fields["parents"]])
        except FieldError as error:
            column = mapping.column_of("parents")
            report.add(line.place, "refused", row.sample_id, f"{column}: {error.problem}")
            continue
        after = {"parents": sorted(dict.fromkeys(str(one) for one in fields["parents"]))}
        if changes := differences(before, after):
            _tell_change(report, i, changes)


def _tell_change(report: Report, i: int, changes: str) -> None:
    entry = report.entries[i]
    if entry.verb == "made":
        return
    detail = "; ".join(filter(None, (entry.detail, changes)))
    report.entries[i] = type(entry)(entry.place, "changed", entry.thing, detail)


def _differs(before: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    return any(before[name] != value for name, value in given.items())


def _check_texts(fields: Mapping[str, Any], names: Iterable[str]) -> None:
    for name in names:
        if name in fields and not isinstance(fields[name], str):
            raise FieldError(name, f"{fields[name]!r} is not text")
