"""Extensions hear everything, in order, one at a time, and may fail the scan."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from pybirch.events import EventBus, Readings, ScanStatus
from pybirch.extensions.base import BaseExtension
from pybirch.scan import outlet as outlet_module
from pybirch.scan.scan import ScanExtension
from pybirch.states import ScanState
from tests.lab import PATIENCE, Diary, Doorway, Ear, Meter, Sink, Stage, line_scan, running


class BrokenError(Exception):
    pass


def test_the_name_scripts_know() -> None:
    assert ScanExtension is BaseExtension


def test_the_story_of_a_scan() -> None:
    diary = Diary()
    line_scan(Stage(), Meter(), 5, extensions=[diary]).run()
    assert diary.story == ["set_scan_reference", "startup", "execute", "on_complete", "shutdown"]
    assert diary.calls.index("save_data") < diary.calls.index("on_complete")
    assert diary.indexes == {"meter": [0, 1, 2, 3, 4]}
    assert [s.status for s in diary.statuses] == [ScanState.RUNNING, ScanState.COMPLETED]
    assert not diary.overlapped


def test_without_super_init_and_without_anything() -> None:
    class Bare(ScanExtension):
        def __init__(self, path: str) -> None:
            self.path = path

    extension = Bare("x")
    scan = line_scan(Stage(), Meter(), 3, extensions=[extension])
    scan.run()
    assert extension.scan is scan


def test_a_scan_has_a_list_of_its_own_to_append_to() -> None:
    given: list[Any] = []
    scan = line_scan(Stage(), Meter(), 3, extensions=given)
    diary = Diary()
    scan.extensions.append(diary)
    scan.run()
    assert given == []
    assert diary.indexes["meter"] == [0, 1, 2]


def test_list_order() -> None:
    order: list[str] = []

    class Named(Diary):
        def _write(self, what: str) -> None:
            order.append(f"{what} {self.name}")

    line_scan(Stage(), Meter(), 1, extensions=[Named(name="1"), Named(name="2")]).run()
    for hook in ("set_scan_reference", "startup", "execute", "save_data", "on_complete", "shutdown"):
        assert [line for line in order if line.startswith(hook)] == [f"{hook} 1", f"{hook} 2"]


@pytest.mark.parametrize(
    "hook",
    [
        "set_scan_reference", "startup", "execute", "save_data", "save_status", "on_pause", "on_resume",
        "on_complete",
    ],
)  # fmt: skip
def test_one_that_raises_fails_the_scan_and_starves_nobody(hook: str) -> None:
    error = BrokenError(hook)
    broken, healthy, stage = Diary({hook: error}), Diary(), Stage()
    door = Doorway()
    scan = line_scan(stage, Meter(doors={2: door}), 5, extensions=[broken, healthy])
    with running(scan):
        if door.entered.wait(
            0.2 if hook in ("set_scan_reference", "startup", "execute", "save_status") else PATIENCE
        ):
            if hook in ("on_pause", "on_resume"):
                scan.pause()
                door.open()
                assert scan.wait_for(lambda s: s.state is not ScanState.RUNNING, PATIENCE)
                if scan.state is ScanState.PAUSED and hook == "on_resume":
                    scan.resume()
            door.open()
    assert scan.state is ScanState.FAILED
    assert scan.failure is error
    assert scan.error == hook
    assert hook in healthy.calls
    assert healthy.story[-2:] == ["on_error", "shutdown"]
    assert healthy.statuses[-1].status is ScanState.FAILED
    assert healthy.indexes.get("meter", []) == list(range(scan.points_done))
    assert stage.is_safe
    assert broken.calls[-1] == "shutdown"


@pytest.mark.parametrize("hook", ["on_abort", "on_error", "shutdown"])
def test_one_that_raises_at_the_end_starves_nobody(hook: str) -> None:
    from tests.lab import failing

    broken, healthy, stage = Diary({hook: BrokenError(hook)}), Diary(), Stage()
    door = Doorway()
    meter = (
        Meter(answer=failing(3, OSError("lamp")), doors={1: door})
        if hook == "on_error"
        else Meter(doors={1: door})
    )
    scan = line_scan(stage, meter, 5, extensions=[broken, healthy])
    with running(scan):
        door.wait_until_entered()
        if hook == "on_abort":
            scan.abort()
        door.open()
    assert hook in healthy.calls
    assert healthy.calls[-1] == "shutdown"
    assert stage.is_safe
    assert scan.error is not None
    assert scan.state is (ScanState.COMPLETED if hook == "shutdown" else ScanState.FAILED)
    if hook == "on_error":
        assert scan.error == "lamp", "the first error is the one that is told"


def test_one_that_raises_system_exit_is_a_failure_too_and_nobody_hangs() -> None:
    broken = Diary({"save_data": SystemExit(3)})
    scan = line_scan(Stage(), Meter(), 5, extensions=[broken])
    with pytest.raises(SystemExit):
        scan.run()
    assert scan.state.is_finished
    assert scan.state is not ScanState.COMPLETED


def test_a_broken_sink_ends_even_a_paused_scan() -> None:
    door = Doorway()
    scan = line_scan(
        Stage(), Meter(doors={2: door}), 5, extensions=[Diary({"on_pause": BrokenError("disk")})]
    )
    with running(scan):
        door.wait_until_entered()
        scan.pause()
        door.open()
        assert scan.wait_for(lambda s: s.state is ScanState.FAILED, PATIENCE)
    assert scan.error == "disk"


def test_a_broken_sink_cuts_a_wait_short() -> None:
    stage = Stage(settle=0.0)
    broken = Diary({"save_data": BrokenError("disk")})

    class Settling(Stage):
        def move_to(self, target: float) -> float | None:
            if target == 1:
                self.wait(60)
            return super().move_to(target)

    stage = Settling()
    scan = line_scan(stage, Meter(), 3, extensions=[broken])
    with pytest.raises(BrokenError, match="disk"):
        scan.run()
    assert stage.is_safe


def test_hooks_are_never_called_at_the_same_time() -> None:
    """Wishes come from many threads while the scan's own thread is in its hooks."""
    bus = EventBus()

    class Slow(Diary):
        def _write(self, what: str) -> None:
            super()._write(what)
            if what in ("execute", "startup", "on_complete"):
                self.scan.flush()
                self.busy.wait(0.02)

        busy = threading.Event()

    diary = Slow()
    scan = line_scan(Stage(), Meter(), 50, extensions=[diary], bus=bus)
    stop = threading.Event()

    def nag() -> None:
        while not stop.is_set():
            for wish in (scan.pause, scan.resume):
                try:
                    wish()
                except Exception:
                    stop.wait(0.001)

    naggers = [threading.Thread(target=nag) for _ in range(3)]
    for nagger in naggers:
        nagger.start()
    try:
        with running(scan):
            scan.wait_for(lambda s: s.progress > 0.5, 2)
            stop.set()
            for nagger in naggers:
                nagger.join()
            if not scan.state.is_finished:
                scan.resume()
    finally:
        stop.set()
    assert not diary.overlapped
    assert diary.indexes["meter"] == list(range(50))
    bus.close()


