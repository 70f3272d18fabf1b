"""Items that depend on what has been measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self, cast

from pybirch.errors import ScanSettingsError
from pybirch.scan.fields import number
from pybirch.scan.items.base import Below, TreeItem, items_in


@dataclass(frozen=True)
class When:
    """What the last reading of a measurement must be like; of an array, its mean counts.

    Args:
        measurement: by name; it must be read earlier in the tree.
        column: by name, with or without its unit; the first by default.
        above, below: the value must be larger, smaller than that. Before the first reading, and
            for NaN, the answer is no.

    Raises:
        ScanSettingsError: names the field that makes no sense.
    """

    measurement: str
    column: str = ""
    above: float | None = None
    below: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.measurement, str) or not self.measurement:
            raise ScanSettingsError("when.measurement", "must be the name of a measurement")
        if self.above is None and self.below is None:
            raise ScanSettingsError("when", "needs a bound: above, below, or both")
        for field in ("above", "below"):
            if getattr(self, field) is not None:
                number(getattr(self, field), f"when.{field}", endless=True)

    def holds(self, value: float) -> bool:
        """Whether `value` is such; NaN never is."""
        return (self.above is None or value > self.above) and (self.below is None or value < self.below)

    @classmethod
    def of(cls, given: Any) -> Self:
        """One from its JSON.

        Raises:
            ScanSettingsError: it is none.
        """
        if isinstance(given, When):
            return cast("Self", given)
        if not isinstance(given, Mapping):
            raise ScanSettingsError("when", f"must be When(…) or its JSON, not {given!r}")
        unknown = set(given) - {"measurement", "column", "above", "below"}
        if unknown:
            raise ScanSettingsError(f"when.{min(unknown)}", "is unknown")
        return cls(**{"measurement": "", **given})

    def as_json(self) -> dict[str, Any]:
        told = {"measurement": self.measurement, "column": self.column}
        bounds = {"above": self.above, "below": self.below}
        return told | {key: value for key, value in bounds.items() if value is not None}

    def __str__(self) -> str:
        bounds = [(">", self.above), ("<", self.below)]
        told = " and ".join(f"{sign} {bound:g}" for sign, bound in bounds if bound is not None)
        return f"{self.measurement}{f'.{self.column}' if self.column else ''} {told}"


@dataclass(init=False, eq=False)
class ConditionItem(TreeItem):
    """Do `children` when the last reading is as `when` says, else `otherwise`.

    Raises:
        ScanSettingsError: names the field that makes no sense.
    """

    kind: ClassVar[str] = "condition"
    branch_fields: ClassVar[tuple[str, ...]] = ("children", "otherwise")

    when: When
    children: tuple[TreeItem, ...]
    otherwise: tuple[TreeItem, ...]

    def __init__(
        self, when: When | Mapping[str, Any], children: Sequence[Any] = (), otherwise: Sequence[Any] = ()
    ) -> None:
        self.when = When.of(when)
        self.children = items_in(children, "condition")
        self.otherwise = items_in(otherwise, "condition, otherwise")
        if not self.children and not self.otherwise:
            raise ScanSettingsError("children of condition", "is empty; say what depends on it")

    def own_fields(self) -> dict[str, Any]:
        return {"when": self.when.as_json()}

    @classmethod
    def read(cls, data: Mapping[str, Any], below: Below) -> Self:
        return cls(data.get("when"), below("children"), below("otherwise"))  # pyright: ignore[reportArgumentType]


What = Literal["round", "loop", "scan"]


@dataclass(init=False, eq=False)
class LeaveItem(TreeItem):
    """Leave something early, usually under a `ConditionItem`.

    Args:
        what: the ``"round"`` (go on with the next position of the movement, repeat or adaptive item
            around this), the ``"loop"`` (no further positions of it) or the whole ``"scan"``, which
            is then completed.

    Raises:
        ScanSettingsError: `what` is none of these.
    """

    kind: ClassVar[str] = "leave"

    what: What

    def __init__(self, what: str) -> None:
        if what not in ("round", "loop", "scan"):
            raise ScanSettingsError("what", f'must be "round", "loop" or "scan", not {what!r}')
        self.what = cast("What", what)

    def own_fields(self) -> dict[str, Any]:
        return {"what": self.what}

    @classmethod
    def read(cls, data: Mapping[str, Any], below: Below) -> Self:
        return cls(data.get("what", "nothing"))
