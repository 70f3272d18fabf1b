"""Where to measure next, judging by the data so far.

A strategy is plain data with one question: `next_position`. It is asked again from the data alone
when a scan goes on after a crash, so it keeps nothing that the data do not tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Protocol, cast, runtime_checkable

import numpy as np

from pybirch.errors import ScanSettingsError
from pybirch.scan.fields import number, whole

Numbers = Sequence[float]
OwnStrategy = Callable[[Numbers, Numbers], "float | None"]

_own: dict[str, OwnStrategy] = {}


@runtime_checkable
class Strategy(Protocol):
    """Chooses positions one by one."""

    kind: ClassVar[str]

    def next_position(self, positions: Numbers, values: Numbers) -> float | None:
        """Where to go, or None when enough is known.

        Args:
            positions: where it was measured so far, in that order.
            values: what was measured there; NaN where there was nothing to be had.
        """
        ...

    def as_json(self) -> dict[str, Any]: ...


def register_strategy(name: str, function: OwnStrategy) -> None:
    """Let trees use ``function(positions, values) -> next position or None`` under `name`.

    Only what is registered can be named by a tree that comes from a page or a record.
    """
    _own[name] = function


@dataclass(frozen=True)
class Bisection:
    """Find where the values cross `level`: both ends, then always the middle of what is left.

    Stops when the crossing is known within `tolerance` or as well as the axis can tell positions apart,
    or if both ends are on one side of `level`.

    Args:
        low, high: the positions between which it is looked for.
        level: in the units of the column that is looked at.
        tolerance: in the units of the movement.

    Source: the bisection method, e.g. Press et al., Numerical Recipes (2007), section 9.1.
    """

    kind: ClassVar[str] = "bisection"

    low: float
    high: float
    level: float
    tolerance: float

    def __post_init__(self) -> None:
        _check_bounds(self.low, self.high)
        number(self.level, "strategy.level")
        if number(self.tolerance, "strategy.tolerance", 0) == 0:
            raise ScanSettingsError("strategy.tolerance", "must be more than 0")

    def next_position(self, positions: Numbers, values: Numbers) -> float | None:
        if len(positions) < 2:
            return (self.low, self.high)[len(positions)]
        low, high = positions[0], positions[1]
        is_above = values[0] > self.level
        if is_above == (values[1] > self.level) or not np.isfinite(values[:2]).all():
            return None
        for position, value in zip(positions[2:], values[2:], strict=True):
            if not np.isfinite(value) or position in (low, high):
                return None
            if (value > self.level) == is_above:
                low = position
            else:
                high = position
        middle = (low + high) / 2
        return None if abs(high - low) <= self.tolerance or middle in (low, high) else middle

    def as_json(self) -> dict[str, Any]:
        return {self.kind: asdict(self)}


@dataclass(frozen=True)
class Refinement:
    """More points where the curve bends: first `start` evenly spaced ones, then always the interval
    beside the point that is farthest from the straight line between its neighbours.

    Stops when every point is nearer to that line than `tolerance` times the range of the values, or as
    near to its neighbours as the axis can tell positions apart.

    Args:
        low, high: the positions between which the curve is measured.
        start: number of positions at the beginning, 3 or more.
        tolerance: a share of the range of values, e.g. 0.01.
    """

    kind: ClassVar[str] = "refinement"

    low: float
    high: float
    start: int = 9
    tolerance: float = 0.01

    def __post_init__(self) -> None:
        _check_bounds(self.low, self.high)
        whole(self.start, "strategy.start", 3)
        number(self.tolerance, "strategy.tolerance", 0)

    def next_position(self, positions: Numbers, values: Numbers) -> float | None:
        if len(positions) < self.start:
            return float(np.linspace(self.low, self.high, self.start)[len(positions)])
        known = np.isfinite(values)
        where = np.asarray(positions, dtype=np.float64)[known]
        order = np.argsort(where, kind="stable")
        x, y = where[order], np.asarray(values, dtype=np.float64)[known][order]
        x, first, times = np.unique(x, return_index=True, return_counts=True)
        y, again = y[first], set(x[times > 1])
        if len(x) < 3 or np.ptp(y) == 0:
            return None
        straight = y[:-2] + (y[2:] - y[:-2]) * (x[1:-1] - x[:-2]) / (x[2:] - x[:-2])
        bend = np.abs(y[1:-1] - straight) / np.ptp(y)
        for worst in np.argsort(bend, kind="stable")[::-1]:
            if bend[worst] <= self.tolerance:
                return None
            left, middle, right = x[worst : worst + 3]
            a, b = (left, middle) if middle - left >= right - middle else (middle, right)
            between = float((a + b) / 2)
            if a < between < b and a not in again and b not in again:
                return between
        return None

    def as_json(self) -> dict[str, Any]:
        return {self.kind: asdict(self)}


@dataclass(frozen=True)
class OwnFunction:
    """A scientist's own function, by the name given to `register_strategy`."""

    kind: ClassVar[str] = "function"

    name: str

    def next_position(self, positions: Numbers, values: Numbers) -> float | None:
        if self.name not in _own:
            known = ", ".join(sorted(_own)) or "none"
            raise ScanSettingsError(
                "strategy.function", f"no strategy is registered as {self.name!r} (known: {known})"
            )
        return _own[self.name](positions, values)

    def as_json(self) -> dict[str, Any]:
        return {self.kind: self.name}


