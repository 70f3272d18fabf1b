"""How long an instrument takes, learned from what it did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

MEMORY = 0.99
"""Weight of what is known, each time something new is learned."""


@dataclass
class Timing:
    """Seconds a reading takes, and seconds a move takes: a fixed part and one for each unit of way.

    The sums of a weighted least-squares line through (way, seconds); older moves count less and less.

    Attributes:
        values: numbers in the last reading.
    """

    values: float = 0.0
    reads: float = 0.0
    reading_s: float = 0.0
    n: float = 0.0
    x: float = 0.0
    y: float = 0.0
    xx: float = 0.0
    xy: float = 0.0

    def read(self, seconds: float, values: int) -> None:
        """A reading of so many numbers took so long."""
        self.values = float(values)
        self.reads, self.reading_s = self.reads * MEMORY + 1.0, self.reading_s * MEMORY + seconds

    def move(self, way: float, seconds: float) -> None:
        """A move over `way`, in the units of the position, took so long."""
        if not way < float("inf"):
            return
        for name, value in (("n", 1.0), ("x", way), ("y", seconds), ("xx", way * way), ("xy", way * seconds)):
            setattr(self, name, getattr(self, name) * MEMORY + value)

    @property
    def seconds_a_read(self) -> float | None:
        return self.reading_s / self.reads if self.reads else None

    def seconds_to_move(self, times: int, way: float) -> float | None:
        """How long so many moves over `way` in all will take; None if none has been seen."""
        if not self.n:
            return None
        spread = self.n * self.xx - self.x * self.x
        slope = max(0.0, (self.n * self.xy - self.x * self.y) / spread) if spread > 1e-12 * self.xx else 0.0
        fixed = max(0.0, (self.y - slope * self.x) / self.n)
        return fixed * times + slope * way

    def as_json(self) -> dict[str, float]:
        return asdict(self)

    @classmethod
    def of(cls, data: Mapping[str, Any] | None) -> Self:
        """From `as_json`; anything else begins anew."""
        try:
            return cls(**{name: float(value) for name, value in (data or {}).items()})
        except (TypeError, ValueError):
            return cls()
