"""Whatever ends a scan: the instruments are safe, the rows are kept, the truth is told."""

from __future__ import annotations

import threading
from contextlib import suppress

import pytest

from pybirch.events import EventBus
from pybirch.states import InstrumentState, ScanState
from tests.lab import PATIENCE, Diary, Doorway, Ear, Meter, Sink, Stage, failing, line_scan


class BrokenError(Exception):
    pass


def test_a_measurement_that_raises_fails_the_scan_and_keeps_the_rows() -> None:
    error, sink, stage, bus = BrokenError("the lamp went out"), Sink(), Stage(), EventBus()
    ear = Ear(bus)
    meter = Meter(answer=failing(6, error))
    diary = Diary()
    scan = line_scan(stage, meter, 10, extensions=[sink, diary], bus=bus)
    with pytest.raises(BrokenError) as caught:
        scan.run()
    assert caught.value is error
    assert scan.state is ScanState.FAILED
    assert scan.error == "the lamp went out"
    assert sink.indexes() == list(range(6)) == list(scan.data["meter"].index)
    assert stage.is_safe
    assert meter.is_safe
    assert diary.story[-2:] == ["on_error", "shutdown"]
    assert "on_complete" not in diary.calls
    assert scan.progress == 0.6
    assert bus.flush(PATIENCE)
    assert ear.states() == [ScanState.RUNNING, ScanState.FAILED]
    assert "the lamp went out" in (ear.events[-1].message or "")
    assert ear.indexes() == list(range(6))
    bus.close()


def test_an_error_without_words_is_told_by_its_name() -> None:
    scan = line_scan(Stage(), Meter(answer=failing(0, BrokenError())))
    with pytest.raises(BrokenError):
        scan.run()
    assert scan.error == "BrokenError"


@pytest.mark.parametrize("moment", ["connect", "initialize", "move", "shutdown"])
def test_trouble_with_an_instrument(moment: str) -> None:
    error = BrokenError(moment)
    stage, meter, diary = Stage(trouble={moment: error}), Meter(), Diary()
    scan = line_scan(stage, meter, 3, extensions=[diary])
    with pytest.raises(BrokenError) as caught:
        scan.run()
    assert caught.value is error
    assert scan.state is ScanState.FAILED
    assert scan.error == moment
    assert stage.is_safe
    assert meter.is_safe
    assert diary.story[-2:] == ["on_error", "shutdown"]


def test_an_instrument_that_cannot_be_made_safe_does_not_keep_others_from_it() -> None:
    stage = Stage()
    meter = Meter(trouble={"shutdown": BrokenError("stuck")})
    scan = line_scan(stage, meter, 3)
    with pytest.raises(BrokenError, match="stuck"):
        scan.run()
    assert stage.is_safe
    assert meter.status is InstrumentState.ERROR
    assert scan.points_done == 3


class Source(Stage):
    """A voltage source that is brought down in small steps, as its maker asks."""

    def __init__(self) -> None:
        super().__init__("source", "V")
        self.volts = 14.0
        self.ramping = threading.Event()

    def shutdown(self) -> None:
        while self.volts > 0:
            self.wait(0.001)
            self.volts -= 1.0
            if self.volts == 7.0:
                self.ramping.set()
                self.wait(0.02)
        super().shutdown()


def test_an_abort_does_not_cut_short_the_way_to_the_safe_state() -> None:
    source, door = Source(), Doorway()
    scan = line_scan(source, Meter(doors={1: door}), 5)
    thread = threading.Thread(target=scan.run)
    thread.start()
    door.wait_until_entered()
    scan.abort()
    door.open()
    assert source.ramping.wait(PATIENCE)
    scan.abort()  # the operator is impatient
    thread.join(PATIENCE)
    assert scan.state is ScanState.ABORTED
    assert source.volts == 0.0
    assert source.is_safe


def test_a_record_that_fails_does_not_cut_it_short_either() -> None:
    source = Source()

    class Full(Sink):
        def save_readings(self, readings: object) -> None:
            raise BrokenError("disk full")

    scan = line_scan(source, Meter(), 5, extensions=[Full()])
    with pytest.raises(BrokenError, match="disk full"):
        scan.run()
    assert source.volts == 0.0
    assert source.is_safe


