"""New scans from what is kept of others, as a template keeps it: with changes, instruments found by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pybirch.errors import FieldError, ScanSettingsError
from pybirch.queue.terms import OPERATORS
from pybirch.samples import Sample
from pybirch.scan.changes import steps_of, with_changes
from pybirch.scan.scan import Scan
from pybirch.scan.settings import ScanSettings
from pybirch.scan.tree import InstrumentReference, deserialize_tree, users

if TYPE_CHECKING:
    from pybirch.queue.queue import Queue

Instruments = Mapping[str, Any] | Sequence[Any]
NewScan = tuple[str, Scan, dict[str, Any]]
"""The scan_id it has in what is kept, the scan, and its terms."""


def make_scan(
    settings: Mapping[str, Any],
    instruments: Instruments,
    changes: Mapping[str, Any] | None = None,
    *,
    sample: Sample | None = None,
    owner: str = "",
) -> Scan:
    """A new scan with these settings, as `ScanSettings.serialize` gives them.

    Args:
        instruments: those there are, by name or as a list.
        changes: path of a field -> its new value (see `pybirch.scan.changes`).

    Raises:
        FieldError: names the field that is wrong, or the place in the tree whose instrument is not there.
    """
    known = dict(instruments) if isinstance(instruments, Mapping) else {one.name: one for one in instruments}
    data = with_changes(settings, changes or {})
    _require_instruments(data, known)
    scan = Scan(ScanSettings.deserialize(data, known), sample, None, owner)
    scan.check()
    return scan


def make_scans(
    kept: Mapping[str, Any],
    instruments: Instruments,
    changes: Mapping[str, Any] | None = None,
    *,
    sample: Sample | None = None,
    owner: str = "",
) -> list[NewScan]:
    """The scans of a queue anew, as `Queue.serialize` gives it; each with the terms that people set.

    Args:
        changes: paths that begin with the place of a scan, e.g. ``scans[0].scan_name``.
        sample: of all of them, instead of their own.

    Raises:
        FieldError: names the field that is wrong, with the place of its scan.
    """
    scans: list[dict[str, Any]] = list(kept.get("scans") or [])
    if not scans:
        raise FieldError("scans", "is empty; there is nothing to start")
    own = _by_scan(changes or {}, len(scans))
    made: list[NewScan] = []
    for place, one in enumerate(scans):
        try:
            scan = make_scan(
                one.get("settings") or {},
                instruments,
                own[place],
                sample=sample or _sample_of(one.get("sample")),
                owner=owner or str(one.get("owner") or ""),
            )
        except FieldError as error:
            raise FieldError(f"scans[{place}].{error.field}", error.problem) from error
        terms = {key: value for key, value in (one.get("terms") or {}).items() if key in OPERATORS}
        made.append((str(one.get("scan_id") or place), scan, terms))
    return made


def add_to(queue: Queue, made: Sequence[NewScan], *, by: str = "") -> list[str]:
    """Queue new scans, all or none; what waits for another of them waits for its new run.

    Raises:
        FieldError: the queue refuses one.
    """
    new_id = {old: scan.scan_id for old, scan, _ in made}
    added: list[str] = []
    try:
        for _, scan, terms in made:
            after = [new_id[key] for key in list(terms.get("after") or []) if key in new_id]
            added.append(queue.enqueue(scan, terms | ({"after": after} if "after" in terms else {}), by=by))
    except Exception:
        for scan_id in added:
            queue.dequeue(scan_id, by=by)
        raise
    return added


def kept_of(queue: Mapping[str, Any]) -> dict[str, Any]:
    """What a template keeps of a queue, as `Queue.serialize` gives it: what was asked, not how far it came.

    Rounds, retries and other repetitions of a scan of the queue are left out.
    """
    scans = _scans_in(queue)
    ids = {one.get("scan_id") for one in scans}
    first = [one for one in scans if not one.get("restarted_from") or one["restarted_from"] not in ids]
    return {
        **{key: queue[key] for key in ("mode", "max_parallel_scans", "policy") if key in queue},
        "scans": [
            {
                "scan_id": one.get("scan_id"),
                "settings": one.get("settings"),
                "sample": one.get("sample"),
                "owner": one.get("owner") or "",
                "terms": {key: value for key, value in (one.get("terms") or {}).items() if key in OPERATORS},
            }
            for one in first
        ],
    }


def changed_queue(kept: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of what is kept of a queue, with changes as for `make_scans`.

    Raises:
        FieldError: there is no such field; names its path.
    """
    scans: list[dict[str, Any]] = list(kept.get("scans") or [])
    own = _by_scan(changes, len(scans))
    return {**kept, "scans": [_with_own(one, own[place], place) for place, one in enumerate(scans)]}


def _scans_in(queue: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The scans of what a queue gave.

    Raises:
        FieldError: they are none.
    """
    scans = queue.get("scans") or []
    if not isinstance(scans, list | tuple):
        raise FieldError("scans", "must be a list")
    for place, one in enumerate(scans):
        if not isinstance(one, Mapping) or not isinstance(one.get("settings") or {}, Mapping):
            raise FieldError(f"scans[{place}]", "must be an object with settings")
    return list(scans)


def _with_own(one: Mapping[str, Any], changes: Mapping[str, Any], place: int) -> dict[str, Any]:
    try:
        return {**one, "settings": with_changes(one.get("settings") or {}, changes)}
    except FieldError as error:
        raise FieldError(f"scans[{place}].{error.field}", error.problem) from error


def _require_instruments(data: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    for path, item in users(deserialize_tree(data.get("scan_tree") or ())):
        used = item.instrument
        if isinstance(used, InstrumentReference) and used.name not in known:
            there = ", ".join(sorted(known)) or "none"
            raise ScanSettingsError(
                f"{path}.instrument.name", f"no instrument is called {used.name!r} here (known: {there})"
            )


def _by_scan(changes: Mapping[str, Any], count: int) -> list[dict[str, Any]]:
    """The changes of each scan, with paths of its own."""
    own: list[dict[str, Any]] = [{} for _ in range(count)]
    for path, value in changes.items():
        steps = steps_of(path)
        place = steps[1] if len(steps) > 2 and steps[0] == "scans" else None
        if not isinstance(place, int) or place >= count:
            raise FieldError(path, f"must begin with the place of a scan, scans[0] to scans[{count - 1}]")
        own[place][path[path.index("]") + 1 :].removeprefix(".")] = value
    return own


def _sample_of(data: Mapping[str, Any] | None) -> Sample | None:
    if not data:
        return None
    return Sample(str(data.get("ID") or ""), data.get("material") or "", data.get("additional_tags"))
