"""A driver that does not come back is named, cut off at its time limit, and left as it is."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import pytest

from pybirch.errors import InstrumentError, InstrumentTimeoutError, ScanSettingsError
from pybirch.events import EventBus, ScanStatus
from pybirch.scan import bench, watch
from pybirch.scan.scan import Scan, ScanSettings
from pybirch.scan.stacks import calls_into
from pybirch.scan.tree import (
    MeasurementItem,
    MovementItem,
    OnError,
    ParallelItem,
    RepeatItem,
    SettingsItem,
    WaitItem,
)
from pybirch.states import InstrumentState, ScanState
from tests.conftest import until
from tests.lab import PATIENCE, Diary, Doorway, Ear, Meter, Sink, Stage, line_scan, running

LIMIT = 0.15


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "GRACE", 0.05)
    monkeypatch.setattr(bench, "LONG", 0.1)


class Pulse(Stage):
    """Hangs in `apply_settings` when its door says so."""

    def apply_settings(self, settings: Any) -> None:
        self.step("apply_settings")


def made(*tree: Any, **known: Any) -> Scan:
    return Scan(ScanSettings("project", "hanging", "", "", list(tree)), **known)


def limited(instrument: Any, limit: float | None = LIMIT) -> Any:
    instrument.time_limit = limit
    return instrument


@contextmanager
def stuck(scan: Scan, *doors: Doorway) -> Iterator[threading.Thread]:
    """The scan under way in a thread that hangs; the doors are opened at the end, and the thread ends."""
    with running(scan) as thread:
        try:
            yield thread
        finally:
            for door in doors:
                door.open()
    assert scan.hung == []


def failed(scan: Scan) -> str:
    assert scan.wait_for(lambda s: s.state is ScanState.FAILED, PATIENCE), scan
    return scan.error or ""


@pytest.mark.parametrize(
    ("moment", "call"),
    [("connect", "connect"), ("initialize", "initialize"), ("move", "move_to"), ("shutdown", "shutdown")],
)
def test_the_scan_ends_without_it_wherever_it_hangs(moment: str, call: str) -> None:
    door, sink, diary = Doorway(), Sink(), Diary()
    stage, meter = limited(Stage("stage", doors={moment: door})), Meter()
    scan = line_scan(stage, meter, 3, extensions=[sink, diary])
    with stuck(scan, door) as thread:
        assert failed(scan) == f"stage did not come back from {call} within {LIMIT} s; it was left as it is"
        until(lambda: diary.calls[-1] == "shutdown")
        assert isinstance(scan.failure, InstrumentTimeoutError)
        assert scan.hung == [stage]
        assert stage.status is InstrumentState.ERROR
        assert meter.is_safe
        assert sink.indexes() == list(range(3 if moment == "shutdown" else 0))
        assert thread.is_alive()
        before = list(meter.life)
    assert meter.life == before, "the thread that came back drove another instrument"
    assert stage.is_safe
    assert stage.life.count("shutdown") == 1
    assert diary.story.count("on_error") == diary.story.count("shutdown") == 1


@pytest.mark.parametrize("reads", [1, 2])
def test_what_was_measured_so_far_is_kept(reads: int) -> None:
    door, sink, stage = Doorway(), Sink(), Stage()
    meter, other = limited(Meter(doors={4: door})), Meter("other")
    read = [MeasurementItem(one) for one in (other, meter)[2 - reads :]]
    scan = made(MovementItem(stage, range(10), children=read), extensions=[sink])
    with stuck(scan, door):
        assert "meter did not come back from perform_measurement" in failed(scan)
        assert sink.indexes() == list(range(4))
        points = scan.points_done
        assert points == 4 * reads
        assert list(scan.data["meter"].index) == list(range(4))
        assert stage.is_safe
    assert scan.points_done == points, "what comes after the end counts"
    assert len(stage.visited) == 5
    assert scan.progress == 0.4


def test_run_raises_what_failed_it_when_it_comes_back() -> None:
    door = Doorway()
    scan = line_scan(limited(Stage("stage", doors={"move": door})), Meter(), 3)
    opener = threading.Thread(target=lambda: (failed(scan), door.open()))
    opener.start()
    with pytest.raises(InstrumentTimeoutError, match="stage did not come back from move_to"):
        scan.run()
    opener.join(PATIENCE)
    scan.shutdown()
    assert scan.state is ScanState.FAILED


def test_a_driver_that_heeds_the_interruption_is_made_safe() -> None:
    class Crawler(Stage):
        def move_to(self, target: float) -> None:
            self.wait(60)

    stage = limited(Crawler("stage"))
    scan = line_scan(stage, Meter(), 3)
    with running(scan):
        pass
    assert scan.error == f"stage did not come back from move_to within {LIMIT} s; it was interrupted"
    assert stage.is_safe
    assert stage.status is InstrumentState.DISCONNECTED
    assert scan.hung == []
    assert scan.failure is not None
    assert scan.failure.__cause__ is not None


def test_people_are_told_what_is_waited_for_and_that_it_came_back() -> None:
    door, bus = Doorway(), EventBus()
    ear, stage = Ear(bus), limited(Stage("stage", doors={"move": door}), 60 * LIMIT)
    scan = line_scan(stage, Meter(), 2, bus=bus)
    patience, watch.PATIENCE = watch.PATIENCE, 0.1
    look, watch.LOOK = watch.LOOK, 0.02
    try:
        with running(scan):
            door.wait_until_entered()
            until(lambda: scan.message == "waiting for stage for 0.1 s")
            door.open()
    finally:
        watch.PATIENCE, watch.LOOK = patience, look
    assert scan.state is ScanState.COMPLETED
    assert bus.flush(PATIENCE)
    told = [event.message or "" for event in ear.of(ScanStatus)]
    assert any(text.startswith("waiting for stage for") for text in told)
    assert told[-1] == ""
    bus.close()


def test_many_short_calls_are_no_long_one_and_a_wait_or_pause_is_none() -> None:
    stage, meter = limited(Stage()), limited(Meter())
    busy = RepeatItem(60, [MovementItem(stage, [1, 2], children=[MeasurementItem(meter)]), WaitItem(0.005)])
    scan = made(busy, WaitItem(2 * LIMIT))
    with running(scan):
        until(lambda: scan.points_done > 10)
        scan.pause()
        assert scan.wait_for(lambda s: s.state is ScanState.PAUSED, PATIENCE)
        assert not scan.wait_for(lambda s: s.state is not ScanState.PAUSED, 2 * LIMIT)
        scan.resume()
    assert scan.state is ScanState.COMPLETED
    assert scan.points_done == 120


def test_many_short_calls_in_one_step_are_no_long_one() -> None:
    """Nothing is done between the looks but this, and the frame is another each time."""
    pause = threading.Event()
    meter = limited(Meter(answer=lambda n: pause.wait(0.02) or np.array([[1.0]])))
    scan = made(MeasurementItem(meter, repeats=20, keep="mean"))
    scan.run()
    assert scan.state is ScanState.COMPLETED


def test_without_a_limit_it_is_waited_for() -> None:
    door = Doorway()
    stage = limited(Stage(doors={"move": door}), None)
    scan = line_scan(stage, limited(Meter()), 2)
    with running(scan):
        door.wait_until_entered()
        assert not scan.wait_for(lambda s: s.state.is_finished, 3 * LIMIT)
        door.open()
    assert scan.state is ScanState.COMPLETED


def test_what_it_waits_after_a_move_comes_on_top() -> None:
    stage = limited(Stage(settle=2 * LIMIT))
    scan = line_scan(stage, Meter(), 1)
    scan.run()
    assert scan.state is ScanState.COMPLETED


@pytest.mark.parametrize("limit", [0, -1.0, "long", float("nan")])
def test_a_limit_that_is_no_time_is_refused_by_name(limit: Any) -> None:
    scan = line_scan(limited(Stage("stage"), limit), Meter(), 1)
    with pytest.raises(ScanSettingsError) as refusal:
        scan.check()
    assert refusal.value.field == "stage.time_limit"


def logged(method: Any) -> Any:
    @functools.wraps(method)
    def around(*args: Any) -> Any:
        return method(*args)

    return around


class Foreign:
    """A driver that knows nothing of PyBirch, and has decorators of its own."""

    name, adapter, position_units, position_column = "foreign", "", "", ""
    time_limit = LIMIT

    def __init__(self, door: Doorway) -> None:
        self.door = door
        self.safe = False

    def connect(self) -> None: ...
    def initialize(self) -> None: ...

    @logged
    def move_to(this, target: float) -> None:  # noqa: N805
        this.door.pass_through()

    def shutdown(self) -> None:
        self.safe = True


def test_drivers_of_other_people_are_watched_too() -> None:
    door = Doorway()
    foreign: Any = Foreign(door)
    scan = made(MovementItem(foreign, [1], children=[MeasurementItem(Meter())]))
    with stuck(scan, door):
        assert "foreign did not come back from move_to" in failed(scan)
        assert not foreign.safe
    assert foreign.safe


def test_a_function_that_was_given_the_instrument_is_no_call_to_it() -> None:
    stage, door = Stage(), Doorway()

    def monitor(stage: Stage) -> None:
        door.pass_through()

    thread = threading.Thread(target=monitor, args=(stage,))
    thread.start()
    door.wait_until_entered()
    assert calls_into([stage]) == []
    door.open()
    thread.join(PATIENCE)


def test_one_of_two_branches_hangs() -> None:
    door, other_door = Doorway(), Doorway()
    stage, other = limited(Stage("stage", doors={"move": door})), Stage("other", doors={"move": other_door})
    meter = Meter()
    lanes = [MovementItem(stage, [1, 2], children=[MeasurementItem(meter)]), MovementItem(other, [1, 2])]
    scan = made(ParallelItem(lanes))
    with stuck(scan, door):
        door.wait_until_entered()
        other_door.wait_until_entered()
        threading.Timer(3 * LIMIT, other_door.open).start()
        assert "stage did not come back" in failed(scan)
        assert other.is_safe, "the other branch has time to come back"
        assert scan.hung == [stage]
    assert meter.taken == 0
    assert stage.is_safe


def test_two_hang_at_a_time() -> None:
    doors = Doorway(), Doorway()
    one, other = (limited(Stage(f"{n}", doors={"move": door})) for n, door in enumerate(doors))
    meter = Meter()
    scan = made(
        ParallelItem([MovementItem(one, [1], children=[MeasurementItem(meter)]), MovementItem(other, [1])])
    )
    with stuck(scan, *doors):
        failed(scan)
        assert scan.hung == [one, other] or scan.hung == [other, one]
        assert meter.is_safe
    assert one.is_safe
    assert other.is_safe


def test_a_change_of_settings_hangs_and_no_other_follows() -> None:
    door = Doorway()
    pulse, other = limited(Pulse("pulse", doors={"apply_settings": door})), Pulse("other")
    scan = made(
        ParallelItem([SettingsItem(pulse, {"a": 1}), SettingsItem(other, {"a": 1})]), MeasurementItem(Meter())
    )
    with stuck(scan, door):
        assert "pulse did not come back from apply_settings" in failed(scan)
    assert "apply_settings" not in other.life


def test_patience_with_its_errors_does_not_begin_again() -> None:
    door, tries = Doorway(), []

    def answer(_: int) -> Any:
        tries.append(1)
        door.pass_through()
        raise InstrumentError("too late")

    meter = limited(Meter(answer=answer))
    scan = made(MeasurementItem(meter, on_error=OnError(retries=5, delay=0)))
    with stuck(scan, door):
        failed(scan)
    assert len(tries) == 1


def test_several_readings_are_not_gone_on_with() -> None:
    door = Doorway()
    meter = limited(Meter(doors={1: door}))
    scan = made(MeasurementItem(meter, repeats=10, keep="mean"))
    with stuck(scan, door):
        failed(scan)
    assert meter.taken == 2


def test_an_interruption_that_hangs_as_well_keeps_nobody() -> None:
    door = Doorway()

    class Deaf(Stage):
        def interrupt(self) -> None:
            door.pass_through()

    stage, meter = limited(Deaf("stage", doors={"move": door})), Meter()
    scan = line_scan(stage, meter, 3)
    with stuck(scan, door):
        assert "stage did not come back" in failed(scan)
        assert meter.is_safe


def test_another_that_cannot_be_made_safe_in_time_is_named_too() -> None:
    move, shut = Doorway(), Doorway()
    stage = limited(Stage("stage", doors={"move": move}))
    meter = limited(Meter())
    slow = limited(Stage("slow", doors={"shutdown": shut}))
    inner = MovementItem(stage, [1], children=[MeasurementItem(meter)])
    scan = made(MovementItem(slow, [1], children=[inner]))
    with stuck(scan, move, shut):
        failed(scan)
        assert scan.hung == [stage, slow]
        assert scan.failure is not None
        assert scan.failure.__notes__ == ["neither did slow"]
        assert meter.is_safe
    assert slow.is_safe


def test_what_comes_back_while_the_others_are_made_safe_is_safe_too() -> None:
    door = Doorway()
    stage = limited(Stage("stage", doors={"move": door}))

    class Last(Meter):
        def shutdown(self) -> None:
            door.open()
            until(lambda: stage.life[-1] == "shutdown")
            super().shutdown()

    scan = line_scan(stage, Last(), 3)
    with stuck(scan, door):
        error = f"stage did not come back from move_to within {LIMIT} s; it came back too late"
        assert failed(scan) == error
    assert stage.life.count("shutdown") == 1


def test_a_pause_that_makes_safe_hangs() -> None:
    reading, shut = Doorway(), Doorway()
    stage, meter = limited(Stage("stage", doors={"shutdown": shut})), Meter(doors={1: reading})
    scan = line_scan(stage, meter, 4)
    scan.settings.on_pause = "safe"
    with stuck(scan, shut):
        reading.wait_until_entered()
        scan.pause()
        reading.open()
        assert "stage did not come back from shutdown" in failed(scan)
        assert meter.is_safe
    assert stage.life.count("connect") == 1


def test_a_slow_way_to_the_safe_state_within_the_limit_is_none_of_it() -> None:
    door = Doorway()
    stage = limited(Stage(doors={"shutdown": door}), 30.0)
    scan = line_scan(stage, Meter(), 2)
    with running(scan):
        door.wait_until_entered()
        threading.Timer(0.2, door.open).start()
    assert scan.state is ScanState.COMPLETED


def test_an_abort_meets_a_driver_that_hangs() -> None:
    door, diary = Doorway(), Diary()
    stage = limited(Stage("stage", doors={"move": door}))
    scan = line_scan(stage, Meter(), 3, extensions=[diary])
    with stuck(scan, door):
        door.wait_until_entered()
        scan.abort()
        assert "stage did not come back" in failed(scan)
    assert "on_abort" not in diary.calls


def test_no_thread_is_left_when_all_came_back() -> None:
    before = set(threading.enumerate())
    door = Doorway()
    scan = line_scan(limited(Stage(doors={"move": door})), Meter(), 3)
    with stuck(scan, door):
        failed(scan)
    with suppress(Exception):
        scan.shutdown()
    until(lambda: set(threading.enumerate()) <= before)
