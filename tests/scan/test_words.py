"""Several may say something of a scan at once: each takes back only its own."""

from __future__ import annotations

from pybirch.events import EventBus, ScanStatus
from tests.lab import PATIENCE, Doorway, Ear, Meter, Stage, line_scan, running


def test_who_began_last_is_heard_and_what_holds_comes_back() -> None:
    scan = line_scan(Stage(), Meter(), 3)
    scan.say("the beam is away", "suspender")
    scan.say("5 readings wait", "record")
    scan.say("the beam is still away", "suspender")
    assert scan.message == "5 readings wait"
    scan.say(None, "record")
    assert scan.message == "the beam is still away"
    scan.say(None, "record")
    scan.say(None, "suspender")
    assert scan.message is None


def test_an_extensions_word_outlives_that_of_the_walk() -> None:
    """The walk waits for a slow record and goes on: only its own sentence goes."""
    bus, door = EventBus(), Doorway()
    ear = Ear(bus)
    scan = line_scan(Stage(), Meter(doors={2: door}), 4, bus=bus)
    with running(scan):
        door.wait_until_entered()
        assert scan._run is not None
        scan.say("remark of an extension", "somebody")
        scan._run._say("waiting for the record to catch up")
        scan._run._say(None)
        assert scan.message == "remark of an extension"
        door.open()
    assert scan.wait_for(lambda one: one.state.is_finished, PATIENCE)
    bus.flush(PATIENCE)
    told = [event.message for event in ear.of(ScanStatus)]
    at = told.index("waiting for the record to catch up")
    assert told[at - 1] == told[at + 1] == "remark of an extension"
    bus.close()