def test_a_hook_may_look_at_the_data() -> None:
    seen: dict[str, int] = {}

    class Curious(ScanExtension):
        def save_data(self, data: Any, measurement_name: str) -> None:
            _ = self.scan.data

        def on_complete(self) -> None:
            seen["rows"] = len(self.scan.data["meter"])

    line_scan(Stage(), Meter(), 20, extensions=[Curious()]).run()
    assert seen == {"rows": 20}


def test_sinks_before_observers_and_no_status_before_its_readings() -> None:
    bus, order = EventBus(), list[tuple[str, Any]]()
    lock = threading.Lock()

    class Kept(ScanExtension):
        def save_readings(self, readings: Any) -> None:
            with lock:
                order.extend(("kept", (b.measurement, b.first_index)) for b in readings)

        def save_status(self, status: ScanStatus) -> None:
            with lock:
                order.append(("kept", status.status))

    def heard(event: Any) -> None:
        with lock:
            if isinstance(event, Readings):
                order.append(("heard", (event.measurement, event.first_index)))
            elif isinstance(event, ScanStatus):
                order.append(("heard", event.status))

    bus.subscribe(heard, limit=10**6)
    door = Doorway()
    scan = line_scan(Stage(), Meter(doors={500: door}), 1000, extensions=[Kept()], bus=bus)
    with running(scan):
        door.wait_until_entered()
        scan.pause()
        door.open()
        assert scan.wait_for(lambda s: s.state is ScanState.PAUSED, PATIENCE)
        scan.resume()
    bus.flush(PATIENCE)
    kept, told = [w for k, w in order if k == "kept"], [w for k, w in order if k == "heard"]
    for fact in told:
        assert order.index(("kept", fact)) < order.index(("heard", fact))
    assert kept[-1] is told[-1] is ScanState.COMPLETED
    firsts = [fact for fact in told if isinstance(fact, tuple)]
    assert firsts == sorted(firsts)
    at_pause = told.index(ScanState.PAUSED)
    before = [f[1] for f in told[:at_pause] if isinstance(f, tuple)]
    after = [f[1] for f in told[at_pause:] if isinstance(f, tuple)]
    assert after[0] == 501
    assert max(before) < 501
    bus.close()


