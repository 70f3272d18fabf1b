"""Small blocks are merged as they come, and an overview of any range keeps every extreme."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from database.care.compaction import compact_scan
from database.services import DatabaseService
from database.services.overview import Overview
from database.services.readings import ReadingsService
from pybirch.events import Readings

MakeReadings = Callable[..., Readings]


def blocks_of(db: DatabaseService) -> list[tuple[int, int]]:
    with db.database.read() as session:
        query = "SELECT level, count FROM measurement_blocks ORDER BY first_index"
        return [(row[0], row[1]) for row in session.execute(text(query))]


def append_all(service: ReadingsService, whole: Readings, sizes: list[int]) -> None:
    at = whole.first_index
    while at < whole.end_index:
        for size in sizes:
            until = min(whole.end_index, at + size)
            if until > at:
                service.append(whole.scan_id, [part(whole, at, until)])
            at = until


def part(whole: Readings, start: int, end: int) -> Readings:
    def cut(columns: dict) -> dict:
        return {name: values[start:end] for name, values in columns.items()}

    return replace(
        whole,
        first_index=start,
        steps=whole.steps[start:end],
        times=whole.times[start:end],
        positions=cut(whole.positions),
        values=cut(whole.values),
    )


def noisy(count: int, scan_id: str = "S1") -> Readings:
    rng = np.random.default_rng(count)
    index = np.arange(count)
    noise = rng.standard_normal(count)
    noise[rng.integers(0, count, count // 7)] = np.nan
    walk = np.cumsum(rng.standard_normal(count))
    if count > 300:
        noise[100:300] = np.nan
        walk[count // 2] = np.inf
    return Readings(
        scan_id=scan_id,
        measurement="iv",
        first_index=0,
        steps=index // 3,
        times=1.7e9 + index * 0.01,
        positions={"x (mm)": -index * 0.1},
        values={"noise (V)": noise, "walk": walk},
    )


def test_a_slow_day_is_a_few_blocks(db: DatabaseService) -> None:
    db.scans.create(scan_id="S1")
    service = ReadingsService(db.database, most_rows=512)
    whole = noisy(700)
    append_all(service, whole, [1])
    found = blocks_of(db)
    assert sum(count for _, count in found) == 700
    assert found[0] == (100, 512)
    assert len(found) == 1 + 2 + 60
    np.testing.assert_array_equal(service.read("S1", "iv").values["walk"], whole.values["walk"])
    db.scans.set_status("S1", "aborted")
    compact_scan(db.database, "S1", most_rows=512)
    assert [count for _, count in blocks_of(db)] == [512, 188]
    np.testing.assert_array_equal(service.read("S1", "iv").values["noise (V)"], whole.values["noise (V)"])
    service.append("S1", [replace(part(noisy(800), 700, 701))])
    assert service.last_indexes("S1") == {"iv": 700}


def test_blocks_that_are_large_already_are_left_alone(
    db: DatabaseService, make_readings: MakeReadings
) -> None:
    db.scans.create(scan_id="S1")
    db.readings.append("S1", [make_readings(0, 3)])
    db.readings.append("S1", [make_readings(3, 140_000)])
    assert blocks_of(db) == [(100, 3), (100, 65_536), (100, 65_536), (0, 8928)]
    np.testing.assert_array_equal(db.readings.read("S1", "iv").steps, np.arange(140_003))


def test_long_arrays_make_blocks_of_few_rows(db: DatabaseService) -> None:
    db.scans.create(scan_id="S1")
    for first in range(0, 400, 5):
        index = np.arange(first, first + 5)
        values = {"counts": np.repeat(index[:, None], 2048, axis=1).astype(float)}
        readings = Readings(
            scan_id="S1",
            measurement="iv",
            first_index=first,
            steps=index,
            times=index * 1.0,
            positions={},
            values=values,
        )
        db.readings.append("S1", [readings])
    assert max(count for _, count in blocks_of(db)) <= 260
    found = db.readings.overview("S1", "iv", max_points=20)
    assert (found.stride, len(found.indexes)) == (20, 20)
    np.testing.assert_array_equal(found.readings.values["counts"][:, 7], found.indexes)
    np.testing.assert_array_equal(found.readings.times, found.indexes)


@given(sizes=st.lists(st.integers(1, 700), min_size=1, max_size=6), count=st.integers(1, 3000))
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
def test_merging_keeps_every_reading(db: DatabaseService, sizes: list[int], count: int) -> None:
    scan = f"S{db.scans.count()}"
    db.scans.create(scan_id=scan)
    service = ReadingsService(db.database, most_rows=512)
    whole = noisy(count, scan)
    append_all(service, whole, sizes)
    found = service.read(scan, "iv")
    for name, values in whole.values.items():
        np.testing.assert_array_equal(found.values[name], values)
    np.testing.assert_array_equal(found.steps, whole.steps)
    np.testing.assert_array_equal(found.times, whole.times)


def check_overview(service: ReadingsService, whole: Readings, start: int, end: int, most: int) -> None:
    found = service.overview("S1", "iv", max_points=most, start=start, end=end)
    assert (found.first_index, found.end_index) == (start, end)
    assert len(found.indexes) <= most + 4
    assert (np.diff(found.indexes) > 0).all()
    assert found.indexes[0] == start
    assert found.indexes[-1] == end - 1
    np.testing.assert_array_equal(found.readings.times, whole.times[found.indexes])
    np.testing.assert_array_equal(found.readings.steps, whole.steps[found.indexes])
    np.testing.assert_array_equal(
        found.readings.positions["x (mm)"], whole.positions["x (mm)"][found.indexes]
    )
    if found.stride == 1:
        return
    for column, values in whole.values.items():
        check_bins(found, found.readings.values[column], found.means[column], values)


def check_bins(found: Overview, shown: np.ndarray, means: np.ndarray, values: np.ndarray) -> None:
    """Each bin's one or two points hold its extremes, in the order in which they were measured."""
    point = 0
    ends = [*found.bin_starts[1:], found.end_index]
    for first, end, mean in zip(found.bin_starts, ends, means, strict=True):
        points = 1 if end - first == 1 else 2
        seen, held = shown[point : point + points], values[first:end]
        point += points
        numbers = held[~np.isnan(held)]
        if not numbers.size:
            assert np.isnan(seen).all()
            assert np.isnan(mean)
            continue
        low, high = numbers.min(), numbers.max()
        falls = np.flatnonzero(held == high)[0] < np.flatnonzero(held == low)[0]
        assert list(seen) == ([high, low] if falls else [low, high])[:points]
        if np.isfinite(numbers).all():
            assert mean == pytest.approx(numbers.mean())
    assert point == len(shown)


