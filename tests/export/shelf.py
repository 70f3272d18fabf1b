"""Scans made by hand, for exports: a shelf of blocks, which counts what is taken from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from pybirch.blocks import join, part
from pybirch.dataset.facts import ColumnFacts, MeasurementFacts, ScanFacts, StoredArray
from pybirch.dataset.scan import ScanData
from pybirch.events import Readings
from pybirch.wire import split_column

ODD = ["a/b (V/√Hz)", "x.y", "=1+1", "naïve µ (°C)", "a b", "a_b", "..", "2theta (deg)"]
BEGUN = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Shelf:
    """See `pybirch.dataset.source.Source`."""

    gives_new_arrays = False

    def __init__(self, blocks: Sequence[Readings], arrays: Sequence[StoredArray] = (), **facts: Any) -> None:
        self.whole: dict[str, list[Readings]] = {}
        for block in blocks:
            self.whole.setdefault(block.measurement, []).append(block)
        self.kept = list(arrays)
        told = {"status": "completed", "name": "a scan", "started_at": BEGUN, "created_at": BEGUN}
        self._facts = ScanFacts(scan_id="S", **(told | facts))

    def data(self) -> ScanData:
        return ScanData(self)

    def facts(self) -> ScanFacts:
        return self._facts

    def measurements(self) -> list[MeasurementFacts]:
        return [
            MeasurementFacts(name, columns_of(join(blocks)), blocks[-1].end_index)
            for name, blocks in self.whole.items()
        ]

    def blocks(
        self, measurement: str, start: int, end: int, columns: Sequence[str] | None, newest: bool
    ) -> Iterator[Readings]:
        for block in self.whole[measurement]:
            first, last = max(start, block.first_index), min(end, block.end_index)
            if first < last:
                yield part(block, first - block.first_index, last - block.first_index)

    def arrays(self, measurement: str) -> Iterator[StoredArray]:
        return iter(self.kept)


def columns_of(block: Readings) -> tuple[ColumnFacts, ...]:
    roles = [("position", block.positions), ("data", block.values)]
    return tuple(
        ColumnFacts(*split_column(name), role, (None,) if isinstance(values, list) else values.shape[1:])
        for role, columns in roles
        for name, values in columns.items()
    )


def readings(
    measurement: str = "iv",
    count: int | None = None,
    positions: dict[str, Any] | None = None,
    values: dict[str, Any] | None = None,
    first: int = 0,
) -> Readings:
    """A block; without columns it is a line in x."""
    if count is None:
        count = len(next(iter(values.values()))) if values else 4
    index = np.arange(first, first + count)
    return Readings(
        scan_id="S",
        measurement=measurement,
        first_index=first,
        steps=index,
        times=1.7e9 + index * 0.25,
        positions={"x (mm)": index * 0.5} if positions is None else positions,
        values={"v (V)": np.sin(index)} if values is None else values,
    )


def map_of(
    rows: int, columns: int = 4, cut: int | None = None, snake: bool = False, repeats: int = 1
) -> ScanData:
    """A walk over x and y, `cut` readings of it, in blocks of five."""
    places = [
        (10.0 * i, 1.0 * (columns - 1 - j if snake and i % 2 else j))
        for i in range(rows)
        for j in range(columns)
        for _ in range(repeats)
    ][:cut]
    x, y = np.array(places).reshape(-1, 2).T
    whole = readings(positions={"x (mm)": x, "y (mm)": y}, values={"v (V)": x * 100 + y}, count=len(places))
    return Shelf([part(whole, at, min(at + 5, len(places))) for at in range(0, len(places), 5)]).data()


def spectra(fixed: bool = True) -> ScanData:
    """A spectrum at each of six places; the wavelengths are the same each time, or not."""
    wavelength = np.tile(np.linspace(400, 700, 8), (6, 1))
    if not fixed:
        wavelength[3] += 1
    values = {
        "wavelength (nm)": wavelength,
        "counts": np.arange(48.0).reshape(6, 8),
        "power (W)": np.arange(6.0),
    }
    whole = readings(values=values)
    return Shelf([part(whole, 0, 4), part(whole, 4, 6)]).data()


def ragged() -> ScanData:
    lengths = [3, 1, 4, 0, 5]
    values = {"trace (A)": [np.arange(float(n)) + n for n in lengths], "bias (V)": np.arange(5.0)}
    return Shelf([readings(values=values)]).data()


def odd() -> ScanData:
    values = {name: np.arange(3.0) + place for place, name in enumerate(ODD)}
    return Shelf([readings("a/b: c.d", values=values)]).data()


def with_arrays() -> ScanData:
    axes = ({"name": "row"}, {"name": "column", "unit": "um", "values": [0.0, 0.5, 1.5]})
    image = np.arange(6, dtype=np.uint16).reshape(2, 3)
    arrays = [
        StoredArray("frame/1", 0, image, "counts", axes),
        StoredArray("frame/1", 1, image * 2, "counts", axes),
        StoredArray("spectrum", None, np.array([1 + 2j, np.nan, -1j])),
        StoredArray("mask", None, np.array([True, False])),
        StoredArray("half", None, np.array([1.5, np.inf], dtype=np.float16)),
    ]
    return Shelf([readings()], arrays, sample={"ID": "S1", "material": "GaAs", "tags": ["thin"]}).data()


def nothing() -> ScanData:
    return Shelf([], status="queued").data()


def renamed(data: ScanData, **facts: Any) -> ScanData:
    source = data.source
    assert isinstance(source, Shelf)
    source._facts = replace(source._facts, **facts)
    return source.data()