def test_flush_waits_for_the_sinks() -> None:
    door, sink = Doorway(), Sink()
    scan = line_scan(Stage(), Meter(doors={7: door}), 10, extensions=[sink])
    with running(scan):
        door.wait_until_entered()
        scan.flush()
        assert sink.indexes() == list(range(7))
        assert len(scan.data["meter"]) == 7
        door.open()


def test_a_slow_sink_makes_the_scan_wait_and_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    from pybirch.scan import engine as engine_module

    for module in (outlet_module, engine_module):
        monkeypatch.setattr(module, "BACKLOG_BYTES", 100_000)
    door, bus = Doorway(), EventBus()
    ear = Ear(bus)

    class Slow(Sink):
        def save_readings(self, readings: Any) -> None:
            if not door.entered.is_set():
                door.pass_through()
            super().save_readings(readings)

    sink, meter = Slow(), Meter()
    scan = line_scan(Stage(), meter, 5000, extensions=[sink], bus=bus)
    with running(scan):
        door.wait_until_entered()
        assert scan.wait_for(lambda s: s.requested is not None or s.message is not None, 1) or scan.message
        held = meter.taken
        assert held < 1500
        assert "catch up" in (scan.message or "")
        door.open()
    assert sink.indexes() == list(range(5000))
    bus.flush(PATIENCE)
    assert ear.indexes() == list(range(5000))
    assert any("catch up" in (e.message or "") for e in ear.of(ScanStatus))
    assert ear.of(ScanStatus)[-1].message is None
    bus.close()


def test_big_readings_among_small_ones_are_weighed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    from pybirch.scan import engine as engine_module
    from pybirch.scan.measurements import MeasurementItem
    from pybirch.scan.movements import MovementItem
    from pybirch.scan.scan import Scan
    from tests.lab import settings

    monkeypatch.setattr(engine_module, "BACKLOG_BYTES", 4_000_000)
    door = Doorway()

    class Slow(Sink):
        def save_readings(self, readings: Any) -> None:
            if not door.entered.is_set():
                door.pass_through()
            super().save_readings(readings)

    picture = Meter("picture", answer=lambda n: np.zeros((10_000, 1)))
    tree = [MovementItem(Stage(), range(2000), children=[MeasurementItem(picture), MeasurementItem(Meter())])]
    scan = Scan(settings(tree), extensions=[Slow()])
    with running(scan):
        door.wait_until_entered()
        scan.wait_for(lambda s: s.message is not None, 1)
        assert picture.taken < 400
        scan.abort()
        door.open()
    assert scan.state is ScanState.ABORTED


def test_a_slow_observer_does_not_slow_the_scan() -> None:
    bus, door = EventBus(), Doorway()
    bus.subscribe(lambda event: door.pass_through() if not door.entered.is_set() else None)
    scan = line_scan(Stage(), Meter(), 2000, bus=bus)
    scan.run()
    assert scan.state is ScanState.COMPLETED
    door.open()
    bus.close()


def test_progress_never_falls_and_is_true() -> None:
    bus, door = EventBus(), Doorway()
    ear, sink = Ear(bus), Sink()
    scan = line_scan(Stage(), Meter(doors={700: door}), 1000, extensions=[sink], bus=bus)
    assert scan.progress == 0
    with running(scan):
        door.wait_until_entered()
        assert scan.progress == 0.7
        scan.pause()
        door.open()
        scan.wait_for(lambda s: s.state is ScanState.PAUSED, PATIENCE)
        assert scan.progress == 0.701
        scan.resume()
    bus.flush(PATIENCE)
    told = [e.progress for e in ear.of(ScanStatus)]
    assert told == sorted(told)
    assert told[-1] == 1.0
    kept = 0
    for fact in sink.facts:
        if isinstance(fact, Readings):
            kept += fact.count
        elif fact.status is ScanState.PAUSED:
            assert fact.progress == kept / 1000
    bus.close()
