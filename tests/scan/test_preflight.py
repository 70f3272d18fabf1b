"""What a scan will take, and what stands in its way, before anything moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybirch.instruments.timing import Timing
from pybirch.scan.preflight import estimate, in_words, preflight
from pybirch.scan.scan import Scan, ScanSettings
from pybirch.scan.strategies import Bisection
from pybirch.scan.tree import (
    AdaptiveItem,
    ConditionItem,
    LeaveItem,
    MeasurementItem,
    MovementItem,
    ParallelItem,
    RepeatItem,
    WaitItem,
    When,
)
from pybirch.scan.workload import workload_of
from tests.lab import Meter, Stage


def scan_of(*tree: Any) -> Scan:
    return Scan(ScanSettings("project", "preflight", "", "", list(tree)))


def test_the_work_is_counted_as_it_is_done() -> None:
    x, y, meter = Stage("x"), Stage("y"), Meter()
    line = MovementItem(x, [0, 1, 3], children=[MeasurementItem(meter, repeats=2, keep="mean")])
    scan = scan_of(RepeatItem(2, [MovementItem(y, [0, 10], children=[line]), WaitItem(0.5)]))
    work = workload_of(scan.check())
    assert work.moves == {0: 4, 1: 12}
    assert work.distance == {0: 2 * 10 + 10, 1: 4 * 3 + 3 * 3}
    assert work.reads == {0: 24}
    assert work.waiting == 1.0
    scan.run()
    assert (len(y.visited), len(x.visited), meter.taken) == (4, 12, 24)
    way = float(np.abs(np.diff(x.visited)).sum())
    assert work.distance[1] == way


def test_what_depends_counts_the_most_there_can_be() -> None:
    meter = MeasurementItem(Meter())
    leave = ConditionItem(When("meter", above=1), [LeaveItem("loop")], [MeasurementItem(Meter("other"))])
    search = AdaptiveItem(Stage("z"), Bisection(0, 8, 1, 0.1), "meter", [meter], max_positions=20)
    beside = ParallelItem([MovementItem(Stage("x"), [1, 2]), MovementItem(Stage("y"), [1, 2, 3])])
    scan = scan_of(search, beside, RepeatItem(3, [meter, leave]))
    will = estimate(scan.settings)
    assert (will.points, will.at_most) == (20 + 3 + 3, True)
    assert in_words(will).startswith("at most 26 points")


def test_time_is_learned_from_what_was_done() -> None:
    x, meter = Stage("x"), Meter()
    tree = [MovementItem(x, range(4), children=[MeasurementItem(meter)])]
    before = estimate(scan_of(*tree).settings)
    assert (before.seconds, before.unknown) == (None, ("x", "meter"))
    assert "how long is not known: x, meter never ran" in in_words(before)
    scan_of(*tree).run()
    after = estimate(scan_of(*tree).settings)
    assert after.seconds is not None
    assert 0 < after.seconds < 1
    x.timing = Timing()
    for way in (0.0, 1.0, 2.0, 5.0, 10.0):
        x.timing.move(way, 0.5 + 2 * way)
    meter.timing = Timing()
    meter.timing.read(0.25, 3)
    assert estimate(scan_of(*tree).settings).seconds == pytest.approx(4 * 0.5 + 2 * 3 + 4 * 0.25)
    assert "about 9 s" in in_words(estimate(scan_of(*tree).settings))


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e3)), max_size=20))
def test_a_timing_is_the_same_after_json_and_never_negative(moves: list[tuple[float, float]]) -> None:
    timing = Timing()
    for way, seconds in moves:
        timing.move(way, seconds)
    again = Timing.of(timing.as_json())
    assert again == timing
    took = again.seconds_to_move(10, 1e3)
    assert (took is None) == (not moves)
    assert took is None or took >= 0
    assert Timing.of({"nonsense": 1}) == Timing()


def test_findings_are_all_told_at_once(tmp_path: Path) -> None:
    short = Stage("short", limits=(0, 1))
    broken = Meter("broken")
    broken.report_error("no answer")
    scan = scan_of(
        MovementItem(short, [5], children=[MeasurementItem(broken)]),
        LeaveItem("loop"),
    )
    found = preflight(scan, folder=tmp_path)
    assert [(one.level, one.field) for one in found] == [
        ("error", "scan_tree[0].positions[0]"),
        ("error", "scan_tree[1].what"),
        ("warning", "broken"),
    ]
    assert found[2].message == "its last use failed: no answer"
    assert short.life == []


def test_an_instrument_in_use_and_a_full_disk_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Book:
        def has_hung(self, key: str) -> bool:
            return False

        def label_of(self, key: str) -> str | None:
            return "another scan in queue night" if key == stage.lease_key else None

    stage = Stage("stage")
    scan = scan_of(MovementItem(stage, range(10), children=[MeasurementItem(Meter())]))
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 2**20})())
    found = preflight(scan, leases=Book(), folder=tmp_path)
    assert [(one.level, one.field) for one in found] == [
        ("warning", "stage"),
        ("warning", "disk"),
        ("info", "estimate"),
    ]
    assert "in use by another scan in queue night" in found[0].message
    assert found[2].message.startswith("10 points")
