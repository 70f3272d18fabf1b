"""`pybirch.scan.scan`, sentence by sentence."""

from __future__ import annotations

import json
import logging

import pandas as pd
import pytest

from pybirch.errors import FieldError, IllegalTransitionError, NotFoundError
from pybirch.events import EventBus
from pybirch.instruments.simulated import FakeMultimeter, FakeSpectrometer, FakeStage
from pybirch.queue.queue import ScanState
from pybirch.queue.samples import Sample
from pybirch.scan.measurements import MeasurementItem
from pybirch.scan.movements import MovementItem
from pybirch.scan.scan import Scan, ScanExtension, ScanSettings
from tests.conftest import until
from tests.lab import Diary, Doorway, Ear, Meter, Stage, failing, line, line_scan, running, settings


def full_settings() -> ScanSettings:
    tree = [
        MovementItem(
            FakeStage("x"),
            range(3),
            settings={"speed": 2},
            children=[MovementItem(FakeStage("y"), [0.5], children=[MeasurementItem(FakeMultimeter("iv"))])],
        )
    ]
    return ScanSettings(
        project_name="project",
        scan_name="name",
        scan_type="map",
        job_type="test",
        scan_tree=tree,
        extensions=["csv"],
        additional_tags=["tag"],
        user_fields={"grant": 7},
    )


def test_settings_become_json_and_come_back() -> None:
    written = full_settings().serialize()
    again = ScanSettings.deserialize(json.loads(json.dumps(written)))
    assert again.serialize() == written
    assert (again.project_name, again.scan_name, again.scan_type, again.job_type) == (
        "project",
        "name",
        "map",
        "test",
    )
    assert list(again.additional_tags or ()) == ["tag"]
    assert dict(again.user_fields or {}) == {"grant": 7}


def test_settings_find_their_instruments_by_name() -> None:
    instruments = {"x": FakeStage("x"), "y": FakeStage("y"), "iv": FakeMultimeter("iv")}
    scan = Scan(ScanSettings.deserialize(full_settings().serialize(), instruments))
    scan.run()
    assert scan.points_done == 3
    with pytest.raises(NotFoundError, match="'iv'"):
        ScanSettings.deserialize(full_settings().serialize(), {"x": FakeStage("x"), "y": FakeStage("y")})


def test_no_tree_completes_at_once_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    scan = Scan(settings(None))
    with caplog.at_level(logging.WARNING):
        scan.run()
    assert scan.state is ScanState.COMPLETED
    assert (scan.points_done, scan.progress, scan.data) == (0, 1.0, {})
    assert scan.scan_id in caplog.text


def test_an_empty_tree_is_refused() -> None:
    with pytest.raises(FieldError, match="scan_tree"):
        settings([])


def test_extensions_are_a_list_of_the_scans_own_to_append_to() -> None:
    given = [Diary()]
    scan = line_scan(Stage(), Meter(), 2, extensions=given)
    scan.extensions.append(second := Diary())
    assert len(given) == 1
    scan.run()
    assert given[0].story == second.story != []


def test_run_is_startup_execute_shutdown() -> None:
    diary = Diary()
    scan = line_scan(Stage(), Meter(), 3, extensions=[diary], sample=Sample("S-1"), owner="me")
    assert (scan.state, scan.error, scan.progress) == (ScanState.QUEUED, None, 0.0)
    assert scan.scan_id
    assert scan.sample is not None
    assert (scan.sample.ID, scan.owner) == ("S-1", "me")
    scan.startup()
    assert scan.state is ScanState.RUNNING
    scan.execute()
    assert scan.state is ScanState.COMPLETED
    assert diary.indexes == {"meter": [0, 1, 2]}, "everything is flushed before execute returns"
    scan.shutdown()
    told = list(diary.calls)
    scan.shutdown()
    assert diary.calls == told
    assert diary.story == ["set_scan_reference", "startup", "execute", "on_complete", "shutdown"]


def test_instruments_are_safe_before_execute_returns() -> None:
    stage, meter = Stage(), Meter()
    scan = line_scan(stage, meter, 2)
    scan.startup()
    scan.execute()
    assert stage.is_safe
    assert meter.is_safe
    scan.shutdown()


@pytest.mark.parametrize("trouble", ["connect", "initialize", "move", "measure", "shutdown"])
def test_instruments_are_shut_down_on_every_way_out(trouble: str) -> None:
    error = RuntimeError(f"{trouble} broke")
    stage = Stage(trouble={} if trouble == "measure" else {trouble: error})
    meter = Meter(answer=failing(1, error) if trouble == "measure" else None)
    scan = line_scan(stage, meter, 3)
    with pytest.raises(RuntimeError) as raised:
        scan.run()
    assert raised.value is error
    assert (scan.state, scan.error) == (ScanState.FAILED, str(error))
    assert stage.is_safe
    assert meter.is_safe


def test_a_failure_keeps_the_rows_so_far() -> None:
    scan = line_scan(Stage(), Meter(answer=failing(2, ValueError("no light"))), 5)
    with pytest.raises(ValueError, match="no light"):
        scan.run()
    assert list(scan.data["meter"]["voltage (V)"]) == [0.0, 1.0]


