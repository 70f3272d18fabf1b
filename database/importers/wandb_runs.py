"""Runs of Weights & Biases become scans with readings: all of them, in one transaction, or none."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from database.importers.report import NotKeptError, Report
from database.importers.wandb_files import OldRun, find_runs, flat, number, read_run
from database.models.scan import Scan
from database.services import DatabaseService, append, layout
from pybirch.errors import FieldError
from pybirch.events import Readings
from pybirch.states import ScanState

MEASUREMENT = "history"
PREFIX = "wandb-"
MOST_COLUMNS = 500
FAILED = frozenset({"failed", "crashed", "killed"})


def import_runs(db: DatabaseService, folder: Path, *, project: str = "", dry_run: bool = False) -> Report:
    """Take over a run's folder, or a folder of such; a run that is there already stays as it is.

    Raises:
        FieldError: there is no run.
    """
    report = Report()
    folders = find_runs(folder)

    def work(session: Session) -> None:
        report.entries.clear()
        report.notes.clear()
        for place in folders:
            try:
                with session.begin_nested():
                    verb, detail = _store(db, session, place, project, report)
                report.add(place.name, verb, "", detail)
            except FieldError as error:
                report.add(place.name, "refused", "", str(error))
        if dry_run or report.is_refused:
            raise NotKeptError

    try:
        db.database.transact(work)
        report.stored = True
    except NotKeptError:
        report.stored = False
    return report


def _store(
    db: DatabaseService, session: Session, place: Path, project: str, report: Report
) -> tuple[str, str]:
    run = read_run(place)
    scan_id = f"{PREFIX}{run.run_id}"
    if session.scalar(select(Scan.id).where(Scan.scan_id == scan_id)) is not None:
        return "same", f"scan {scan_id} is there already"
    readings, left = to_readings(run, scan_id)
    row = db.scans.make(session, to_scan(run, scan_id, project, readings))
    if readings is not None:
        prepared = layout.prepare(readings, db.readings.most_rows)
        append.store(session.connection(), row.scan_id, [prepared], None, None, db.readings.most_rows)
    else:
        report.notes.append(f"{place.name}: no history that can be read, so no readings")
    if left:
        report.notes.append(f"{place.name}: no numbers, so left out: {', '.join(left)}")
    count = readings.count if readings is not None else 0
    return "made", f"scan {scan_id}, {count} readings"


def to_scan(run: OldRun, scan_id: str, project: str, readings: Readings | None) -> dict[str, Any]:
    """The fields of the scan; what has no field of its own is kept in `extra_data`."""
    state = str(run.metadata.get("state", "")).lower()
    code = run.metadata.get("exitcode") or 0
    started, finished = _times(run, readings)
    return {
        "scan_id": scan_id,
        "project_name": str(project or run.config.get("project") or run.metadata.get("project") or "")[:255],
        "scan_name": str(run.config.get("scan_name") or run.config.get("name") or run.run_id)[:255],
        "scan_type": "imported",
        "job_type": "wandb",
        "owner": str(run.metadata.get("username") or "")[:255],
        "status": ScanState.FAILED if state in FAILED or code else ScanState.COMPLETED,
        "progress": 1.0,
        "points_total": readings.count if readings is not None else 0,
        "started_at": started,
        "finished_at": finished,
        "created_at": started or datetime.now(UTC),
        "extra_data": {
            "extensions": [],
            "user_fields": clean(run.config),
            "wandb": clean({"metadata": run.metadata, "summary": run.summary, "output": run.output}),
        },
    }


def to_readings(run: OldRun, scan_id: str) -> tuple[Readings | None, list[str]]:
    """The history as readings of one measurement, and the names of what has no numbers.

    A step that does not tell a value has NaN for it. Names that begin with ``_`` are wandb's own.
    """
    names = dict.fromkeys(name for row in run.history for name in row if not name.startswith("_"))
    columns = {name: [number(row.get(name)) for row in run.history] for name in names}
    left = [name for name, cells in columns.items() if all(cell is None for cell in cells)]
    values = {name: _column(cells) for name, cells in columns.items() if name not in left}
    if not values:
        return None, left
    if len(values) > MOST_COLUMNS:
        raise FieldError("history", f"has {len(values)} columns; {MOST_COLUMNS} at most")
    made = Readings(
        scan_id=scan_id,
        measurement=MEASUREMENT,
        first_index=0,
        steps=np.array([_step(row, i) for i, row in enumerate(run.history)], dtype=np.int64),
        times=np.array([_time(row, run) for row in run.history], dtype=np.float64),
        positions={},
        values=values,
    )
    return made, left


def clean(value: Any, depth: int = 0) -> Any:
    """What JSON of both databases takes: no NUL, no number that is none, not too deep."""
    if depth > 50:
        return "…"
    match value:
        case dict():
            return {str(key).replace("\x00", "�"): clean(one, depth + 1) for key, one in value.items()}
        case list() | tuple() | set():
            return [clean(one, depth + 1) for one in value]
        case str():
            return value.replace("\x00", "�").encode("utf-8", "replace").decode()
        case float() if not math.isfinite(value):
            return str(value)
        case int() if not -(2**63) <= value < 2**63:
            return str(value)
        case None | bool() | int() | float():
            return value
    return str(value)


def _column(cells: list[float | None]) -> Any:
    return np.array([math.nan if cell is None else cell for cell in cells], dtype=np.float64)


def _step(row: dict[str, Any], i: int) -> int:
    told = number(row.get("_step"))
    return int(told) if told is not None and 0 <= told < 2**53 else i


def _time(row: dict[str, Any], run: OldRun) -> float:
    told = number(row.get("_timestamp"))
    if told is not None and math.isfinite(told):
        return told
    begun = run.started.timestamp() if run.started else 0.0
    passed = number(row.get("_runtime"))
    return begun + (passed if passed is not None and math.isfinite(passed) else 0.0)


def _times(run: OldRun, readings: Readings | None) -> tuple[datetime | None, datetime | None]:
    """From its metadata, else from its readings; the end from how long it ran."""
    first = last = None
    if readings is not None and readings.count and readings.times.min() > 0:
        first, last = (_moment(float(found)) for found in (readings.times.min(), readings.times.max()))
    started = run.started or first
    ran = number(dict(flat(run.summary)).get("_runtime"))
    if started is not None and ran is not None and 0 <= ran < 1e9:
        return started, started + timedelta(seconds=ran)
    return started, last or started


def _moment(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise FieldError("history: _timestamp", f"{seconds} is no time") from error
