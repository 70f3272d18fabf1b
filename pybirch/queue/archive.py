"""A queue as JSON and back; what was under way when it was written counts as interrupted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pybirch.samples import Sample
from pybirch.scan.scan import Scan
from pybirch.scan.settings import ScanSettings
from pybirch.scan.tree import bind
from pybirch.states import ScanState


def scan_to_json(scan: Scan) -> dict[str, Any]:
    return {
        "scan_id": scan.scan_id,
        "settings": scan.settings.serialize(),
        "sample": scan.sample.serialize() if scan.sample else None,
        "owner": scan.owner,
        "state": str(scan.state),
        "progress": scan.progress,
        "points_done": scan.points_done,
        "error": scan.error,
        "started_at": scan.started_at,
        "finished_at": scan.finished_at,
        "restarted_from": scan.restarted_from,
    }


def scan_from_json(data: Mapping[str, Any], instruments: Mapping[str, Any] | None = None) -> Scan:
    """The scan with instruments found by name; one that lacks an instrument can be shown, not run."""
    state = ScanState(data.get("state", ScanState.QUEUED))
    sample = data.get("sample")
    settings = ScanSettings.deserialize(data["settings"])
    if settings.scan_tree is not None and instruments is not None:
        settings.scan_tree = bind(settings.scan_tree, instruments, strict=False)
    return Scan.recall(
        settings,
        scan_id=data["scan_id"],
        state=ScanState.INTERRUPTED if state.is_active else state,
        progress=data.get("progress") or 0.0,
        points_done=data.get("points_done") or 0,
        error=data.get("error"),
        started_at=data.get("started_at"),
        finished_at=data.get("finished_at"),
        sample=Sample(sample["ID"], sample.get("material", ""), sample.get("additional_tags"))
        if sample
        else None,
        owner=data.get("owner", ""),
        restarted_from=data.get("restarted_from"),
    )
