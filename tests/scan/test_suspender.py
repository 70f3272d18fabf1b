"""A watched value that is out of bounds holds the scan; back in bounds for a while, it goes on."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from pybirch.errors import FieldError
from pybirch.extensions.suspender import Suspender
from pybirch.scan.scan import Scan
from pybirch.states import ScanState
from tests.conftest import until
from tests.lab import PATIENCE, Doorway, Meter, Stage, line_scan


class Beam:
    """A value that is what the test says."""

    def __init__(self, current: float) -> None:
        self.current = current

    def __call__(self) -> float:
        return self.current


def watching(beam: Any, **known: Any) -> Suspender:
    options: dict[str, Any] = {"above": 10.0, "settle": 0.02, "every": 0.005, "name": "beam"}
    return Suspender(beam, **(options | known))


def running(scan: Scan) -> threading.Thread:
    walker = threading.Thread(target=scan.run)
    walker.start()
    return walker


def held(suspender: Suspender, door: Doorway) -> tuple[Scan, threading.Thread]:
    scan = line_scan(Stage(), Meter(doors={3: door}), 6)
    scan.extensions.append(suspender)
    return scan, running(scan)


def test_it_pauses_and_goes_on_by_itself() -> None:
    beam, door = Beam(50.0), Doorway()
    scan, walker = held(watching(beam), door)
    door.wait_until_entered()
    beam.current = 5.0
    until(lambda: scan.requested is not None)
    door.open()
    assert scan.wait_for(lambda s: s.state is ScanState.PAUSED, PATIENCE)
    assert scan.message == "suspended: beam is 5"
    beam.current = 50.0
    walker.join(PATIENCE)
    assert scan.state is ScanState.COMPLETED
    assert scan.points_done == 6
    assert scan.message is None


def test_a_scan_that_should_not_begin_waits_before_its_first_step() -> None:
    beam = Beam(1.0)
    stage = Stage()
    scan = line_scan(stage, Meter(), 3)
    scan.extensions.append(watching(beam))
    walker = running(scan)
    assert scan.wait_for(lambda s: s.state is ScanState.PAUSED, PATIENCE)
    assert stage.visited == []
    beam.current = 11.0
    walker.join(PATIENCE)
    assert scan.state is ScanState.COMPLETED


def test_a_pause_that_somebody_asked_for_stays() -> None:
    beam, door = Beam(50.0), Doorway()
    suspender = watching(beam)
    scan, walker = held(suspender, door)
    door.wait_until_entered()
    scan.pause()
    door.open()
    assert scan.wait_for(lambda s: s.state is ScanState.PAUSED, PATIENCE)
    beam.current = 5.0
    until(lambda: suspender.value == 5.0)
    beam.current = 50.0
    until(lambda: suspender.value == 50.0)
    assert not scan.wait_for(lambda s: s.state is not ScanState.PAUSED, 0.1)
    scan.resume()
    walker.join(PATIENCE)
    assert scan.state is ScanState.COMPLETED


def test_what_somebody_resumes_too_early_is_paused_again_and_can_be_aborted() -> None:
    beam = Beam(50.0)
    scan = line_scan(Stage(), Meter(answer=_slowly), 1_000)
    scan.extensions.append(watching(beam))
    walker = running(scan)
    until(lambda: scan.points_done > 2)
    beam.current = 5.0
    assert scan.wait_for(lambda s: s.state is ScanState.PAUSED, PATIENCE)
    done = scan.points_done
    scan.resume()
    until(lambda: scan.points_done > done)
    assert scan.wait_for(lambda s: s.state is ScanState.PAUSED, PATIENCE)
    scan.abort()
    walker.join(PATIENCE)
    assert scan.state is ScanState.ABORTED
    assert not [t.name for t in threading.enumerate() if t.name.startswith("suspender")]


def _slowly(number: int) -> Any:
    threading.Event().wait(0.002)
    return np.array([[float(number)]])


def test_a_measurement_is_connected_read_and_made_safe() -> None:
    meter = Meter("gauge", lambda n: np.array([[20.0]]))
    scan = line_scan(Stage(), Meter(), 3)
    scan.extensions.append(watching(meter, name=""))
    scan.run()
    assert scan.state is ScanState.COMPLETED
    assert meter.life[:2] == ["connect", "initialize"]
    assert meter.is_safe


def test_what_cannot_be_read_is_out_of_bounds() -> None:
    def broken() -> float:
        raise OSError("no answer")

    scan = line_scan(Stage(), Meter(), 3)
    scan.extensions.append(watching(broken, name="gauge"))
    walker = running(scan)
    assert scan.wait_for(lambda s: s.state is ScanState.PAUSED, PATIENCE)
    assert scan.message == "suspended: gauge is nan"
    scan.abort()
    walker.join(PATIENCE)


@pytest.mark.parametrize(
    ("known", "field"), [({"above": None}, "above"), ({"every": 0}, "every"), ({"settle": -1}, "every")]
)
def test_what_makes_no_sense_is_named(known: dict[str, Any], field: str) -> None:
    with pytest.raises(FieldError) as caught:
        watching(Beam(1), **known)
    assert caught.value.field == field
    with pytest.raises(FieldError, match="watched"):
        Suspender("beam", above=1)