@pytest.mark.parametrize("sizes", [[1000], [1, 3, 500], [7000], [1, 2000, 40]])
def test_an_overview_is_true_against_brute_force(db: DatabaseService, sizes: list[int]) -> None:
    db.scans.create(scan_id="S1")
    service = ReadingsService(db.database, most_rows=2048)
    whole = noisy(60_000)
    append_all(service, whole, sizes)
    for start, end in [(0, 60_000), (17, 59_111), (100, 2500), (30_000, 30_900), (0, 10)]:
        for most in (20, 200, 2000):
            check_overview(service, whole, start, end, most)


def test_an_overview_of_much_reads_little(db: DatabaseService, monkeypatch: pytest.MonkeyPatch) -> None:
    from database.services import blocks, summaries

    db.scans.create(scan_id="S1")
    service = ReadingsService(db.database, most_rows=256)
    whole = noisy(80_000)
    append_all(service, whole, [256])
    read: list[int] = []
    for module in (blocks, summaries):
        original = module.take_out
        monkeypatch.setattr(
            module, "take_out", lambda row, owner, f=original: (read.append(1), f(row, owner))[1]
        )
    service.overview("S1", "iv", max_points=100)
    assert len(read) < 40
    with db.database.read() as session:
        assert session.execute(text("SELECT max(tier) FROM measurement_summaries")).scalar() == 2


def test_short_ranges_and_nothing(db: DatabaseService, make_readings: MakeReadings) -> None:
    db.scans.create(scan_id="S1")
    db.create_measurement_object("S1", "iv", ["voltage"], ["V"])
    assert db.readings.overview("S1", "iv").readings.count == 0
    db.readings.append("S1", [make_readings(0, 50)])
    found = db.readings.overview("S1", "iv", max_points=50)
    assert (found.stride, list(found.indexes)) == (1, list(range(50)))
    assert list(db.readings.overview("S1", "iv", columns=["x"]).readings.values) == []
