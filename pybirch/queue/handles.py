"""What a queue shows of a scan, and what it writes down."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pybirch.events import utc_now
from pybirch.queue.terms import Terms
from pybirch.scan.scan import Scan
from pybirch.states import ScanState


@dataclass(frozen=True)
class LogEntry:
    """One line of a queue's log; level is INFO, WARNING or ERROR."""

    timestamp: str
    scan_id: str | None
    scan_name: str | None
    level: str
    message: str
    data: dict[str, Any] | None = None


class ScanHandle:
    """A scan's place in a queue: its state, read from the scan itself, and the terms on which it runs."""

    def __init__(self, scan: Scan, terms: Terms | None = None) -> None:
        self.scan = scan
        self.terms = terms or Terms()

    @property
    def scan_id(self) -> str:
        return self.scan.scan_id

    @property
    def state(self) -> ScanState:
        return self.scan.state

    @property
    def progress(self) -> float:
        return self.scan.progress

    @property
    def error(self) -> str | None:
        return self.scan.error

    @property
    def duration(self) -> float:
        """Seconds since the start, or from start to end; 0 before the start."""
        if self.scan.started_at is None:
            return 0.0
        end = self.scan.finished_at or utc_now()
        return (datetime.fromisoformat(end) - datetime.fromisoformat(self.scan.started_at)).total_seconds()

    def is_active(self) -> bool:
        return self.state.is_active

    def is_finished(self) -> bool:
        return self.state.is_finished

    def describe(self) -> dict[str, Any]:
        """The row that pages and windows show."""
        scan = self.scan
        return {
            "scan_id": scan.scan_id,
            "name": scan.settings.scan_name,
            "project": scan.settings.project_name,
            "scan_type": scan.settings.scan_type,
            "job_type": scan.settings.job_type,
            "status": str(scan.state),
            "requested": None if scan.requested is None else str(scan.requested),
            "progress": scan.progress,
            "message": scan.message,
            "error": scan.error,
            "owner": scan.owner,
            "sample": scan.sample.serialize() if scan.sample else None,
            "created_at": scan.created_at,
            "started_at": scan.started_at,
            "finished_at": scan.finished_at,
            "points_done": scan.points_done,
            "points_total": scan.points_total,
            "points_vary": scan.points_vary,
            "restarted_from": scan.restarted_from,
            "tags": list(scan.settings.additional_tags or ()),
            "terms": self.terms.as_json(),
        }

    def __repr__(self) -> str:
        return f"<ScanHandle {self.scan_id} {self.state} {self.progress:.0%}>"


def entry(level: str, message: str, scan: Scan | None = None, data: dict[str, Any] | None = None) -> LogEntry:
    """A log line of now."""
    return LogEntry(
        timestamp=utc_now(),
        scan_id=scan.scan_id if scan else None,
        scan_name=scan.settings.scan_name if scan else None,
        level=level,
        message=message,
        data=data,
    )
