"""What a pause does with the instruments: they hold, or go to their safe state and come back from it."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from pybirch.errors import InstrumentError, ScanSettingsError
from pybirch.events import EventBus, InstrumentStatus, ScanStatus
from pybirch.extensions.base import ScanExtension
from pybirch.extensions.suspender import Suspender
from pybirch.scan import engine as engine_module
from pybirch.scan.scan import Scan, ScanSettings
from pybirch.scan.tree import (
    MeasurementItem,
    MovementItem,
    OnError,
    ParallelItem,
    RepeatItem,
    SettingsItem,
    StableItem,
    WaitItem,
)
from pybirch.states import InstrumentState, PausePolicy, ScanState
from tests.conftest import until
from tests.lab import PATIENCE, Diary, Doorway, Ear, Meter, Sink, Stage, running
from tests.scan.test_choices import FIRST, METERS, at_home, measured, scan_of, story, trees

PAUSED = ScanState.PAUSED


class Source(Stage):
    """Has its output off, and stands at 0, whenever it was shut down."""

    output = False

    def initialize(self) -> None:
        super().initialize()
        self.output = True

    def shutdown(self) -> None:
        self.output, self._position = False, 0.0
        super().shutdown()


class Gauge(Meter):
    """Reads where its sources stand, and its own range, which it forgets when it is shut down."""

    def __init__(self, *sources: Source, **known: Any) -> None:
        super().__init__("gauge", self.look, ["sum", "range"], ["V", "V"], **known)
        self.sources = sources
        self.range = 1.0

    def look(self, _: int) -> Any:
        assert all(source.output for source in self.sources), "measured with the output off"
        return np.array([[sum(source.position for source in self.sources), self.range]])

    def initialize(self) -> None:
        super().initialize()
        self.range = float(self.settings.get("range", 1.0))

    def shutdown(self) -> None:
        self.range = -1.0
        super().shutdown()


def made(*tree: Any, on_pause: str = "safe", **known: Any) -> Scan:
    return Scan(ScanSettings("project", "pauses", "", "", list(tree), on_pause=on_pause), **known)


def a_map(outer: Stage, inner: Stage, *read: Any) -> MovementItem:
    return MovementItem(outer, [1, 2, 3], children=[MovementItem(inner, range(5), children=list(read))])


def pause_at(scan: Scan, door: Doorway) -> None:
    door.wait_until_entered()
    scan.pause()
    door.open()
    reach(scan, PAUSED)


def reach(scan: Scan, *states: ScanState) -> None:
    assert scan.wait_for(lambda s: s.state in states, PATIENCE), f"{scan} did not become {states}"


# The setting


def test_it_is_kept_as_json_and_what_was_stored_before_there_was_one_means_hold() -> None:
    settings = made(MeasurementItem(Meter())).settings
    assert settings.on_pause is PausePolicy.SAFE
    data = settings.serialize()
    assert data["on_pause"] == "safe"
    assert ScanSettings.deserialize(data).on_pause is PausePolicy.SAFE
    del data["on_pause"]
    assert ScanSettings.deserialize(data).on_pause is PausePolicy.HOLD
    assert ScanSettings("p", "n", "", "").on_pause is PausePolicy.HOLD


@pytest.mark.parametrize("value", ["off", "", None, 1, "SAFE"])
def test_any_other_policy_is_refused_by_name(value: Any) -> None:
    with pytest.raises(ScanSettingsError, match='"hold" or "safe"') as refusal:
        ScanSettings("p", "n", "", "", None, on_pause=value)
    assert refusal.value.field == "on_pause"


# Hold


def test_what_holds_is_idle_while_paused_and_measures_again() -> None:
    door, bus = Doorway(), EventBus()
    ear, meter, stage = Ear(bus), Meter(doors={2: door}), Stage()
    tree = MovementItem(stage, range(4), children=[MeasurementItem(meter)])
    scan = made(tree, on_pause="hold", bus=bus)
    with running(scan):
        pause_at(scan, door)
        assert meter.status is stage.status is InstrumentState.IDLE
        assert stage.life.count("shutdown") == meter.life.count("shutdown") == 0
        scan.resume()
    assert bus.flush(PATIENCE)
    told = [str(event.status) for event in ear.of(InstrumentStatus) if event.instrument_name == "meter"]
    moves = [now for now, before in zip(told, ["", *told], strict=False) if now != before]
    assert moves == ["connected", "idle", "measuring", "idle", "measuring", "disconnected"]
    bus.close()


# Safe


@pytest.mark.parametrize("at", [0, 4, 7, 14])
def test_all_is_safe_while_paused_and_goes_on_where_it_was(at: int) -> None:
    outer, inner, door, sink, diary = Source("outer"), Source("inner"), Doorway(), Sink(), Diary()
    gauge = Gauge(outer, inner, doors={at: door})
    scan = made(
        a_map(outer, inner, MeasurementItem(gauge, settings={"range": 5.0})), extensions=[sink, diary]
    )
    with running(scan):
        pause_at(scan, door)
        for one in (outer, inner, gauge):
            assert one.is_safe
            assert one.status is InstrumentState.DISCONNECTED
        assert scan.points_done == at + 1
        scan.resume()
    assert scan.state is ScanState.COMPLETED
    assert sink.indexes("gauge") == list(range(15))
    assert list(scan.data["gauge"]["sum (V)"]) == [a + b for a in (1, 2, 3) for b in range(5)]
    assert set(scan.data["gauge"]["range (V)"]) == {5.0}
    assert gauge.life.count("connect") == gauge.life.count("initialize") == 2
    assert [call for call in diary.story if call.startswith("on_")] == [
        "on_pause",
        "on_resume",
        "on_complete",
    ]
    assert scan.message is None


def test_nothing_is_shown_as_paused_before_all_is_safe() -> None:
    slow, reading = Doorway(), Doorway()
    stage, meter = Stage(doors={"shutdown": slow}), Meter(doors={1: reading})
    scan = made(MovementItem(stage, range(3), children=[MeasurementItem(meter)]))
    with running(scan):
        reading.wait_until_entered()
        scan.pause()
        reading.open()
        slow.wait_until_entered()
        assert scan.state is ScanState.RUNNING
        assert scan.status().requested is not None
        slow.open()
        reach(scan, PAUSED)
        assert stage.is_safe
        scan.resume()
    assert meter.taken == 3


def test_settings_changed_on_the_way_are_in_force_again() -> None:
    source, door = Source("source"), Doorway()
    gauge = Gauge(source, doors={3: door})
    read = MeasurementItem(gauge, settings={"range": 1.0})
    scan = made(
        MovementItem(source, [1, 2], children=[read]),
        SettingsItem(gauge, {"range": 10.0}),
        MovementItem(source, [3, 4, 5], children=[read]),
    )
    with running(scan):
        pause_at(scan, door)
        scan.resume()
    assert list(scan.data["gauge"]["range (V)"]) == [1, 1, 10, 10, 10]
    assert list(scan.data["gauge"]["sum (V)"]) == [1, 2, 3, 4, 5]


class Off(ScanExtension):
    """Spoils positions and gains while the scan is paused, then resumes it."""

    def set_scan_reference(self, scan: Scan) -> None:
        self.scan = scan

    def on_pause(self) -> None:
        at_home()
        for meter in METERS:
            meter.gain = 9
        self.scan.resume()


@given(trees, st.data())
@hypothesis(max_examples=60, deadline=None)
def test_a_safe_pause_anywhere_changes_nothing_that_is_measured(tree: list[Any], data: Any) -> None:
    at_home()
    whole = scan_of([FIRST, *tree])
    whole.run()
    paused = scan_of([FIRST, *tree])
    paused.settings.on_pause = PausePolicy.SAFE
    paused.extensions.append(Off())
    readings = data.draw(st.integers(1, whole.counts["meter 0"]))
    first, look = METERS[0], METERS[0].answer

    def pause_then(number: int) -> Any:
        if number == last:
            paused.pause()
        return look(number)

    last, first.answer = first.taken + readings - 1, pause_then
    at_home()
    try:
        paused.run()
    finally:
        first.answer = look
    assert paused.state is ScanState.COMPLETED
    assert story(measured(paused)) == story(measured(whole))


def test_abort_while_paused_shuts_nothing_down_again() -> None:
    door, stage, meter = Doorway(), Stage(), Meter()
    meter.doors[2] = door
    scan = made(MovementItem(stage, range(5), children=[MeasurementItem(meter)]))
    with running(scan):
        pause_at(scan, door)
        scan.abort()
    assert scan.state is ScanState.ABORTED
    assert stage.life.count("shutdown") == meter.life.count("shutdown") == 1


def test_what_cannot_be_made_safe_fails_the_scan() -> None:
    door, stage, diary = Doorway(), Stage(), Diary()
    meter = Meter(doors={2: door}, trouble={"shutdown": InstrumentError("the relay sticks")})
    scan = made(MovementItem(stage, range(5), children=[MeasurementItem(meter)]), extensions=[diary])
    with running(scan):
        door.wait_until_entered()
        scan.pause()
        door.open()
    assert (scan.state, scan.error) == (ScanState.FAILED, "the relay sticks")
    assert "on_pause" not in diary.calls
    assert stage.is_safe
    assert scan.points_done == 3


@pytest.mark.parametrize("moment", ["connect", "initialize", "move"])
def test_what_does_not_come_back_fails_the_scan_and_the_rest_is_safe(moment: str) -> None:
    door, stage, other = Doorway(), Stage(), Stage("other")
    meter, sink = Meter(doors={2: door}), Sink()
    inner = MovementItem(stage, range(5), children=[MeasurementItem(meter)])
    scan = made(MovementItem(other, [1], children=[inner]), extensions=[sink])
    with running(scan):
        pause_at(scan, door)
        stage.trouble[moment] = InstrumentError("somebody pulled the plug")
        scan.resume()
    assert (scan.state, scan.error) == (ScanState.FAILED, "somebody pulled the plug")
    assert stage.is_safe
    assert other.is_safe
    assert meter.is_safe
    assert sink.indexes() == [0, 1, 2]


@pytest.mark.parametrize("moment", ["connect", "initialize"])
def test_a_pause_before_the_first_step(moment: str) -> None:
    door, meter = Doorway(), Meter()
    stage = Stage(doors={moment: door})
    scan = made(MovementItem(stage, range(5), children=[MeasurementItem(meter)]))
    with running(scan):
        pause_at(scan, door)
        assert stage.is_safe
        assert meter.is_safe
        scan.resume()
    assert scan.state is ScanState.COMPLETED
    assert stage.visited == list(range(5))
    assert stage.life.count("shutdown") == 2


def test_a_pause_while_it_comes_back_from_one() -> None:
    reading, coming = Doorway(), Doorway()
    stage, meter = Stage(), Meter(doors={2: reading})
    scan = made(MovementItem(stage, range(5), children=[MeasurementItem(meter)]))
    with running(scan):
        pause_at(scan, reading)
        stage.doors["connect"] = coming
        scan.resume()
        coming.wait_until_entered()
        scan.pause()
        coming.open()
        reach(scan, PAUSED)
        assert stage.is_safe
        scan.resume()
    assert scan.state is ScanState.COMPLETED
    assert meter.taken == 5


def test_a_pause_that_is_taken_back_while_things_are_made_safe_is_none() -> None:
    reading, slow, diary = Doorway(), Doorway(), Diary()
    stage, meter = Stage(doors={"shutdown": slow}), Meter(doors={2: reading})
    scan = made(MovementItem(stage, range(5), children=[MeasurementItem(meter)]), extensions=[diary])
    with running(scan):
        reading.wait_until_entered()
        scan.pause()
        reading.open()
        slow.wait_until_entered()
        scan.resume()
        slow.open()
    assert scan.state is ScanState.COMPLETED
    assert meter.taken == 5
    assert "on_pause" not in diary.calls


def test_an_abort_while_things_are_made_safe() -> None:
    reading, slow = Doorway(), Doorway()
    stage, meter = Stage(doors={"shutdown": slow}), Meter(doors={2: reading})
    scan = made(MovementItem(stage, range(5), children=[MeasurementItem(meter)]))
    with running(scan):
        reading.wait_until_entered()
        scan.pause()
        reading.open()
        slow.wait_until_entered()
        scan.abort()
        slow.open()
    assert scan.state is ScanState.ABORTED
    assert stage.life.count("shutdown") == 1


def test_a_pause_in_a_wait_leaves_it_and_it_begins_anew() -> None:
    source = Source("source")
    gauge = Gauge(source)
    read = MeasurementItem(gauge)
    scan = made(MovementItem(source, [4, 5], children=[read, WaitItem(0.05), read]))
    with running(scan):
        until(lambda: scan.points_done == 1)
        scan.pause()
        reach(scan, PAUSED)
        assert source.is_safe
        scan.resume()
    assert list(scan.data["gauge"]["sum (V)"]) == [4, 4, 5, 5]


def test_a_pause_while_something_is_to_become_stable() -> None:
    source = Source("source")
    gauge, drift = Gauge(source), iter(range(1_000_000))
    steady = threading.Event()
    probe = Meter("probe", answer=lambda n: np.array([[1.0 if steady.is_set() else float(next(drift))]]))
    stable = StableItem(probe, tolerance=0.5, seconds=0.02, every=0.002)
    scan = made(MovementItem(source, [4, 5], children=[stable, MeasurementItem(gauge)]))
    with running(scan):
        until(lambda: probe.taken > 3)
        scan.pause()
        reach(scan, PAUSED)
        assert probe.is_safe
        steady.set()
        scan.resume()
    assert list(scan.data["gauge"]["sum (V)"]) == [4, 5]


def test_a_pause_between_two_tries_side_by_side_waits_for_the_other_branch() -> None:
    """The lane that waits to try again must not shut down what the other lane drives."""
    trying, moving = threading.Event(), Doorway()

    class Stiff(Stage):
        def move_to(self, target: float) -> float | None:
            if not trying.is_set():
                trying.set()
                raise InstrumentError("not yet")
            return super().move_to(target)

    one, other = Stiff("one"), Stage("other", doors={"move": moving})
    meter, sink = Meter(), Sink()
    patient = OnError(retries=50, delay=0.05)
    branches = [
        MovementItem(one, [1, 2], children=[MeasurementItem(meter)], on_error=patient),
        MovementItem(other, [1, 2]),
    ]
    scan = made(ParallelItem(branches), extensions=[sink])
    with running(scan):
        moving.wait_until_entered()
        assert trying.wait(PATIENCE)
        scan.pause()
        assert scan.state is ScanState.RUNNING
        assert "shutdown" not in one.life
        moving.open()
        reach(scan, PAUSED)
        assert one.is_safe
        assert other.is_safe
        scan.resume()
    assert scan.state is ScanState.COMPLETED
    assert sink.indexes() == [0, 1]
    assert not any("clashed" in instrument.__dict__ for instrument in (one, other, meter))


def test_a_pause_while_the_record_catches_up_doubles_no_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "BACKLOG_BYTES", 2_000)
    writing = Doorway()

    class Slow(Sink):
        def save_readings(self, readings: Any) -> None:
            if not writing.entered.is_set():
                writing.pass_through()
            super().save_readings(readings)

    sink = Slow()
    one, other = Meter("one"), Meter("other")
    scan = made(RepeatItem(3000, [MeasurementItem(one), MeasurementItem(other)]), extensions=[sink])
    pauses = iter([scan.pause])
    monkeypatch.setattr(engine_module.log, "warning", lambda *_: next(pauses, lambda: None)())
    with running(scan):
        reach(scan, PAUSED)
        assert one.is_safe
        writing.open()
        scan.resume()
    assert sink.indexes("one") == sink.indexes("other") == list(range(3000))
    assert (one.taken, other.taken) == (3000, 3000)


def test_a_suspender_s_pause_is_one_too() -> None:
    value, door = [50.0], Doorway()
    guard = Suspender(lambda: value[0], above=10.0, settle=0.02, every=0.005, name="beam")
    source = Source("source")
    gauge = Gauge(source, doors={3: door})
    scan = made(MovementItem(source, range(6), children=[MeasurementItem(gauge)]), extensions=[guard])
    with running(scan):
        door.wait_until_entered()
        value[0] = 5.0
        until(lambda: scan.requested is not None)
        door.open()
        reach(scan, PAUSED)
        assert source.is_safe
        assert scan.message == "suspended: beam is 5"
        value[0] = 50.0
    assert scan.state is ScanState.COMPLETED
    assert list(scan.data["gauge"]["sum (V)"]) == list(range(6))


def test_people_are_told_that_it_comes_back() -> None:
    bus, door, stage = EventBus(), Doorway(), Stage()
    ear, meter = Ear(bus), Meter(doors={2: door})
    scan = made(MovementItem(stage, range(5), children=[MeasurementItem(meter)]), bus=bus)
    with running(scan):
        pause_at(scan, door)
        scan.resume()
    assert bus.flush(PATIENCE)
    assert "bringing the instruments up again" in [event.message for event in ear.of(ScanStatus)]
    assert ear.of(ScanStatus)[-1].message is None
    bus.close()


def test_a_rewind_during_a_safe_pause_moves_nothing_before_somebody_resumes() -> None:
    door, sink = Doorway(), Sink()
    outer, inner = Source("outer"), Source("inner")
    gauge = Gauge(outer, inner, doors={12: door})
    fine = SettingsItem(gauge, {"range": 5.0})
    scan = made(
        a_map(outer, inner, MeasurementItem(gauge)), fine, a_map(outer, inner, MeasurementItem(gauge))
    )
    scan.extensions.append(sink)
    with running(scan):
        door.wait_until_entered()
        scan.pause()
        door.open()
        assert scan.wait_for(lambda scan: scan.state is PAUSED, PATIENCE)
        moved = len(outer.visited), len(inner.visited)
        for step in (9, 3):
            assert scan.rewind(step) == step
            until(lambda: not scan.is_rewinding)
            assert scan.state is PAUSED
            assert not outer.output
            assert not inner.output
            assert gauge.range == -1.0
        assert (len(outer.visited), len(inner.visited)) == moved
        scan.resume()
    assert scan.state is ScanState.COMPLETED
    frame = scan.data["gauge"]
    outers, inners = frame["outer (mm)"], frame["inner (mm)"]
    assert list(zip(outers, inners, strict=True)) == [(o, i) for o in (1, 2, 3) for i in range(5)] * 2
    assert list(frame["sum (V)"]) == list(outers + inners)
    assert list(frame["range (V)"]) == [1.0] * 15 + [5.0] * 15
    assert sink.indexes("gauge") == list(range(13 + 27))


def test_settings_are_those_of_the_beginning_after_a_rewind_from_a_safe_pause() -> None:
    door = Doorway()
    source = Source("x")
    gauge = Gauge(source, doors={7: door})
    line = MovementItem(source, range(5), children=[MeasurementItem(gauge, settings={"range": 1.0})])
    scan = made(line, SettingsItem(gauge, {"range": 5.0}), line)
    with running(scan):
        door.wait_until_entered()
        scan.pause()
        door.open()
        assert scan.wait_for(lambda scan: scan.state is PAUSED, PATIENCE)
        scan.rewind(2)
        scan.resume()
    assert scan.state is ScanState.COMPLETED
    assert list(scan.data["gauge"]["range (V)"]) == [1.0] * 5 + [5.0] * 5
