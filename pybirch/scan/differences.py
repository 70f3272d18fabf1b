"""What is different between two scans: settings, tree, instruments, drivers, software, sample, terms.

Works on plain data, an *account* of each scan::

    {"settings": what `ScanSettings.serialize` gives, "sample": …, "terms": …, "owner": …,
     "conditions": what `pybirch.scan.conditions` tells, or None}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pybirch.scan.comparing import MISSING, fields_of, in_words, positions_fields
from pybirch.scan.matching import Pair, matched

GROUPS = ("settings", "tree", "instruments", "drivers", "software", "sample", "terms", "operator")
"""In the order in which they are told."""

_BRANCHES = ("children", "otherwise")
_TERMS = ("priority", "not_before", "group", "rounds")
_OWN_PLACE = ("scan_tree",)


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was.

    Attributes:
        group: one of `GROUPS`.
        place: where: an item of the tree with its path, or an instrument; empty for the whole scan.
        field: what of it, as `pybirch.scan.changes` takes it below the place; empty for all of it.
        before, after: the values, scalars or words; None for what is not there.
        unit: of both.
        kind: "changed", "added", "removed" or "moved".
    """

    group: str
    place: str
    field: str
    before: Any
    after: Any
    unit: str = ""
    kind: str = "changed"

    def __str__(self) -> str:
        where = f"{self.group} " if self.group in ("sample", "terms") else ""
        what = where + ": ".join(text for text in (self.place, self.field) if text)
        unit = f" {self.unit}" if self.unit else ""
        match self.kind:
            case "added":
                return f"{what} added" + (f": {in_words(self.after)}{unit}" if self.after is not None else "")
            case "removed":
                told = f": {in_words(self.before)}{unit}" if self.before is not None else ""
                return f"{what} removed{told}"
            case "moved":
                return f"{what} moved from {self.before} to {self.after}"
        return f"{what} {in_words(self.before)} -> {in_words(self.after)}{unit}"


@dataclass(frozen=True)
class Comparison:
    """What is different, and what could not be compared."""

    changes: list[Difference] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[Difference]:
        return iter(self.changes)

    def __len__(self) -> int:
        return len(self.changes)

    def __str__(self) -> str:
        return "\n".join([*map(str, self.changes or ["no difference"]), *self.remarks])

    def as_json(self) -> dict[str, Any]:
        return {
            "changes": [asdict(one) | {"text": str(one)} for one in self.changes],
            "remarks": list(self.remarks),
        }


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> Comparison:
    """What is different in `after`, by group."""
    remarks: list[str] = []
    one, other = before.get("settings") or {}, after.get("settings") or {}
    changes = [
        *_plain("settings", _without(one, *_OWN_PLACE), _without(other, *_OWN_PLACE)),
        *_trees(one.get("scan_tree") or [], other.get("scan_tree") or [], "scan_tree"),
        *_instruments(before, after, remarks),
        *_ran_under(before, after, remarks),
        *_plain("sample", _sample(before, after), _sample(after, before)),
        *_plain("terms", _terms(before), _terms(after)),
        *_plain("operator", {"operator": before.get("owner") or ""}, {"operator": after.get("owner") or ""}),
    ]
    return Comparison(sorted(changes, key=lambda change: GROUPS.index(change.group)), remarks)


# The tree


def _trees(before: list[Any], after: list[Any], field: str) -> Iterator[Difference]:
    for pair in matched(before, after):
        if pair.before is None:
            yield Difference("tree", _place(field, pair.at, pair.after), "", None, None, kind="added")
        elif pair.after is None:
            yield Difference("tree", _place(field, pair.was, pair.before), "", None, None, kind="removed")
        else:
            yield from _nodes(pair, field)


def _nodes(pair: Pair, field: str) -> Iterator[Difference]:
    before, after = pair.before or {}, pair.after or {}
    place = _place(field, pair.at, after)
    unit = str((after.get("instrument") or {}).get("position_units") or "")
    if pair.moved:
        yield Difference("tree", place, "", f"{field}[{pair.was}]", f"{field}[{pair.at}]", kind="moved")
    was, now = ((item.get("instrument") or {}).get("name") for item in (before, after))
    if was != now:
        yield Difference("tree", place, "instrument.name", was, now)
    for name, was, now in positions_fields(before.get("positions"), after.get("positions")):
        yield _difference("tree", place, name, was, now, "" if name.endswith(".num") else unit)
    skip = ("type", "instrument", "positions", *_BRANCHES)
    for name, was, now in fields_of(_without(before, *skip), _without(after, *skip)):
        yield _difference("tree", place, name, was, now)
    for key in _BRANCHES:
        yield from _trees(before.get(key) or [], after.get(key) or [], f"{field}[{pair.at}].{key}")


