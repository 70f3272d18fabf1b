"""What a scan remembers, and what it reads again from its record."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from pybirch.blocks import join, part
from pybirch.errors import NotFoundError
from pybirch.events import Readings
from pybirch.extensions.base import ScanExtension
from pybirch.scan.engine import Engine
from pybirch.scan.memory import Memory
from pybirch.scan.outlet import BACKLOG_BYTES
from tests.lab import Doorway, Meter, Stage, line_scan, running


def block(first: int, count: int, measurement: str = "meter") -> Readings:
    index = np.arange(first, first + count)
    return Readings(
        scan_id="S",
        measurement=measurement,
        first_index=first,
        steps=index,
        times=index * 0.1,
        positions={"x (mm)": index * 1.0},
        values={"v": index * 2.0},
    )


class Shelf(ScanExtension):
    """Keeps readings, and gives them back; `full` from a certain one on."""

    def __init__(self, full: int | None = None) -> None:
        self.kept: list[Readings] = []
        self.asked: list[tuple[int, int]] = []
        self.full = full

    def save_readings(self, readings: Sequence[Readings]) -> None:
        if self.full is not None and readings[-1].end_index > self.full:
            raise OSError("the shelf is full")
        self.kept.extend(readings)

    def counts(self) -> dict[str, int]:
        return {self.kept[-1].measurement: self.kept[-1].end_index} if self.kept else {}

    def read(self, measurement: str, start: int, end: int) -> Readings:
        self.asked.append((start, end))
        return part(join(self.kept), start, end)

    def steps_of(self, measurement: str, start: int, end: int) -> NDArray[np.int64]:
        return part(join(self.kept), start, end).steps


RANGES = [(0, None), (0, 3), (2, 9), (5, 6), (7, 7), (9, 99), (-5, 2), (12, 3)]


@pytest.mark.parametrize("recorded", [0, 4, 7, 10])
@pytest.mark.parametrize(("start", "end"), RANGES)
def test_any_range_is_whole_wherever_it_lies(recorded: int, start: int, end: int | None) -> None:
    memory, shelf = Memory(), Shelf()
    memory.record = shelf
    for first, count in ((0, 4), (4, 3), (7, 3)):
        new = [block(first, count)]
        if first + count <= recorded:
            shelf.kept += new
        memory.keep(new, recorded=first + count <= recorded)
    found = memory.readings("meter", start, end)
    expected = list(range(10))[max(0, start) : end]
    assert list(found.steps) == list(found.values["v"] / 2) == expected
    if expected:
        assert found.first_index == expected[0]


def test_without_a_record_everything_stays_here() -> None:
    memory = Memory()
    memory.keep([block(0, 3), block(0, 2, "other")], recorded=True)
    memory.keep([block(3, 3)], recorded=True)
    assert memory.counts() == {"meter": 6, "other": 2}
    assert list(memory.readings("meter", 2, 5).steps) == [2, 3, 4]
    assert list(memory.frames()["meter"].index) == list(range(6))
    with pytest.raises(NotFoundError, match="lamp"):
        memory.readings("lamp")


def test_a_recorded_scan_keeps_nothing_in_memory_and_still_has_its_data() -> None:
    shelf = Shelf()
    scan = line_scan(Stage(), Meter(), 50, extensions=[shelf])
    scan.record = shelf
    scan.run()
    assert not scan._memory._blocks
    assert shelf.asked == []
    assert list(scan.data["meter"]["voltage (V)"]) == list(range(50))
    assert scan.counts == {"meter": 50}


def test_what_its_record_has_not_taken_stays_in_memory() -> None:
    shelf = Shelf(full=3)
    door = Doorway()
    scan = line_scan(Stage(), Meter(doors={3: door}), 10, extensions=[shelf])
    scan.record = shelf
    with running(scan):
        door.wait_until_entered()
        scan.flush()
        door.open()
    assert isinstance(scan.failure, OSError)
    assert list(scan.data["meter"]["voltage (V)"])[:4] == [0, 1, 2, 3]
    assert len(scan.data["meter"]) == scan.points_done


def test_heavy_readings_are_weighed_from_the_first_on(monkeypatch: pytest.MonkeyPatch) -> None:
    heavy = np.zeros((BACKLOG_BYTES // 4 // 8, 1))
    door, most = Doorway(), [0]

    class Slow(ScanExtension):
        def save_readings(self, readings: Sequence[Readings]) -> None:
            door.pass_through()

    scan = line_scan(Stage(), Meter(answer=lambda n: heavy), 12, extensions=[Slow()])
    hold_back = Engine._hold_back

    def watched(engine: Engine) -> int:
        most[0] = max(most[0], len(engine._outlet.pending))
        if most[0] >= 4:
            door.open()
        return hold_back(engine)

    monkeypatch.setattr(Engine, "_hold_back", watched)
    scan.run()
    assert scan.points_done == 12
    assert most[0] <= 5, "four of them fill what may wait"
