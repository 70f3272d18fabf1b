"""Edits of a queue that come from pages and windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pybirch.errors import FieldError
from pybirch.queue.making import NewScan, add_to, make_scan, make_scans
from pybirch.queue.queue import Queue
from pybirch.samples import Sample

EDITS = ("move", "remove", "terms", "group", "duplicate", "policy", "add")


def edit(
    queue: Queue, action: str, given: Mapping[str, Any], instruments: Sequence[Any], by: str
) -> dict[str, Any]:
    """Do it; what there is to tell beside the queue.

    Args:
        action: one of `EDITS`.
        given: what the edit needs, e.g. ``{"scan_id": …, "before": …, "revision": …}``.
        instruments: those that a new scan may use, beside those of the scan it is made of.

    Raises:
        FieldError, NotFoundError, IllegalTransitionError: it was refused; the text says why.
        EditConflictError: somebody has edited the queue since the `revision` given.
    """
    revision, scan_id = given.get("revision"), str(given.get("scan_id"))
    match action:
        case "move":
            queue.move_before(scan_id, given.get("before"), by=by, revision=revision)
        case "remove":
            queue.dequeue(scan_id, by=by, revision=revision)
        case "terms":
            queue.set_terms(scan_id, given.get("terms") or {}, by=by, revision=revision)
        case "group":
            ids, name = list(given.get("scan_ids") or ()), str(given.get("group"))
            queue.group(ids, name, given.get("rounds", 1), by=by, revision=revision)
        case "duplicate":
            known = {instrument.name: instrument for instrument in instruments}
            queue.duplicate(scan_id, given.get("settings"), instruments=known, by=by)
        case "policy":
            queue.set_policy(given.get("policy") or {}, by=by, revision=revision)
        case "add":
            return {"added": add_to(queue, _from_template(given, instruments), by=by)}
        case _:
            raise FieldError("action", f"a queue cannot {action!r}")
    return {}


def _from_template(given: Mapping[str, Any], instruments: Sequence[Any]) -> list[NewScan]:
    """The scans of a template, with the instruments that are here."""
    kept, changes, told = given.get("settings") or {}, given.get("changes") or {}, given.get("sample")
    sample = Sample(told["ID"], told.get("material") or "", told.get("additional_tags")) if told else None
    if given.get("kind") == "queue":
        return make_scans(kept, instruments, changes, sample=sample)
    return [("", make_scan(kept, instruments, changes, sample=sample), given.get("terms") or {})]
