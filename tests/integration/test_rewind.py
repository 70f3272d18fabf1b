"""A scan that is rewound: what is stored is what was seen, and it goes on rightly after a kill."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from database.services import DatabaseService
from pybirch.database_integration import DatabaseQueue
from pybirch.database_integration.recorder import Recorder
from pybirch.database_integration.sync.commands import Commands
from pybirch.database_integration.sync.remote import RemoteStore
from pybirch.errors import FieldError, IllegalTransitionError, StaleWriterError
from pybirch.events import Readings
from pybirch.queue.queue import Queue, ScanState
from pybirch.scan.items import ConditionItem, When
from pybirch.scan.measurements import MeasurementItem
from pybirch.scan.movements import MovementItem
from pybirch.scan.scan import Scan, ScanSettings
from tests.lab import Doorway, Ear, Meter, Stage

WAIT = 30.0


class Life:
    """One life of the program that owns the instruments: a map of four lines with five points.

    The second measurement is read behind a condition, so that what it has kept may lie beyond
    where a rewound walk is.
    """

    def __init__(self, door_at: int | None = None, second: bool = True) -> None:
        self.door = Doorway()
        self.outer, self.inner = Stage("outer"), Stage("inner")
        self.meter = Meter(
            answer=lambda n: np.array([[self.inner.position + 100 * self.outer.position]]),
            doors={} if door_at is None else {door_at: self.door},
        )
        self.other = Meter("other")
        self.second = second
        self.instruments = [self.outer, self.inner, self.meter, self.other]

    def scan(self) -> Scan:
        line: list[Any] = [MeasurementItem(self.meter)]
        if self.second:
            line.append(ConditionItem(When("meter", above=200), [MeasurementItem(self.other)]))
        inner = MovementItem(self.inner, range(5), children=line)
        return Scan(
            ScanSettings("P", "map", "map", "test", [MovementItem(self.outer, range(4), children=[inner])])
        )

    def take_up(self, db: DatabaseService) -> DatabaseQueue:
        return DatabaseQueue.from_database(db, "Q", self.instruments)


def reach(scan: Scan, state: ScanState) -> None:
    assert scan.wait_for(lambda scan: scan.state is state, WAIT)


def newest(db: DatabaseService, scan_id: str, name: str) -> dict[int, int]:
    """Step -> index of the newest reading, counted by hand; what the record says must be the same."""
    readings = db.readings.read(scan_id, name)
    found = {int(step): index for index, step in enumerate(readings.steps)}
    number = next(row.id for row in db.readings.measurements(scan_id) if row.name == name)
    points = db.get_measurement_data(number)
    assert {point.step: point.sequence_index for point in points} == found
    assert len(points) == len(found)
    return found


@pytest.mark.parametrize("second", [False, True])
def test_what_is_stored_is_what_was_seen(db: DatabaseService, second: bool) -> None:
    life = Life(door_at=12, second=second)
    scan = life.scan()
    queue = DatabaseQueue(db, "Q", scans=[scan])
    ear = Ear(queue.bus)
    queue.start()
    life.door.wait_until_entered()
    queue.rewind(scan.scan_id, by="ada", why="the lamp flickered")
    life.door.open()
    assert queue.wait_for_completion(WAIT)
    assert scan.state is ScanState.COMPLETED
    assert queue.bus.flush(WAIT)
    for name in scan.counts:
        stored = db.readings.read(scan.scan_id, name)
        seen = [block for block in ear.of(Readings) if block.measurement == name]
        assert ear.indexes(name) == list(range(stored.count))
        named = [b.replaces if b.replaces is not None else np.full(b.count, -1) for b in seen]
        assert np.concatenate(named).tolist() == (
            [-1] * stored.count if stored.replaces is None else stored.replaces.tolist()
        )
        newest(db, scan.scan_id, name)
    assert db.readings.read(scan.scan_id, "meter").count == 23
    assert list(scan.data["meter"]["voltage (V)"]) == [100 * y + x for y in range(4) for x in range(5)]
    assert db.scans.get(scan.scan_id).points_done == scan.points_done == sum(scan.counts.values())
    lines = [line.message for line in db.get_queue_with_scans("Q").logs]
    place = 10 if not second else 20
    assert f"map rewound to step {place} by ada: the lamp flickered" in lines
    assert [row.step for row in db.scans.rewinds(scan.scan_id)] == [place]


@pytest.mark.parametrize(("killed_at", "second"), [(14, False), (14, True), (13, True), (18, True)])
def test_killed_after_a_rewind_it_goes_on_where_the_new_walk_was(
    db: DatabaseService, killed_at: int, second: bool
) -> None:
    """Line 2 of 4 is measured anew from its beginning; the other measurement has steps beyond that."""
    life = Life(door_at=13, second=second)
    scan = life.scan()
    queue = DatabaseQueue(db, "Q", scans=[scan])
    queue.start()
    life.door.wait_until_entered()
    queue.rewind(scan.scan_id)
    if killed_at == 13:
        queue.pause(scan.scan_id)
        life.door.open()
        reach(scan, ScanState.PAUSED)
        assert scan.wait_for(lambda scan: not scan.is_rewinding, WAIT)
    else:
        again = Doorway()
        life.meter.doors[killed_at] = again
        life.door.open()
        again.wait_until_entered()
    scan.flush()
    db.scans.mark_interrupted([scan.scan_id], "the power failed")
    if killed_at == 13:
        queue.abort()
    else:
        again.open()  # pyright: ignore[reportPossiblyUnbound]
    queue.wait_for_completion(WAIT)

    after = Life(second=second)
    queue = after.take_up(db)
    ear = Ear(queue.bus)
    queue.resume(scan.scan_id)
    assert queue.wait_for_completion(WAIT)
    gone_on = queue.get_handle_by_id(scan.scan_id).scan
    assert gone_on.state is ScanState.COMPLETED
    done = max(0, killed_at - 14)
    assert after.inner.visited[0] == done % 5
    assert after.meter.taken == 10 - done, "nothing is left out and nothing twice"
    found = newest(db, scan.scan_id, "meter")
    assert len(found) == 20
    frame = gone_on.data["meter"]
    assert list(frame["voltage (V)"]) == [100 * y + x for y in range(4) for x in range(5)]
    assert list(frame.index) == [*range(10), *range(14, 24)]
    if second:
        assert len(newest(db, scan.scan_id, "other")) == 9
    assert queue.bus.flush(WAIT)
    first = min(ear.indexes())
    assert ear.indexes() == list(range(first, 24))


def test_rewound_again_after_it_went_on(db: DatabaseService) -> None:
    life = Life(door_at=8, second=False)
    scan = life.scan()
    queue = DatabaseQueue(db, "Q", scans=[scan])
    queue.start()
    life.door.wait_until_entered()
    scan.flush()
    db.scans.mark_interrupted([scan.scan_id], "the power failed")
    life.door.open()
    queue.wait_for_completion(WAIT)
    after = Life(door_at=4, second=False)
    queue = after.take_up(db)
    queue.resume(scan.scan_id)
    after.door.wait_until_entered()
    queue.rewind(scan.scan_id, 3)
    after.door.open()
    assert queue.wait_for_completion(WAIT)
    stored = db.readings.read(scan.scan_id, "meter")
    assert stored.steps.tolist() == [*range(13), *range(3, 20)]
    assert stored.replaces is not None
    assert stored.replaces.tolist() == [-1] * 13 + [*range(3, 13)] + [-1] * 7
    assert list(queue.get_handle(0).scan.data["meter"].index) == [0, 1, 2, *range(13, 30)]


def test_a_rewind_that_cannot_be_kept_ends_the_scan(db: DatabaseService) -> None:
    life = Life(door_at=5, second=False)
    scan = life.scan()
    queue = DatabaseQueue(db, "Q", scans=[scan])
    queue.start()
    life.door.wait_until_entered()
    scan.flush()
    db.scans.claim(scan.scan_id, "somebody else", force=True)
    queue.rewind(scan.scan_id, 0)
    life.door.open()
    assert queue.wait_for_completion(WAIT)
    assert scan.state is ScanState.FAILED
    assert isinstance(scan.failure, StaleWriterError)
    assert db.scans.rewinds(scan.scan_id) == []


def test_through_a_server_it_is_sent_in_its_turn() -> None:
    class Frames:
        kinds: list[tuple[str, Any]] = []

        def keep(self, items: Any, patience: float = 0.0) -> dict[str, Any]:
            for item in items:
                self.kinds.append(
                    (item["kind"], item["payload"].get("step") or item["payload"].get("replaces"))
                )
            return {}

    life, frames = Life(door_at=7, second=False), Frames()
    scan = life.scan()
    scan.extensions.append(Recorder(RemoteStore(frames)))  # pyright: ignore[reportArgumentType]
    queue = Queue("Q", [scan])
    queue.start()
    life.door.wait_until_entered()
    queue.rewind(scan.scan_id, 2)
    life.door.open()
    assert queue.wait_for_completion(WAIT)
    told = [(kind, what) for kind, what in frames.kinds if kind not in ("scan_status", "scan_conditions")]
    place = told.index(("scan_rewound", 2))
    assert {kind for kind, _ in told[:place]} == {kind for kind, _ in told[place + 1 :]} == {"data_block"}
    assert all(what is None for _, what in told[:place])
    first = next(what for _, what in told[place + 1 :])
    assert (first[0][0], first[0][2]) == (8, 2)


def test_the_command_answers_when_the_scan_is_there() -> None:
    life = Life(door_at=7, second=False)
    scan = life.scan()
    queue, commands = Queue("Q", [scan]), Commands()
    commands.add(queue)
    queue.start()
    life.door.wait_until_entered()
    command = {"action": "rewind", "scan_id": scan.scan_id, "by": "ada"}
    with pytest.raises(FieldError, match="from 0 to 7"):
        commands.perform(command | {"step": 8})
    queue.pause(scan.scan_id)
    life.door.open()
    reach(scan, ScanState.PAUSED)
    answer = commands.perform(command | {"step": 2})["scan"]
    assert (answer["status"], answer["progress"], answer["points_done"]) == ("paused", 0.1, 8)
    answer = commands.perform(command)["scan"]
    assert (answer["status"], answer["progress"]) == ("paused", 0.0)
    commands.perform({"action": "abort", "scan_id": scan.scan_id})
    assert queue.wait_for_completion(WAIT)
    with pytest.raises(IllegalTransitionError, match="aborted"):
        commands.perform(command)
    assert any(line.message == "map rewound to step 2 by ada" for line in queue.get_logs())
