"""Error policies, several readings at one place, branches side by side, settings, and stillness."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from pybirch.errors import InstrumentError, InstrumentTimeoutError, ScanSettingsError
from pybirch.queue.queue import Queue
from pybirch.scan.scan import Scan, ScanSettings
from pybirch.scan.tree import (
    MeasurementItem,
    MovementItem,
    OnError,
    ParallelItem,
    SettingsItem,
    StableItem,
    deserialize_tree,
    serialize_tree,
)
from pybirch.states import ScanState
from tests.conftest import until
from tests.lab import PATIENCE, Doorway, Meter, Stage


def scan_of(*tree: Any) -> Scan:
    return Scan(ScanSettings("project", "patience", "", "", list(tree)))


def columns(scan: Scan, name: str = "meter") -> dict[str, list[float]]:
    readings = scan.readings(name)
    return {column: list(values) for column, values in (readings.positions | readings.values).items()}


def now_and_then(*bad: int) -> Any:
    """An answer that fails at these calls, counted with the failures."""
    calls = iter(range(1_000))

    def answer(_: int) -> Any:
        call = next(calls)
        if call in bad:
            raise InstrumentError(f"call {call} failed")
        return np.array([[float(call)]])

    return answer


def test_a_reading_is_tried_again() -> None:
    meter = MeasurementItem(Meter(answer=now_and_then(1, 2)), on_error=OnError(retries=2))
    scan = scan_of(MovementItem(Stage(), [1, 2, 3], children=[meter]))
    scan.run()
    assert columns(scan) == {"x (mm)": [1, 2, 3], "voltage (V)": [0, 3, 4]}
    assert scan.left_out == 0


def test_trying_again_ends() -> None:
    scan = scan_of(MeasurementItem(Meter(answer=now_and_then(0, 1, 2)), on_error=OnError(retries=2)))
    with pytest.raises(InstrumentError, match="call 2 failed"):
        scan.run()
    assert scan.state is ScanState.FAILED


@pytest.mark.parametrize("more", [0, 1])
def test_a_reading_is_left_out_and_flagged(more: int) -> None:
    """In the fast loop, and in the one with several readings a place."""
    meter = MeasurementItem(Meter(answer=now_and_then(1)), on_error="skip")
    others = [MeasurementItem(Meter(f"other {n}")) for n in range(more)]
    scan = scan_of(MovementItem(Stage(), [1, 2, 3], children=[meter, *others]))
    flags: list[str] = []
    scan.flagged = flags.append
    scan.run()
    assert columns(scan) == {"x (mm)": [1, 3], "voltage (V)": [0, 2]}
    assert list(scan.readings("meter").steps) == [0, 2]
    assert flags == ["meter was left out: call 1 failed"]
    assert (scan.left_out, scan.message, scan.progress) == (1, flags[0], 1.0)
    for name in (f"other {n}" for n in range(more)):
        assert columns(scan, name)["x (mm)"] == [1, 2, 3]


class Sticky(Stage):
    """Does not go to 2."""

    def move_to(self, target: float) -> float | None:
        if target == 2:
            raise InstrumentError("it is stuck")
        return super().move_to(target)


def test_a_position_is_left_out_with_all_below_it() -> None:
    inner = MovementItem(Stage("y"), [10, 20], children=[MeasurementItem(Meter())])
    scan = scan_of(MovementItem(Sticky(), [1, 2, 3], children=[inner], on_error="skip"))
    scan.run()
    assert columns(scan)["x (mm)"] == [1, 1, 3, 3]
    assert columns(scan)["y (mm)"] == [10, 20, 10, 20]
    assert list(scan.readings("meter").steps) == [0, 1, 4, 5]
    assert scan.message == "x at 2 was left out: it is stuck"


def test_a_position_of_the_innermost_loop_is_left_out() -> None:
    line = MovementItem(Sticky(), [1, 2, 3], children=[MeasurementItem(Meter())], on_error="skip")
    scan = scan_of(MovementItem(Stage("y"), [10, 20], children=[line]))
    scan.run()
    assert columns(scan)["x (mm)"] == [1, 3, 1, 3]
    assert list(scan.readings("meter").steps) == [0, 2, 3, 5]


def test_an_abort_ends_the_waiting_between_tries() -> None:
    failed = threading.Event()

    def answer(_: int) -> Any:
        failed.set()
        raise InstrumentError("never")

    scan = scan_of(MeasurementItem(Meter(answer=answer), on_error=OnError(retries=9, delay=60)))
    walker = threading.Thread(target=scan.run)
    walker.start()
    assert failed.wait(PATIENCE)
    scan.abort()
    walker.join(PATIENCE)
    assert scan.state is ScanState.ABORTED


def test_what_was_left_out_is_in_the_queue_s_log() -> None:
    meter = MeasurementItem(Meter(answer=now_and_then(1)), on_error="skip")
    queue = Queue("left out", [scan_of(MovementItem(Stage(), [1, 2, 3], children=[meter]))])
    queue.start()
    assert queue.wait_for_completion(PATIENCE)
    warnings = [entry.message for entry in queue.get_logs() if entry.level == "WARNING"]
    assert warnings[0] == "patience: meter was left out: call 1 failed"
    assert "completed, 2 points (meter was left out" in warnings[1]


def test_every_reading_or_their_mean_or_mean_and_deviation() -> None:
    scan = scan_of(
        MovementItem(
            Stage(),
            [1, 2],
            children=[
                MeasurementItem(Meter("every"), repeats=3),
                MeasurementItem(Meter("mean"), repeats=3, keep="mean"),
                MeasurementItem(Meter("std"), repeats=3, keep="std"),
            ],
        )
    )
    scan.run()
    assert columns(scan, "every") == {"x (mm)": [1, 1, 1, 2, 2, 2], "voltage (V)": [0, 1, 2, 3, 4, 5]}
    assert list(scan.readings("every").steps) == [0, 0, 0, 1, 1, 1]
    assert columns(scan, "mean") == {"x (mm)": [1, 2], "voltage (V)": [1, 4]}
    assert columns(scan, "std") == {"x (mm)": [1, 2], "voltage (V)": [1, 4], "voltage std (V)": [1, 1]}


def test_spectra_are_averaged_point_by_point() -> None:
    meter = Meter(answer=lambda n: np.array([[float(n)], [2.0 * n]]))
    scan = scan_of(MeasurementItem(meter, repeats=2, keep="std"))
    scan.run()
    values = scan.readings("meter").values
    assert values["voltage (V)"].tolist() == [[0.5, 1.0]]
    assert values["voltage std (V)"] == pytest.approx(np.array([[0.5**0.5, 2**0.5]]))


def test_branches_move_and_read_at_the_same_time() -> None:
    """Each stage, and each meter, waits until the other is under way too."""
    meet = threading.Barrier(2, timeout=PATIENCE)

    class Meeting(Stage):
        def move_to(self, target: float) -> float | None:
            meet.wait()
            return super().move_to(target)

    def answer(number: int) -> Any:
        meet.wait()
        return np.array([[float(number)]])

    branches = [
        MovementItem(Meeting(axis), to, children=[MeasurementItem(Meter(f"meter {axis}", answer))])
        for axis, to in (("x", [1, 2]), ("y", [10, 20]))
    ]
    scan = scan_of(ParallelItem(branches))
    scan.run()
    assert columns(scan, "meter y") == {"x (mm)": [1, 2], "y (mm)": [10, 20], "voltage (V)": [0, 1]}
    assert list(scan.readings("meter x").steps) == list(scan.readings("meter y").steps) == [0, 1]
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("lane")]


def test_a_step_of_branches_is_kept_whole_or_not_at_all() -> None:
    branches = [MeasurementItem(Meter("good")), MeasurementItem(Meter("bad", now_and_then(1)))]
    scan = scan_of(MovementItem(Stage(), [1, 2, 3], children=[ParallelItem(branches)]))
    with pytest.raises(InstrumentError, match="call 1 failed"):
        scan.run()
    assert scan.counts == {"good": 1, "bad": 1}


def test_an_abort_reaches_every_branch() -> None:
    class Slow(Stage):
        def move_to(self, target: float) -> float | None:
            door.entered.set()
            self.wait(60)
            return None

    door = Doorway()
    slow = Slow("slow")
    scan = scan_of(ParallelItem([MovementItem(slow, [1]), MovementItem(Slow("slower"), [1])]))
    walker = threading.Thread(target=scan.run)
    walker.start()
    door.wait_until_entered()
    scan.abort()
    walker.join(PATIENCE)
    assert scan.state is ScanState.ABORTED
    assert slow.is_safe


class Lockin(Meter):
    def __init__(self) -> None:
        super().__init__("lockin", lambda n: np.array([[self.gain]]))
        self.gain = 1.0


def test_settings_change_on_the_way() -> None:
    lockin = Lockin()
    scan = scan_of(
        MeasurementItem(lockin),
        SettingsItem(lockin, {"gain": 7.0}),
        MeasurementItem(lockin),
    )
    scan.run()
    assert columns(scan, "lockin") == {"voltage (V)": [1, 7]}
    assert lockin.settings == {"gain": 7.0}


def test_a_scan_waits_until_a_reading_keeps_still() -> None:
    falling = [8.0, 4.0, 2.0, 1.0, 0.5, float("nan"), 0.25, 0.2]
    probe = Meter("probe", lambda n: np.array([[falling[n] if n < len(falling) else 0.2]]))
    scan = scan_of(StableItem(probe, 0.1, 0.02, every=0.005), MeasurementItem(Meter()))
    scan.run()
    assert probe.taken >= len(falling) + 2
    assert scan.counts == {"meter": 1}, "what is only looked at is not recorded"
    assert probe.is_safe


def test_what_never_keeps_still_fails_the_scan() -> None:
    probe = Meter("probe", lambda n: np.array([[float(n)]]))
    scan = scan_of(StableItem(probe, 0.5, 0.01, every=0.001, timeout=0.05))
    with pytest.raises(InstrumentTimeoutError, match=r"probe: was not stable within 0\.5 after"):
        scan.run()


TREE = [
    MovementItem(Stage("x"), [1, 2], children=[MeasurementItem(Meter(), on_error=OnError(2, 0.5, "skip"))]),
    MeasurementItem(Meter("other"), repeats=4, keep="std"),
    ParallelItem([MovementItem(Stage("y"), [1], on_error="skip"), MeasurementItem(Meter("third"))]),
    SettingsItem(Meter("third"), {"gain": 2}),
    StableItem(Meter("third"), 0.1, 5, column="voltage"),
]


def test_json_and_back() -> None:
    data = serialize_tree(TREE)
    assert serialize_tree(deserialize_tree(data)) == data


@pytest.mark.parametrize(
    ("made", "field"),
    [
        (lambda: OnError(retries=-1), "on_error.retries"),
        (lambda: OnError(delay=float("nan")), "on_error.delay"),
        (lambda: MeasurementItem(Meter(), on_error="explode"), "on_error.then"),
        (lambda: MeasurementItem(Meter(), on_error={"tries": 3}), "on_error.tries"),
        (lambda: MeasurementItem(Meter(), repeats=0), "repeats"),
        (lambda: MeasurementItem(Meter(), repeats=1, keep="std"), "repeats"),
        (lambda: MeasurementItem(Meter(), keep="best"), "keep"),
        (lambda: SettingsItem(Meter(), {}), "settings"),
        (lambda: StableItem(Meter(), -1, 1), "tolerance"),
        (lambda: StableItem(Meter(), 1, 1, every="often"), "every"),
        (lambda: ParallelItem([]), "children of parallel"),
    ],
)
def test_what_makes_no_sense_is_named(made: Any, field: str) -> None:
    with pytest.raises(ScanSettingsError) as caught:
        made()
    assert caught.value.field == field


def test_a_movement_beside_others_cannot_be_left_out() -> None:
    with pytest.raises(ScanSettingsError, match=r"children\[0\]\.on_error\.then"):
        scan_of(TREE[2]).check()


class Flaky(Stage):
    """Answers at the third call."""

    def connect(self) -> None:
        if self.life.count("connect") < 2:
            self.note("connect")
            raise InstrumentError("nobody answers")
        super().connect()


@pytest.mark.parametrize(("attempts", "state"), [(2, ScanState.COMPLETED), (1, ScanState.FAILED)])
def test_an_instrument_is_called_as_often_as_it_is_allowed(
    attempts: int, state: ScanState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pybirch.scan.bench.TRY_AGAIN", 0.01)
    flaky = Flaky()
    flaky.reconnect_attempts = attempts
    scan = scan_of(MovementItem(flaky, [1], children=[MeasurementItem(Meter())]))
    with suppress(InstrumentError):
        scan.run()
    assert scan.state is state
    assert flaky.is_safe


def test_an_abort_ends_the_calling() -> None:
    flaky = Flaky()
    flaky.reconnect_attempts = 100
    scan = scan_of(MovementItem(flaky, [1]))
    walker = threading.Thread(target=scan.run)
    walker.start()
    until(lambda: "connect" in flaky.life)
    scan.abort()
    walker.join(PATIENCE)
    assert scan.state is ScanState.ABORTED
