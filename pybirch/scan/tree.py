"""The scan tree: items with children; plain data, JSON both ways.

Siblings are done in order. Under a movement everything is done once at each of its positions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pybirch.errors import NotFoundError, ScanSettingsError
from pybirch.instruments.base import BaseMeasurementInstrument
from pybirch.scan.items import (
    AdaptiveItem,
    ConditionItem,
    InstrumentReference,
    LeaveItem,
    MeasurementItem,
    MovementItem,
    OnError,
    ParallelItem,
    RepeatItem,
    SequenceItem,
    SettingsItem,
    StableItem,
    TreeItem,
    WaitItem,
    When,
)

__all__ = [
    "AdaptiveItem",
    "ConditionItem",
    "InstrumentReference",
    "Item",
    "LeaveItem",
    "MeasurementItem",
    "MovementItem",
    "OnError",
    "ParallelItem",
    "RepeatItem",
    "SequenceItem",
    "SettingsItem",
    "StableItem",
    "WaitItem",
    "When",
    "bind",
    "deserialize_tree",
    "instruments_of",
    "map_instruments",
    "serialize_tree",
    "users",
    "walk",
]

Item = TreeItem

KINDS: dict[str, type[TreeItem]] = {
    item.kind: item
    for item in (
        MovementItem,
        MeasurementItem,
        SequenceItem,
        RepeatItem,
        ParallelItem,
        WaitItem,
        StableItem,
        SettingsItem,
        ConditionItem,
        LeaveItem,
        AdaptiveItem,
    )
}


def serialize_tree(tree: Sequence[Item]) -> list[dict[str, Any]]:
    return [item.serialize() for item in tree]


def deserialize_tree(data: Sequence[Mapping[str, Any]], field: str = "scan_tree") -> list[Item]:
    """The tree with references in place of instruments (see `bind`).

    Raises:
        ScanSettingsError: names the part that is not a tree.
    """
    if isinstance(data, str) or not isinstance(data, Sequence):
        raise ScanSettingsError(field, f"must be a list of items, not {type(data).__name__}")
    return [_deserialize(item, f"{field}[{number}]") for number, item in enumerate(data)]


def _deserialize(data: Any, field: str) -> Item:
    if not isinstance(data, Mapping):
        raise ScanSettingsError(field, f'must be an object with a "type", not {type(data).__name__}')
    kind = KINDS.get(str(data.get("type")))
    if kind is None:
        raise ScanSettingsError(
            f"{field}.type", f"must be one of {', '.join(KINDS)}, not {data.get('type')!r}"
        )
    below = {key: deserialize_tree(data.get(key) or [], f"{field}.{key}") for key in kind.branch_fields}
    try:
        return kind.read(data, lambda key: below[key])
    except ScanSettingsError as error:
        raise ScanSettingsError(f"{field}.{error.field}", error.problem) from error


def bind(
    tree: Sequence[Item], instruments: Mapping[str, BaseMeasurementInstrument], *, strict: bool = True
) -> list[Item]:
    """The tree with the real instruments, found by name, in place of references.

    Args:
        strict: False leaves a reference where no instrument of that name is known; such a tree can
            be shown, and is refused by name when it is to run.

    Raises:
        NotFoundError: no instrument of that name.
    """

    def find(instrument: Any) -> Any:
        if not isinstance(instrument, InstrumentReference):
            return instrument
        if instrument.name not in instruments and not strict:
            return instrument
        if instrument.name not in instruments:
            known = ", ".join(sorted(instruments)) or "none"
            raise NotFoundError(f"no instrument is called {instrument.name!r} here (known: {known})")
        return instruments[instrument.name]

    return map_instruments(tree, find)


def map_instruments(tree: Sequence[Item], change: Callable[[Any], Any]) -> list[Item]:
    """A copy of the tree with `change(instrument)` in each place."""
    return [item.changed(change) for item in tree]


def walk(tree: Sequence[Item], field: str = "scan_tree") -> Iterator[tuple[str, Item]]:
    """Every item with the path of its field, parents before children."""
    for number, item in enumerate(tree):
        path = f"{field}[{number}]"
        yield path, item
        for key, below in item.branches.items():
            yield from walk(below, f"{path}.{key}")


def users(tree: Sequence[Item]) -> Iterator[tuple[str, Item]]:
    """Every item that uses an instrument, with the path of its field, parents before children."""
    return ((path, item) for path, item in walk(tree) if item.instrument_field)


def instruments_of(tree: Sequence[Item]) -> list[Any]:
    """Every instrument of the tree once, in order of first use."""
    return list({id(item.instrument): item.instrument for _, item in users(tree)}.values())
