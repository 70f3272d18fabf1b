"""Go to each of some positions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from pybirch.errors import ScanSettingsError
from pybirch.scan.items.base import Below, TreeItem, instrument_in, items_in, settings_in
from pybirch.scan.items.on_error import OnError
from pybirch.scan.positions import as_json, as_positions

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(init=False, eq=False)
class MovementItem(TreeItem):
    """Visit `positions` in turn and do all `children` at each.

    Args:
        movement: a `Movement`, or a reference to one.
        positions: list, range or array of numbers in the movement's units, or a short form
            (see `pybirch.scan.positions`).
        settings: instrument settings applied before the scan starts.
        children: items done at each position, in order.
        snake: every second time, visit the positions backwards: in a map the stage goes on from where
            it is instead of flying back.
        on_error: an `OnError`, or ``"skip"``: what to do when it cannot be moved.

    Raises:
        ScanSettingsError: positions that are no finite numbers, or children that are no items.
    """

    kind: ClassVar[str] = "movement"
    instrument_field: ClassVar[str] = "movement"
    branch_fields: ClassVar[tuple[str, ...]] = ("children",)

    movement: Any
    positions: NDArray[np.float64] = field(repr=False)
    settings: dict[str, Any]
    children: tuple[TreeItem, ...]
    snake: bool
    on_error: OnError

    def __init__(
        self,
        movement: Any,
        positions: Any,
        settings: Mapping[str, Any] | None = None,
        children: Sequence[Any] = (),
        snake: bool = False,
        on_error: OnError | str | Mapping[str, Any] | None = None,
    ) -> None:
        self.movement = movement
        self.positions = as_positions(positions, f"positions of {getattr(movement, 'name', movement)}")
        self.settings = dict(settings or {})
        self.children = items_in(children, getattr(movement, "name", movement))
        self.snake = bool(snake)
        self.on_error = OnError.of(on_error)
        self._given = positions if isinstance(positions, Mapping | range) else None

    def own_fields(self) -> dict[str, Any]:
        return {
            "positions": as_json(self._given, self.positions),
            "settings": dict(self.settings),
            **({"snake": True} if self.snake else {}),
            **self.on_error.as_json(),
        }

    @classmethod
    def read(cls, data: Mapping[str, Any], below: Below) -> Self:
        if "positions" not in data:
            raise ScanSettingsError("positions", "is missing")
        as_positions(data["positions"], "positions")
        return cls(
            instrument_in(data),
            data["positions"],
            settings_in(data),
            below("children"),
            snake=bool(data.get("snake")),
            on_error=data.get("on_error"),
        )