@dataclass(frozen=True)
class Learner:
    """`adaptive.Learner1D` chooses; needs ``pip install 'pybirch[adaptive]'``.

    Args:
        low, high: the positions between which the curve is measured.
        goal: the loss at which it is good enough.

    Source: Nijholt et al., Adaptive: parallel active learning of mathematical functions (2019).
    """

    kind: ClassVar[str] = "adaptive"

    low: float
    high: float
    goal: float = 0.01
    _learner: list[Any] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_bounds(self.low, self.high)
        number(self.goal, "strategy.goal", 0)

    def next_position(self, positions: Numbers, values: Numbers) -> float | None:
        learner = self._told(positions, values)
        if len(positions) > 2 and learner.loss(real=True) < self.goal:
            return None
        found, _ = learner.ask(1, tell_pending=False)
        return float(found[0])

    def _told(self, positions: Numbers, values: Numbers) -> Any:
        """The learner, told what it does not know yet; a new one where the data begin anew."""
        try:
            from adaptive import Learner1D  # pyright: ignore[reportMissingImports, reportUnknownVariableType]
        except ImportError as error:
            raise ScanSettingsError(
                "strategy.adaptive", "needs the package adaptive: pip install 'pybirch[adaptive]'"
            ) from error
        if not self._learner or self._learner[1] > len(positions):
            self._learner[:] = [cast("Any", Learner1D)(None, (self.low, self.high)), 0]
        learner, known = self._learner
        for position, value in zip(positions[known:], values[known:], strict=True):
            if np.isfinite(value):
                learner.tell(min(max(position, self.low), self.high), value)
        self._learner[1] = len(positions)
        return learner

    def as_json(self) -> dict[str, Any]:
        return {self.kind: {"low": self.low, "high": self.high, "goal": self.goal}}


def strategy_of(given: Any) -> Strategy:
    """A strategy from one, from its JSON ``{kind: fields}``, or from a registered function.

    Raises:
        ScanSettingsError: it is none of these; names the field.
    """
    if callable(given):
        names = [name for name, function in _own.items() if function is given]
        if not names:
            raise ScanSettingsError("strategy", f"{given!r} is not registered: register_strategy(name, it)")
        return OwnFunction(names[0])
    if not isinstance(given, Mapping):
        if isinstance(given, Strategy):
            return given
        raise ScanSettingsError("strategy", f"must be a strategy or its JSON, not {given!r}")
    kinds = {made.kind: made for made in (Bisection, Refinement, Learner)}
    match dict(given):
        case {"function": str(name)}:
            return OwnFunction(name)
        case {**one} if len(one) == 1 and (kind := next(iter(one))) in kinds:
            fields = one[kind]
            try:
                return kinds[kind](**fields)
            except TypeError as error:
                raise ScanSettingsError(f"strategy.{kind}", f"{fields!r} does not fit ({error})") from error
    raise ScanSettingsError("strategy", f"must name one of {', '.join([*kinds, 'function'])}, not {given!r}")


def _check_bounds(low: float, high: float) -> None:
    if not number(low, "strategy.low") < number(high, "strategy.high"):
        raise ScanSettingsError("strategy.low", f"must be below strategy.high, {low!r} is not below {high!r}")
