"""A lazy Dataset is the one that is loaded, whatever its chunks, and reads only what is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import xarray as xr

from pybirch.dataset.frame import STRETCH
from pybirch.dataset.scan import ScanData
from pybirch.errors import FieldError
from pybirch.events import Readings
from tests.export.shelf import Shelf, map_of, readings
from tests.export.test_netcdf import MAKERS


def require_same(data: ScanData, chunks: int) -> None:
    lazy = data.to_xarray(chunks=chunks)
    assert all(variable.chunks for variable in lazy.data_vars.values() if variable.size)
    xr.testing.assert_identical(lazy.compute(scheduler="synchronous"), data.to_xarray())


@pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in MAKERS.items()])
def test_it_is_the_dataset_that_is_loaded(make: Callable[[], ScanData]) -> None:
    for chunks in (5, 1000):
        require_same(make(), chunks)


def test_cells_measured_again_much_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pybirch.dataset.frame.STRETCH", 4)
    x = np.tile([3.0, 1.0, 2.0], 4)
    blocks = [
        readings(count=3, first=at, positions={"x": x[at : at + 3]}, values={"v": np.arange(at, at + 3.0)})
        for at in range(0, 12, 3)
    ]
    for chunks in (1, 5):
        require_same(Shelf(blocks).data(), chunks)


class Counting(Shelf):
    """Knows which readings were taken from it."""

    def __init__(self, blocks: Sequence[Readings]) -> None:
        super().__init__(blocks)
        self.taken: list[tuple[int, int]] = []

    def blocks(self, measurement: str, start: int, end: int, *choice: Any) -> Iterator[Readings]:
        for block in super().blocks(measurement, start, end, *choice):
            self.taken.append((block.first_index, block.end_index))
            yield block


def test_only_what_is_asked_for_is_read() -> None:
    size = STRETCH
    shelf = Counting(
        [readings(count=size, first=at * size, values={"v": np.full(size, at)}) for at in range(9)]
    )
    lazy = shelf.data().to_xarray(chunks=size)
    shelf.taken.clear()
    assert float(lazy["v"][4 * size + 7].compute(scheduler="synchronous")) == 4
    assert shelf.taken == [(4 * size, 5 * size)]


def test_no_readings_and_no_chunks() -> None:
    empty = map_of(rows=6)["iv"][:0].to_xarray(chunks=5)
    assert dict(empty.sizes) == {"reading": 0}
    with pytest.raises(FieldError, match=r"^chunks: is 0"):
        map_of(rows=6).to_xarray(chunks=0)
