"""Positions chosen on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pybirch.errors import ScanSettingsError
from pybirch.scan.fields import whole
from pybirch.scan.items.base import Below, TreeItem, instrument_in, items_in, settings_in
from pybirch.scan.items.on_error import OnError

if TYPE_CHECKING:
    from pybirch.scan.strategies import Strategy


@dataclass(init=False, eq=False)
class AdaptiveItem(TreeItem):
    """Go where `strategy` says, do all `children` there, and ask it again.

    Args:
        movement: a `Movement`, or a reference to one.
        strategy: from `pybirch.scan.strategies`, or a function registered there.
        measurement: the name of the measurement, among `children`, the strategy judges by; of an
            array its mean counts.
        children: items done at each position, in order.
        column: of that measurement, by name; the first by default.
        max_positions: no more than these.
        settings: instrument settings applied before the scan starts.
        on_error: an `OnError`, or ``"skip"``: what to do when it cannot be moved.

    Raises:
        ScanSettingsError: names the field that makes no sense.
    """

    kind: ClassVar[str] = "adaptive"
    instrument_field: ClassVar[str] = "movement"
    branch_fields: ClassVar[tuple[str, ...]] = ("children",)

    movement: Any
    strategy: Strategy
    measurement: str
    children: tuple[TreeItem, ...]
    column: str
    max_positions: int
    settings: dict[str, Any]
    on_error: OnError

    def __init__(
        self,
        movement: Any,
        strategy: Any,
        measurement: str,
        children: Sequence[Any],
        column: str = "",
        max_positions: int = 100,
        settings: Mapping[str, Any] | None = None,
        on_error: OnError | str | Mapping[str, Any] | None = None,
    ) -> None:
        from pybirch.scan.strategies import strategy_of  # late: few scans are adaptive

        self.movement = movement
        self.strategy = strategy_of(strategy)
        if not isinstance(measurement, str) or not measurement:
            raise ScanSettingsError("measurement", "must be the name of a measurement among the children")
        self.measurement = measurement
        self.children = items_in(children, getattr(movement, "name", movement), some=True)
        self.column = str(column)
        self.max_positions = whole(max_positions, "max_positions")
        self.settings = dict(settings or {})
        self.on_error = OnError.of(on_error)

    def own_fields(self) -> dict[str, Any]:
        return {
            "strategy": self.strategy.as_json(),
            "measurement": self.measurement,
            "column": self.column,
            "max_positions": self.max_positions,
            "settings": dict(self.settings),
            **self.on_error.as_json(),
        }

    @classmethod
    def read(cls, data: Mapping[str, Any], below: Below) -> Self:
        return cls(
            instrument_in(data),
            data.get("strategy"),
            data.get("measurement") or "",
            below("children"),
            data.get("column") or "",
            data.get("max_positions", 100),
            settings_in(data),
            data.get("on_error"),
        )
