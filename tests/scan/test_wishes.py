"""Pause, resume and abort, at every moment of a scan."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from pybirch.errors import IllegalTransitionError
from pybirch.events import EventBus, ScanStatus
from pybirch.scan.measurements import MeasurementItem
from pybirch.scan.movements import MovementItem
from pybirch.scan.scan import Scan
from pybirch.scan.tree import RepeatItem, WaitItem
from pybirch.states import ScanState, Wish
from tests.conftest import until
from tests.lab import PATIENCE, Diary, Doorway, Ear, Meter, Sink, Stage, line_scan, running, settings

PAUSED, RUNNING = ScanState.PAUSED, ScanState.RUNNING


def is_in(state: ScanState) -> Any:
    return lambda scan: scan.state is state


def reach(scan: Scan, state: ScanState) -> None:
    assert scan.wait_for(is_in(state), PATIENCE), f"{scan} did not become {state}"


def test_pause_holds_after_the_step_under_way_and_resume_goes_on() -> None:
    door, sink, diary = Doorway(), Sink(), Diary()
    stage, meter = Stage(), Meter(doors={4: door})
    scan = line_scan(stage, meter, 10, extensions=[sink, diary])
    with running(scan):
        door.wait_until_entered()
        scan.pause()
        assert scan.state is RUNNING
        assert scan.requested is Wish.PAUSE
        door.open()
        reach(scan, PAUSED)
        assert scan.requested is None
        assert meter.taken == scan.points_done == 5
        assert stage.visited == [0, 1, 2, 3, 4]
        assert scan.progress == 0.5
        scan.flush()
        assert sink.indexes() == [0, 1, 2, 3, 4]
        assert meter.life.count("shutdown") == 0
        scan.resume()
    assert scan.state is ScanState.COMPLETED
    assert sink.indexes() == list(range(10))
    assert stage.visited == list(range(10))
    assert diary.story == [
        "set_scan_reference", "startup", "execute", "on_pause", "on_resume", "on_complete", "shutdown",
    ]  # fmt: skip


def test_resume_before_the_pause_was_reached_takes_it_back() -> None:
    door, bus = Doorway(), EventBus()
    ear = Ear(bus)
    scan = line_scan(Stage(), Meter(doors={4: door}), 10, bus=bus)
    with running(scan):
        door.wait_until_entered()
        scan.pause()
        scan.resume()
        assert scan.requested is None
        door.open()
    assert scan.state is ScanState.COMPLETED
    bus.flush(PATIENCE)
    assert ear.states() == [RUNNING, ScanState.COMPLETED]
    bus.close()


def test_many_quick_pauses_and_resumes_leave_one_thread_and_every_reading() -> None:
    stage, meter, sink = Stage(), Meter(), Sink()
    scan = line_scan(stage, meter, 3000, extensions=[sink])
    with running(scan):
        scan.wait_for(is_in(RUNNING), PATIENCE)
        for _ in range(300):
            try:
                scan.pause()
                scan.resume()
                scan.resume()
                scan.pause()
                scan.pause()
                scan.resume()
            except IllegalTransitionError:
                break
        scan.wait_for(lambda s: s.state.is_finished, PATIENCE)
    assert scan.state is ScanState.COMPLETED
    assert stage.visited == list(range(3000))
    assert sink.indexes() == list(range(3000))
    assert len(stage.drivers | meter.drivers) == 1


def test_pause_while_a_resume_is_not_yet_reached() -> None:
    """Both calls under the condition, so that the engine cannot wake between them."""
    door = Doorway()
    scan = line_scan(Stage(), Meter(doors={2: door}), 5)
    with running(scan):
        door.wait_until_entered()
        scan.pause()
        door.open()
        reach(scan, PAUSED)
        with scan._course.changed:
            scan.resume()
            scan.pause()
        assert not scan.wait_for(lambda s: s.state is not PAUSED, 0.05)
        scan.resume()
    assert scan.state is ScanState.COMPLETED


@pytest.mark.parametrize("wish", ["pause", "resume"])
def test_wishes_that_make_no_sense_are_refused(wish: str) -> None:
    scan = line_scan(Stage(), Meter(), 3)
    with pytest.raises(IllegalTransitionError, match="queued"):
        getattr(scan, wish)()
    scan.run()
    with pytest.raises(IllegalTransitionError, match="completed"):
        getattr(scan, wish)()
    scan.abort()
    assert scan.state is ScanState.COMPLETED


def test_abort_between_points() -> None:
    door, sink, diary = Doorway(), Sink(), Diary()
    stage, meter = Stage(), Meter(doors={4: door})
    scan = line_scan(stage, meter, 10, extensions=[sink, diary])
    with running(scan):
        door.wait_until_entered()
        scan.abort()
        assert scan.requested is Wish.ABORT
        door.open()
    assert scan.state is ScanState.ABORTED
    assert scan.requested is None
    assert scan.failure is None
    assert sink.indexes() == list(range(5))
    assert stage.is_safe
    assert meter.is_safe
    assert diary.story[-2:] == ["on_abort", "shutdown"]
    scan.abort()
    assert scan.state is ScanState.ABORTED


def test_a_pause_or_resume_after_an_abort_does_not_undo_it() -> None:
    door = Doorway()
    scan = line_scan(Stage(), Meter(doors={4: door}), 10)
    with running(scan):
        door.wait_until_entered()
        scan.abort()
        scan.pause()
        scan.resume()
        assert scan.requested is Wish.ABORT
        door.open()
    assert scan.state is ScanState.ABORTED


def test_abort_in_the_last_step_is_an_abort() -> None:
    door = Doorway()
    scan = line_scan(Stage(), Meter(doors={9: door}), 10)
    with running(scan):
        door.wait_until_entered()
        scan.abort()
        door.open()
    assert scan.state is ScanState.ABORTED
    assert scan.points_done == 10


def test_abort_while_paused() -> None:
    door = Doorway()
    stage = Stage()
    scan = line_scan(stage, Meter(doors={4: door}), 10)
    with running(scan):
        door.wait_until_entered()
        scan.pause()
        door.open()
        reach(scan, PAUSED)
        scan.abort()
    assert scan.state is ScanState.ABORTED
    assert stage.is_safe


def test_abort_cuts_a_settling_wait_short() -> None:
    stage = Stage(settle=60)
    scan = line_scan(stage, Meter(), 3)
    with running(scan):
        deadline = time.monotonic() + PATIENCE
        while not stage.visited and time.monotonic() < deadline:
            threading.Event().wait(0.005)
        began = time.monotonic()
        scan.abort()
        assert scan.wait_for(is_in(ScanState.ABORTED), PATIENCE)
        assert time.monotonic() - began < 2
    assert stage.is_safe
    assert scan.failure is None


@pytest.mark.parametrize("moment", ["connect", "initialize", "move"])
def test_abort_during(moment: str) -> None:
    door = Doorway()
    stage, meter = Stage(doors={moment: door}), Meter()
    scan = line_scan(stage, meter, 10)
    with running(scan):
        door.wait_until_entered()
        scan.abort()
        door.open()
    assert scan.state is ScanState.ABORTED
    assert stage.is_safe
    assert meter.is_safe
    assert meter.taken <= 1


@pytest.mark.parametrize("moment", ["connect", "initialize", "shutdown"])
def test_pause_and_resume_during(moment: str) -> None:
    door = Doorway()
    stage, meter, diary = Stage(doors={moment: door}), Meter(), Diary()
    scan = line_scan(stage, meter, 10, extensions=[diary])
    with running(scan):
        door.wait_until_entered()
        scan.pause()
        door.open()
        if moment != "shutdown":
            reach(scan, PAUSED)
            assert not stage.visited
            scan.resume()
    assert scan.state is ScanState.COMPLETED
    assert meter.taken == 10
    assert not diary.overlapped


def test_an_abort_in_the_extensions_startup_touches_no_instrument() -> None:
    door, stage = Doorway(), Stage()

    class Slow(Diary):
        def startup(self) -> None:
            door.pass_through()

    scan = line_scan(stage, Meter(), 3, extensions=[Slow()])
    with running(scan):
        door.wait_until_entered()
        scan.abort()
        door.open()
    assert scan.state is ScanState.ABORTED
    assert stage.life == []


def test_abort_of_a_scan_that_was_never_started() -> None:
    diary, bus = Diary(), EventBus()
    ear = Ear(bus)
    stage = Stage()
    scan = line_scan(stage, Meter(), 3, extensions=[diary], bus=bus)
    scan.abort()
    assert scan.state is ScanState.ABORTED
    assert stage.life == []
    assert diary.calls == ["set_scan_reference", "on_abort", "save_status"]
    with pytest.raises(IllegalTransitionError):
        scan.run()
    bus.flush(PATIENCE)
    assert ear.states() == [ScanState.ABORTED]
    bus.close()


def test_a_scan_runs_once_even_when_two_try() -> None:
    stage, meter = Stage(), Meter()
    scan = line_scan(stage, meter, 200)
    refused: list[Exception] = []
    barrier = threading.Barrier(2)

    def run() -> None:
        barrier.wait()
        try:
            scan.run()
        except IllegalTransitionError as error:
            refused.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(refused) == 1
    assert scan.state is ScanState.COMPLETED
    assert stage.visited == list(range(200))
    assert len(stage.drivers) == 1


def test_one_thread_drives_an_instrument() -> None:
    stage, meter, bus = Stage(), Meter(), EventBus()
    Ear(bus)
    scan = line_scan(stage, meter, 100, extensions=[Sink()], bus=bus)
    with running(scan) as thread:
        thread.join(PATIENCE)
        assert stage.drivers == meter.drivers == {thread.ident}
    bus.close()


def test_wishes_are_told_and_end_with_the_scan() -> None:
    door, bus = Doorway(), EventBus()
    ear = Ear(bus)
    scan = line_scan(Stage(), Meter(doors={1: door}), 3, bus=bus)
    with running(scan):
        door.wait_until_entered()
        scan.pause()
        scan.resume()
        scan.abort()
        door.open()
    bus.flush(PATIENCE)
    told = [event.requested for event in ear.of(ScanStatus)]
    assert [w for w in told if w] == [Wish.PAUSE, Wish.ABORT]
    assert told[-1] is None
    bus.close()


def test_an_instrument_that_cannot_be_interrupted_does_not_stop_an_abort() -> None:
    class Deaf(Stage):
        def interrupt(self) -> None:
            raise OSError("deaf")

    inner = MovementItem(Stage("b", settle=60), [1])
    tree = [MovementItem(Deaf("a"), [1], children=[inner]), MeasurementItem(Meter())]
    scan = Scan(settings(tree))
    with running(scan):
        reach(scan, RUNNING)
        scan.abort()
    assert scan.state is ScanState.ABORTED


def test_an_extension_that_cannot_be_introduced_does_not_keep_a_queued_scan_from_its_end() -> None:
    scan = line_scan(Stage(), Meter(), 3, extensions=[Diary({"set_scan_reference": OSError("no")})])
    scan.abort()
    assert scan.state is ScanState.ABORTED


def test_a_wait_of_the_tree_is_cut_short_by_an_abort_and_survives_a_pause() -> None:
    stage, meter = Stage(), Meter()
    tree = [MeasurementItem(meter), WaitItem(3600), MeasurementItem(meter)]
    scan = Scan(settings(tree), extensions=[])
    with running(scan):
        until(lambda: scan.points_done == 1)
        scan.pause()
        reach(scan, ScanState.PAUSED)
        scan.resume()
        reach(scan, ScanState.RUNNING)
        scan.abort()
        reach(scan, ScanState.ABORTED)
    assert (meter.taken, scan.points_done) == (1, 1)
    assert stage.life == []


def test_a_short_wait_passes() -> None:
    meter = Meter()
    scan = Scan(settings([RepeatItem(3, [MeasurementItem(meter), WaitItem(0.01)])]))
    scan.run()
    assert (scan.state, meter.taken, scan.progress) == (ScanState.COMPLETED, 3, 1.0)


def test_a_walk_taken_up_anew_goes_back_to_its_place_and_measures_nothing_twice() -> None:
    door, sink = Doorway(), Sink()
    outer, inner, meter = Stage("outer"), Stage("inner"), Meter(doors={7: door})
    tree = MovementItem(
        outer, [1, 2, 3], children=[MovementItem(inner, range(5), children=[MeasurementItem(meter)])]
    )
    scan = Scan(settings([tree]), extensions=[sink])
    with running(scan):
        door.wait_until_entered()
        scan._course.walk_again()
        door.open()
    assert scan.state is ScanState.COMPLETED
    assert sink.indexes() == list(range(15))
    assert outer.visited == [1, 2, 2, 3], "moved to its place again"
    assert inner.visited == [*range(5), *range(3), *range(3, 5), *range(5)]
