"""What all items of a scan tree have in common."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pybirch.errors import ScanSettingsError


class TreeItem:
    """One item of a scan tree: plain data, JSON both ways.

    Attributes:
        kind: its ``"type"`` in JSON.
        instrument_field: the attribute with its instrument, which is leased, connected and made safe
            with the scan; empty for an item that uses none.
        branch_fields: the attributes with the items below, and their keys in JSON.
    """

    kind: ClassVar[str]
    instrument_field: ClassVar[str] = ""
    branch_fields: ClassVar[tuple[str, ...]] = ()

    @property
    def instrument(self) -> Any:
        """What it uses; None if nothing."""
        return getattr(self, self.instrument_field) if self.instrument_field else None

    @property
    def branches(self) -> dict[str, tuple[TreeItem, ...]]:
        """The items below, by their key."""
        return {field: getattr(self, field) for field in self.branch_fields}

    def serialize(self) -> dict[str, Any]:
        used = {"instrument": self.instrument.describe()} if self.instrument_field else {}
        below = {key: [item.serialize() for item in items] for key, items in self.branches.items()}
        return {"type": self.kind, **used, **self.own_fields(), **below}

    def own_fields(self) -> dict[str, Any]:
        """What `serialize` tells beside type, instrument and branches, JSON-ready."""
        return {}

    @classmethod
    def read(cls, data: Mapping[str, Any], below: Below) -> Self:
        """The item from what `serialize` gave, with a reference in place of its instrument.

        Raises:
            ScanSettingsError: names the field.
        """
        raise NotImplementedError

    def changed(self, change: Callable[[Any], Any]) -> Self:
        """A copy with ``change(instrument)`` in each place, in the branches too."""
        other = copy.copy(self)
        if self.instrument_field:
            setattr(other, self.instrument_field, change(self.instrument))
        for field, items in self.branches.items():
            setattr(other, field, tuple(item.changed(change) for item in items))
        return other


Below = Callable[[str], list[TreeItem]]
"""Gives the items under a key of an item's JSON."""


@dataclass(frozen=True)
class InstrumentReference:
    """Stands for an instrument that is known by description only; `bind` puts the real one in."""

    description: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.description["name"])

    def describe(self) -> dict[str, Any]:
        return dict(self.description)


def instrument_in(data: Mapping[str, Any]) -> InstrumentReference:
    """The instrument of an item's JSON: a reference to what is described there.

    Raises:
        ScanSettingsError: none is described, or it has no name.
    """
    told = data.get("instrument")
    if not isinstance(told, Mapping):
        raise ScanSettingsError("instrument", "is missing; describe it, with its name at least")
    if not str(told.get("name") or ""):
        raise ScanSettingsError("instrument.name", "is missing")
    return InstrumentReference(dict(told))


def settings_in(data: Mapping[str, Any]) -> dict[str, Any]:
    settings = data.get("settings") or {}
    if not isinstance(settings, Mapping):
        raise ScanSettingsError("settings", f"must be an object, not {type(settings).__name__}")
    return dict(settings)


def items_in(children: Any, of: object, *, some: bool = False) -> tuple[TreeItem, ...]:
    """`children` as items.

    Raises:
        ScanSettingsError: one of them is no item; or there is none and `some` are needed.
    """
    if not isinstance(children, Iterable):
        raise ScanSettingsError(
            f"children of {of}", f"must be a list of items, not {type(children).__name__}"
        )
    found = tuple(children)
    if some and not found:
        raise ScanSettingsError(f"children of {of}", "is empty; give at least one item")
    for place, child in enumerate(found):
        require_item(child, f"children[{place}] of {of}")
    return found


def require_item(item: Any, field: str) -> None:
    """Raise ScanSettingsError unless `item` belongs in a tree."""
    if not isinstance(item, TreeItem):
        raise ScanSettingsError(
            field,
            "must be an item of a tree, such as MovementItem, MeasurementItem, RepeatItem or WaitItem, "
            f"not {type(item).__name__}",
        )