def test_pause_holds_between_points_and_resume_goes_on() -> None:
    door = Doorway()
    diary = Diary()
    scan = line_scan(Stage(), Meter(doors={2: door}), 6, extensions=[diary])
    with running(scan):
        door.wait_until_entered()
        scan.pause()
        door.open()
        assert scan.wait_for(lambda s: s.state is ScanState.PAUSED, 5)
        assert 0.0 < scan.progress < 1.0
        scan.resume()
    assert scan.state is ScanState.COMPLETED
    assert diary.indexes["meter"] == list(range(6))
    assert {"on_pause", "on_resume"} <= set(diary.story)


def test_abort_ends_it_now() -> None:
    scan = line_scan(FakeStage("x", speed=0.001), Meter(), 5)
    with running(scan):
        until(lambda: scan.state is ScanState.RUNNING)
        scan.abort()
    assert scan.state is ScanState.ABORTED
    assert scan.error is None


def test_data_frames_have_positions_then_data_by_sequence_index() -> None:
    tree = [
        MovementItem(
            FakeStage("x"),
            [1.0, 2.0],
            children=[MeasurementItem(FakeMultimeter("iv")), MeasurementItem(FakeSpectrometer("light"))],
        )
    ]
    scan = Scan(settings(tree))
    scan.run()
    frame = scan.data["iv"]
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == ["x (mm)", "voltage (V)", "current (A)"]
    assert frame.index.name == "sequence_index"
    assert list(frame.index) == [0, 1]
    assert list(frame["x (mm)"]) == [1.0, 2.0]
    assert set(scan.data) == {"iv", "light"}
    assert scan.data["light"].to_numpy()[0, -1].ndim == 1, "a spectrum stays whole"


def test_progress_is_true_at_any_moment_and_never_falls() -> None:
    door = Doorway()
    scan = line_scan(Stage(), Meter(doors={5: door}), 10)
    ear = Ear(bus := EventBus())
    scan.bus = bus
    with running(scan):
        door.wait_until_entered()
        assert scan.progress == pytest.approx(0.5)
        door.open()
    bus.flush(5)
    told = [event.progress for event in ear.events if event.kind == "scan_status"]
    assert told == sorted(told)
    assert told[-1] == scan.progress == 1.0
    bus.close()


def test_save_data_adds_readings_and_the_index_goes_on() -> None:
    door, diary = Doorway(), Diary()
    scan = line_scan(Stage(), Meter(doors={1: door}), 2, extensions=[diary])
    with running(scan):
        door.wait_until_entered()
        scan.save_data(pd.DataFrame({"note (V)": [1.0, 2.0]}), "notes")
        scan.flush()
        scan.save_data(pd.DataFrame({"note (V)": [3.0]}), measurement_name="notes")
        door.open()
    assert list(scan.data["notes"]["note (V)"]) == [1.0, 2.0, 3.0]
    assert diary.indexes["notes"] == [0, 1, 2]
    with pytest.raises(IllegalTransitionError):
        scan.save_data(pd.DataFrame({"note (V)": [4.0]}), "notes")


class Bare(ScanExtension):
    """Overrides one hook, and does not call `super().__init__()`."""

    def __init__(self) -> None:
        self.rows: list[pd.DataFrame] = []

    def save_data(self, data: pd.DataFrame, measurement_name: str) -> None:
        self.rows.append(data)


def test_an_extension_gets_frames_whose_index_goes_on_over_calls() -> None:
    bare, door = Bare(), Doorway()
    scan = line_scan(Stage(), Meter(doors={2: door}), 4, extensions=[bare])
    with running(scan):
        door.wait_until_entered()
        scan.flush()
        door.open()
    assert len(bare.rows) >= 2
    assert [int(i) for frame in bare.rows for i in frame.index] == [0, 1, 2, 3]


def test_one_extension_that_raises_fails_the_scan_and_starves_no_other() -> None:
    first, second = Diary({"save_data": OSError("disk full")}), Diary()
    scan = line_scan(Stage(), Meter(), 3, extensions=[first, second])
    with pytest.raises(OSError, match="disk full"):
        scan.run()
    assert scan.state is ScanState.FAILED
    assert scan.error == "disk full"
    assert second.indexes["meter"] == [0, 1, 2]
    assert second.story[-2:] == ["on_error", "shutdown"]


def test_wrong_settings_are_refused_before_anything_moves_by_field() -> None:
    stage = Stage(limits=(0.0, 5.0))
    scan = Scan(settings(line(stage, Meter(), 10)))
    with pytest.raises(FieldError, match=r"scan_tree\[0\]\.positions\[6\]"):
        scan.run()
    assert stage.life == []
    with pytest.raises(FieldError, match="positions"):
        MovementItem(stage, [0.0, float("nan")])
    with pytest.raises(FieldError, match="two instruments"):
        Scan(settings(line(Stage("same"), Meter("same"), 2))).run()
