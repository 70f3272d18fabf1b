"""Arrays kept beside readings, as files write them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pybirch.dataset.facts import StoredArray

if TYPE_CHECKING:
    from pybirch.dataset.measurement import MeasurementData


@dataclass(frozen=True, slots=True)
class Axis:
    """One dimension of an array; `values` is None where nothing is known of its places."""

    name: str
    unit: str
    values: np.ndarray | None


def named_arrays(part: MeasurementData) -> Iterator[tuple[str, StoredArray, list[Axis]]]:
    """Each array with a name of its own, ``frame_3`` for the one at reading 3, and its axes."""
    used: set[str] = set()
    for number, array in enumerate(part.arrays()):
        index = number if array.sequence_index is None else array.sequence_index
        wanted = name = f"{array.name or 'array'}_{index}"
        more = 2
        while name in used:
            name, more = f"{wanted}_{more}", more + 1
        used.add(name)
        yield name, array, _axes(array)


def _axes(array: StoredArray) -> list[Axis]:
    given: tuple[dict[str, Any], ...] = array.axes or ({},) * array.data.ndim
    return [
        Axis(
            axis.get("name") or f"axis_{place}",
            axis.get("unit") or "",
            None if axis.get("values") is None else np.asarray(axis["values"], dtype=np.float64),
        )
        for place, axis in enumerate(given)
    ]