@pytest.mark.parametrize("hook", ["startup", "execute", "on_complete", "save_status", "on_abort", "shutdown"])
@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, BrokenError])
def test_whatever_a_hook_raises_the_scan_comes_to_an_end(hook: str, kind: type[BaseException]) -> None:
    stage, diary = Stage(), Diary()

    class Rude(Diary):
        pass

    def leave(*_: object) -> None:
        raise kind("gone")

    rude = Rude()
    setattr(rude, hook, leave)
    scan = line_scan(stage, Meter(), 3, extensions=[rude, diary])
    if hook == "on_abort":
        scan.take()
        scan.abort()
    with suppress(BaseException):
        scan.run()
    assert scan.state.is_finished
    assert stage.is_safe
    assert diary.calls[-1] == "shutdown", "the others hear the end"


def test_an_error_on_the_way_out_leaves_no_scan_running(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    scan = line_scan(stage, Meter(), 3)

    def broken(*_: object, **__: object) -> None:
        raise BrokenError("in our own house")

    monkeypatch.setattr("pybirch.scan.bench.Bench.report_values", broken)
    with pytest.raises(BrokenError, match="in our own house"):
        scan.run()
    assert scan.state is ScanState.FAILED
    assert scan.error == "in our own house"
    assert stage.is_safe


def test_what_was_never_touched_is_not_shut_down() -> None:
    stage, meter = Stage(trouble={"connect": BrokenError("x")}), Meter()
    with pytest.raises(BrokenError):
        line_scan(stage, meter).run()
    assert stage.life == ["connect", "shutdown"]
    assert meter.life == []


@pytest.mark.parametrize("where", ["measure", "connect", "initialize", "move"])
def test_ctrl_c_makes_safe_and_goes_on_up(where: str) -> None:
    stage = Stage(trouble={where: KeyboardInterrupt()})
    meter = Meter(answer=failing(2, KeyboardInterrupt())) if where == "measure" else Meter()
    diary = Diary()
    scan = line_scan(stage, meter, 5, extensions=[diary])
    with pytest.raises(KeyboardInterrupt):
        scan.run()
    assert scan.state is ScanState.ABORTED
    assert stage.is_safe
    assert meter.is_safe
    assert diary.calls[-1] == "shutdown"


def test_a_second_ctrl_c_while_things_are_made_safe() -> None:
    stage = Stage()
    meter = Meter(answer=failing(1, KeyboardInterrupt()), trouble={"shutdown": KeyboardInterrupt()})
    scan = line_scan(stage, meter, 5)
    real_shutdown = meter.shutdown

    def once() -> None:
        try:
            real_shutdown()
        finally:
            meter.trouble.clear()

    meter.shutdown = once
    with pytest.raises(KeyboardInterrupt):
        scan.run()
    assert stage.is_safe
    assert meter.life.count("shutdown") == 2, "the one that was cut short is tried again"
    assert scan.state is ScanState.ABORTED


def test_started_but_never_executed() -> None:
    stage, diary = Stage(), Diary()
    scan = line_scan(stage, Meter(), 5, extensions=[diary])
    scan.startup()
    assert scan.state is ScanState.RUNNING
    scan.shutdown()
    scan.shutdown()
    assert scan.state is ScanState.ABORTED
    assert stage.is_safe
    assert diary.story == ["set_scan_reference", "startup", "on_abort", "shutdown"]


def test_the_three_calls_one_by_one() -> None:
    stage, diary = Stage(), Diary()
    scan = line_scan(stage, Meter(), 5, extensions=[diary])
    scan.startup()
    assert stage.life == ["connect", "initialize"]
    scan.execute()
    assert scan.state is ScanState.COMPLETED
    assert stage.is_safe
    assert diary.indexes["meter"] == list(range(5))
    scan.shutdown()
    scan.shutdown()
    assert diary.story == ["set_scan_reference", "startup", "execute", "on_complete", "shutdown"]


def test_no_thread_is_left() -> None:
    before = set(threading.enumerate())
    for number in range(20):
        scan = line_scan(Stage(), Meter(answer=failing(number, BrokenError("x"))), 10)
        if number < 10:
            with pytest.raises(BrokenError):
                scan.run()
        else:
            scan.run()
    assert set(threading.enumerate()) == before


def test_instruments_are_let_go_of() -> None:
    stage, meter = Stage(), Meter()
    scan = line_scan(stage, meter, 2)
    scan.run()
    assert stage.listener is None
    assert meter.status is InstrumentState.DISCONNECTED
    again = line_scan(stage, meter, 2)
    again.run()
    assert again.state is ScanState.COMPLETED