def _place(field: str, number: int | None, item: Any) -> str:
    """``scan_tree[0] movement stage``"""
    known = item if isinstance(item, Mapping) else {}
    name = (known.get("instrument") or {}).get("name") or known.get("title") or ""
    return " ".join(text for text in (f"{field}[{number}]", str(known.get("type") or ""), str(name)) if text)


# What it ran under


def _instruments(
    before: Mapping[str, Any], after: Mapping[str, Any], remarks: list[str]
) -> Iterator[Difference]:
    one, other = _by_name(before), _by_name(after)
    for name in dict.fromkeys([*one, *other]):
        if name not in other or name not in one:
            kind = "added" if name in other else "removed"
            yield Difference("instruments", name, "", None, None, kind=kind)
            continue
        was, now = one[name], other[name]
        remarks += [f"{name}, {which}: {text}" for which, told in (("before", was), ("after", now))
                    for text in told.get("problems", ())]  # fmt: skip
        both = was.keys() & now.keys()
        untold = bool(was.get("problems") or now.get("problems"))
        asked = "module" in both and not untold  # told by conditions, on both sides
        keys = [key for key in now | was if key in both or (asked and key in ("settings", "identity"))]
        skip = ("problems", "name", "driver")
        for path, value, new in fields_of(_only(was, keys, skip), _only(now, keys, skip)):
            yield _difference("instruments", name, path, value, new)
        if "driver" in both:
            for path, value, new in fields_of(was["driver"], now["driver"]):
                yield _difference("drivers", name, path, value, new)


def _by_name(account: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Every instrument as the tree describes it, and as it was when the scan ran, where that is kept."""
    found: dict[str, dict[str, Any]] = {}
    waiting = list((account.get("settings") or {}).get("scan_tree") or [])
    while waiting:
        item = waiting.pop(0)
        if not isinstance(item, Mapping):
            continue
        waiting += [below for key in _BRANCHES for below in item.get(key) or []]
        if isinstance(told := item.get("instrument"), Mapping) and told.get("name"):
            found.setdefault(str(told["name"]), dict(told))
    for told in (account.get("conditions") or {}).get("instruments") or ():
        found.setdefault(str(told["name"]), {}).update(told)
    return found


def _ran_under(
    before: Mapping[str, Any], after: Mapping[str, Any], remarks: list[str]
) -> Iterator[Difference]:
    one, other = before.get("conditions"), after.get("conditions")
    if one is None or other is None:
        which = "either scan" if one is other else "the earlier scan" if one is None else "the later scan"
        remarks.insert(
            0, f"What {which} ran under is not kept: settings of instruments, drivers and software "
            "are not compared."
        )  # fmt: skip
        return
    yield from _plain("software", one.get("software") or {}, other.get("software") or {})


def _sample(account: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """As it was when the scan ran, where that is kept of both; else as its row has it, from its queue."""
    kept = all("sample" in (one.get("conditions") or {}) for one in (account, other))
    then = account["conditions"]["sample"] if kept else None
    return dict(then or account.get("sample") or {})


def _terms(account: Mapping[str, Any]) -> dict[str, Any]:
    terms = account.get("terms") or {}
    waits = {"after": len(terms["after"])} if terms.get("after") else {}
    return _only(terms, _TERMS, ()) | waits


# Small parts


def _plain(group: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    for path, was, now in fields_of(before, after):
        yield _difference(group, "", path, was, now)


def _difference(group: str, place: str, path: str, was: Any, now: Any, unit: str = "") -> Difference:
    kind = "added" if was is MISSING else "removed" if now is MISSING else "changed"
    values = [None if value is MISSING else _scalar(value) for value in (was, now)]
    return Difference(group, place, path, values[0], values[1], unit, kind)


def _scalar(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | None) else in_words(value)


def _without(data: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in names}


def _only(data: Mapping[str, Any], names: Any, but: tuple[str, ...]) -> dict[str, Any]:
    return {name: data[name] for name in names if name in data and name not in but}
