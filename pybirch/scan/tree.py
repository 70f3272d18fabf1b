"""The scan tree: movements with children, and measurements; plain data, JSON both ways.

Siblings are done in order. Under a movement everything is done once at each of its positions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pybirch.errors import NotFoundError, ScanSettingsError
from pybirch.instruments.base import BaseMeasurementInstrument
from pybirch.scan.positions import as_json, as_positions


@dataclass(frozen=True)
class InstrumentReference:
    """Stands for an instrument that is known by description only; `bind` puts the real one in."""

    description: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.description["name"])

    def describe(self) -> dict[str, Any]:
        return dict(self.description)


@dataclass(init=False, eq=False)
class MovementItem:
    """Visit `positions` in turn and do all `children` at each.

    Args:
        movement: a `Movement`, or a reference to one.
        positions: list, range or array of numbers in the movement's units, or a short form
            (see `pybirch.scan.positions`).
        settings: instrument settings applied before the scan starts.
        children: movements and measurements done at each position, in order.

    Raises:
        ScanSettingsError: positions that are no finite numbers, or children that are no items.
    """

    movement: Any
    positions: NDArray[np.float64] = field(repr=False)
    settings: dict[str, Any]
    children: tuple[Item, ...]

    def __init__(
        self,
        movement: Any,
        positions: Any,
        settings: Mapping[str, Any] | None = None,
        children: Sequence[Any] = (),
    ) -> None:
        self.movement = movement
        self.positions = as_positions(positions, f"positions of {getattr(movement, 'name', movement)}")
        self.settings = dict(settings or {})
        if not isinstance(children, Iterable):
            raise ScanSettingsError(
                f"children of {getattr(movement, 'name', movement)}",
                f"must be a list of items, not {type(children).__name__}",
            )
        self.children = tuple(children)
        self._given = positions if isinstance(positions, Mapping | range) else None
        for number, child in enumerate(self.children):
            require_item(child, f"children[{number}] of {getattr(movement, 'name', movement)}")

    @property
    def instrument(self) -> Any:
        return self.movement

    def serialize(self) -> dict[str, Any]:
        return {
            "type": "movement",
            "instrument": self.movement.describe(),
            "positions": as_json(self._given, self.positions),
            "settings": dict(self.settings),
            "children": [child.serialize() for child in self.children],
        }


@dataclass(init=False, eq=False)
class MeasurementItem:
    """Take one reading of `measurement`."""

    measurement: Any
    settings: dict[str, Any]

    def __init__(self, measurement: Any, settings: Mapping[str, Any] | None = None) -> None:
        self.measurement = measurement
        self.settings = dict(settings or {})

    @property
    def instrument(self) -> Any:
        return self.measurement

    def serialize(self) -> dict[str, Any]:
        return {
            "type": "measurement",
            "instrument": self.measurement.describe(),
            "settings": dict(self.settings),
        }


Item = MovementItem | MeasurementItem


def require_item(item: Any, field: str) -> None:
    """Raise ScanSettingsError unless `item` belongs in a tree."""
    if not isinstance(item, MovementItem | MeasurementItem):
        raise ScanSettingsError(
            field, f"must be a MovementItem or MeasurementItem, not {type(item).__name__}"
        )


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
    if not isinstance(data, Mapping) or not isinstance(data.get("instrument"), Mapping):
        raise ScanSettingsError(field, 'must be an object with "type" and "instrument"')
    if not str(data["instrument"].get("name") or ""):
        raise ScanSettingsError(f"{field}.instrument.name", "is missing")
    reference = InstrumentReference(dict(data["instrument"]))
    settings = data.get("settings") or {}
    if not isinstance(settings, Mapping):
        raise ScanSettingsError(f"{field}.settings", f"must be an object, not {type(settings).__name__}")
    match data.get("type"):
        case "movement":
            children = deserialize_tree(data.get("children") or [], f"{field}.children")
            return MovementItem(reference, _positions_of(data, field), settings=settings, children=children)
        case "measurement":
            return MeasurementItem(reference, settings=settings)
    raise ScanSettingsError(f"{field}.type", f'must be "movement" or "measurement", not {data.get("type")!r}')


def _positions_of(data: Mapping[str, Any], field: str) -> Any:
    if "positions" not in data:
        raise ScanSettingsError(f"{field}.positions", "is missing")
    as_positions(data["positions"], f"{field}.positions")
    return data["positions"]


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
    changed: list[Item] = []
    for item in tree:
        if isinstance(item, MeasurementItem):
            changed.append(MeasurementItem(change(item.measurement), item.settings))
        else:
            positions = item.positions if item._given is None else item._given
            children = map_instruments(item.children, change)
            changed.append(MovementItem(change(item.movement), positions, item.settings, children))
    return changed


def walk(tree: Sequence[Item], field: str = "scan_tree") -> Iterator[tuple[str, Item]]:
    """Every item with the path of its field, parents before children."""
    for number, item in enumerate(tree):
        path = f"{field}[{number}]"
        yield path, item
        if isinstance(item, MovementItem):
            yield from walk(item.children, f"{path}.children")


def instruments_of(tree: Sequence[Item]) -> list[Any]:
    """Every instrument of the tree once, in order of first use."""
    return list({id(item.instrument): item.instrument for _, item in walk(tree)}.values())
