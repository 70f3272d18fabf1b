from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from database.services import DatabaseService
from database.services.samples import keep_sample
from pybirch.database_integration import DatabaseQueue
from pybirch.database_integration.items import parse
from pybirch.database_integration.store import DatabaseStore
from pybirch.database_integration.storing import Storing
from pybirch.errors import FieldError, IllegalTransitionError, NotFoundError, StaleWriterError
from pybirch.samples import Sample
from pybirch.states import TRANSITIONS, ScanState
from tests.database.racing import Meanwhile, at_once

ROUTES = {
    ScanState.QUEUED: [],
    ScanState.RUNNING: ["running"],
    ScanState.PAUSED: ["running", "paused"],
    ScanState.COMPLETED: ["running", "completed"],
    ScanState.ABORTED: ["aborted"],
    ScanState.FAILED: ["failed"],
    ScanState.INTERRUPTED: ["running", "interrupted"],
}


class Settings:
    def serialize(self) -> dict[str, Any]:
        return {
            "project_name": "diodes",
            "scan_name": "iv",
            "scan_type": "1D",
            "job_type": "iv curve",
            "scan_tree": [{"type": "measurement", "instrument": {"name": "dmm"}, "settings": {}}],
            "extensions": ["Plot"],
            "additional_tags": ["cold"],
            "user_fields": {"T": 4.2},
            "on_pause": "hold",
        }


@dataclass
class CoreScan:
    """What the services see of a `pybirch.scan.scan.Scan`."""

    scan_id: str = "S1"
    sample: Sample | None = field(default_factory=lambda: Sample("W1", "Si"))
    owner: str = "ada"
    state: ScanState = ScanState.QUEUED
    progress: float = 0.0
    error: str | None = None
    points_total: int | None = 100
    restarted_from: str | None = None
    settings: Settings = field(default_factory=Settings)


def test_a_core_scan_is_mapped_field_by_field(db: DatabaseService) -> None:
    db.queues.create(queue_id="Q")
    row = db.create_scan_from_pybirch(CoreScan(), queue_id="Q")
    assert (row.scan_id, row.project_name, row.scan_name, row.scan_type, row.job_type, row.owner) == (
        ("S1", "diodes", "iv", "1D", "iv curve", "ada")
    )
    assert row.scan_tree_data == Settings().serialize()["scan_tree"]
    assert row.extra_data == {"extensions": ["Plot"], "user_fields": {"T": 4.2}}
    assert row.additional_tags == ["cold"]
    assert row.points_total == 100
    assert row.sample is not None
    assert row.sample.to_pybirch_sample().ID == "W1"
    assert row.queue is not None
    assert row.queue.queue_id == "Q"
    assert row.settings == Settings().serialize()


def test_the_same_scan_again_is_the_same_row(db: DatabaseService) -> None:
    first = db.create_scan_from_pybirch(CoreScan())
    db.scans.set_status("S1", ScanState.RUNNING, progress=0.4)
    again = db.create_scan_from_pybirch(CoreScan(owner="bob"))
    assert again.id == first.id
    assert (again.owner, again.status, again.progress) == ("bob", ScanState.RUNNING, 0.4)
    assert db.samples.count() == 1


@pytest.mark.parametrize(("old", "new"), list(product(ScanState, ScanState)))
def test_only_legal_steps(db: DatabaseService, old: ScanState, new: ScanState) -> None:
    db.scans.create(scan_id="S1")
    for state in ROUTES[old]:
        db.scans.set_status("S1", state)
    if new is old or new in TRANSITIONS[old]:
        assert db.scans.set_status("S1", new).status is new
    else:
        with pytest.raises(IllegalTransitionError, match=f"{old} and cannot become {new}"):
            db.update_scan_status("S1", new)
        assert db.scans.get("S1").status is old


def test_times_messages_and_errors_follow_the_state(db: DatabaseService) -> None:
    db.scans.create(scan_id="S1")
    running = db.scans.set_status("S1", "running", timestamp="2030-01-02T03:04:05Z")
    assert running.started_at is not None
    assert running.started_at.isoformat() == "2030-01-02T03:04:05+00:00"
    stopped = db.scans.set_status("S1", "interrupted", message="station gone")
    assert stopped.error == stopped.message == "station gone"
    assert stopped.finished_at is not None
    resumed = db.scans.set_status("S1", "running")
    assert (resumed.error, resumed.finished_at, resumed.started_at) == (None, None, running.started_at)
    done = db.scans.set_status("S1", "completed")
    assert done.progress == 1.0


def test_update_keeps_the_state_machine_and_names_fields(db: DatabaseService) -> None:
    db.scans.create(scan_id="S1")
    with pytest.raises(IllegalTransitionError):
        db.update_scan("S1", status="completed")
    assert db.update_scan("S1", status="running", requested="pause").requested == "pause"
    with pytest.raises(FieldError, match="colour"):
        db.update_scan("S1", colour="red")
    with pytest.raises(FieldError, match="status"):
        db.scans.set_status("S1", "happy")
    with pytest.raises(NotFoundError):
        db.scans.set_status("S2", "running")


@pytest.mark.parametrize("end", ["completed", "aborted", "failed"])
def test_what_has_ended_is_not_taken_up_by_another(db: DatabaseService, end: str) -> None:
    db.scans.create(scan_id="S1", writer="bench:1")
    db.scans.set_status("S1", "running")
    db.scans.set_status("S1", end)
    with pytest.raises(StaleWriterError, match=end):
        db.scans.claim("S1", "bench:2")
    assert db.scans.claim("S1", "bench:1").writer == "bench:1", "a claim that comes again is no harm"


def test_no_scans_id_is_that_of_anothers_room(db: DatabaseService) -> None:
    with pytest.raises(FieldError, match="_blocks"):
        db.scans.create(scan_id="S1_blocks")
    assert db.scans.create(scan_id="S1_blocks_2").scan_id == "S1_blocks_2"


def test_an_interrupted_scan_is_taken_up_again(db: DatabaseService) -> None:
    db.scans.create(scan_id="S1", writer="bench:1")
    db.scans.set_status("S1", "running")
    db.scans.set_status("S1", "interrupted")
    assert db.scans.claim("S1", "bench:2").writer == "bench:2"


def test_one_writer_at_a_time(db: DatabaseService) -> None:
    number = db.scans.create(scan_id="S1").id
    db.scans.claim("S1", "bench:1")
    db.scans.set_status(number, "running", writer="bench:1")
    with pytest.raises(StaleWriterError, match="bench:1"):
        db.scans.claim(number, "bench:2")
    with pytest.raises(StaleWriterError):
        db.scans.set_status("S1", "paused", writer="bench:2")
    assert db.scans.claim("S1", "bench:2", force=True).writer == "bench:2"
    with pytest.raises(StaleWriterError):
        db.scans.set_status("S1", "paused", writer="bench:1")


def test_making_a_scan_again_takes_it_from_no_living_writer(db: DatabaseService) -> None:
    db.scans.create_from_pybirch(CoreScan(), writer="bench:1")
    db.scans.set_status("S1", "running", writer="bench:1")
    with pytest.raises(StaleWriterError, match="bench:1"):
        db.scans.create_from_pybirch(CoreScan(), writer="bench:2")
    assert db.scans.get("S1").writer == "bench:1"
    assert db.scans.create_from_pybirch(CoreScan(), writer="bench:1").status is ScanState.RUNNING
    db.scans.mark_interrupted(["S1"])
    assert db.scans.create_from_pybirch(CoreScan(), writer="bench:2").writer == "bench:2"


def test_scans_that_are_given_up_are_failed_and_fenced(db: DatabaseService) -> None:
    for n, state in enumerate(("running", "paused", "interrupted", "queued", "completed")):
        db.scans.create(scan_id=f"S{n}", writer="script:1")
        for step in ("running", state) if state != "queued" else ():
            db.scans.set_status(f"S{n}", step)
    assert db.scans.give_up([f"S{n}" for n in range(5)], "nobody came back") == 3
    states = [db.scans.get(f"S{n}").status for n in range(5)]
    assert states == ["failed", "failed", "failed", "queued", "completed"]
    assert db.scans.get("S0").error == "nobody came back"
    with pytest.raises(StaleWriterError):
        db.readings.append("S0", [], writer="script:1", progress=1.0)


def test_what_was_interrupted_is_nobodys_until_claimed(db: DatabaseService) -> None:
    db.scans.create(scan_id="S1", writer="bench:1", status="running")
    db.scans.set_status("S1", "interrupted", writer="bench:1")
    with pytest.raises(StaleWriterError, match="taken from bench:1"):
        db.scans.set_status("S1", "running", writer="bench:1")
    db.scans.claim("S1", "bench:1")
    assert db.scans.set_status("S1", "running", writer="bench:1").status is ScanState.RUNNING


def test_error_and_user_fields_are_kept_in_extra_data(db: DatabaseService) -> None:
    db.create_scan_from_pybirch(CoreScan())
    row = db.update_scan("S1", error="smoke", user_fields={"T": 5})
    assert (row.error, row.extra_data["user_fields"], row.extra_data["extensions"]) == (
        ("smoke", {"T": 5}, ["Plot"])
    )
    failed = db.update_scan_status("S1", "failed", message="nul \x00 from a device", error="other")
    assert (failed.error, failed.message) == ("other", "nul \ufffd from a device")
    with pytest.raises(FieldError, match="progress"):
        db.update_scan_status("S1", "failed", progress=float("nan"))


def test_interrupted_by_writer_or_by_name(db: DatabaseService) -> None:
    for name, writer in [("A", "bench:1"), ("B", "bench:2"), ("C", "bench2:1"), ("D", "bench:1")]:
        db.scans.create(scan_id=name, writer=writer)
        if name != "D":
            db.scans.set_status(name, "running")
    assert db.scans.mark_interrupted("bench:1", "gone") == ["A"]
    assert db.scans.get("A").error == "gone"
    assert sorted(db.scans.mark_interrupted("bench")) == ["B"]
    number = db.scans.get("C").id
    assert db.scans.mark_interrupted([number, "D", "nobody"]) == ["C"]
    assert db.get_active_scans() == []


def test_lists_by_state_queue_and_search(db: DatabaseService) -> None:
    db.queues.create(queue_id="Q")
    for i in range(4):
        db.scans.create(scan_id=f"S{i}", scan_name="iv" if i < 2 else "map", queue_id="Q" if i else None)
    db.scans.set_status("S1", "running")
    assert [s.scan_id for s in db.scans.list()] == ["S3", "S2", "S1", "S0"]
    assert [s.scan_id for s in db.scans.list(queue_id="Q")] == ["S1", "S2", "S3"]
    assert [s.scan_id for s in db.scans.list(state="running")] == ["S1"]
    assert [s.scan_id for s in db.scans.list(state=["running", ScanState.QUEUED], search="iv")] == [
        "S1",
        "S0",
    ]
    assert db.scans.count(state="queued", queue_id="Q") == 2
    assert [s.scan_id for s in db.get_active_scans()] == ["S1"]


def test_lists_are_filtered_sorted_and_counted_alike(db: DatabaseService) -> None:
    db.samples.create(sample_id="W")
    for i in range(12):
        db.scans.create(
            scan_id=f"S{i:02}",
            scan_name=f"name {i % 3}",
            owner="ada" if i % 2 else "grace",
            project_name="p" if i < 6 else "q",
            sample_id="W" if i % 4 == 0 else None,
            created_at=f"2024-01-{i + 1:02}",
        )
    db.scans.archive("S11")

    def ids(**wish: Any) -> str:
        found = [scan.scan_id for scan in db.scans.list(**wish)]
        counted = {name: value for name, value in wish.items() if name not in ("sort", "limit", "offset")}
        assert "limit" in wish or len(found) == db.scans.count(**counted)
        return " ".join(found)

    assert ids(owner="ada", sort="created_at") == "S01 S03 S05 S07 S09"
    assert ids(owner="ada", project_name="p") == "S05 S03 S01"
    assert ids(sample_id="W", state="queued") == "S08 S04 S00"
    assert ids(since="2024-01-03", until="2024-01-05T00:00:00Z") == "S03 S02"
    assert ids(search="name 2", sort="-scan_name") == "S08 S05 S02"
    assert ids(search="name 2", archived=True) == "S11 S08 S05 S02"
    assert ids(sort="scan_name", limit=5, offset=3) == "S09 S01 S04 S07 S10"
    assert ids(sort="-owner", limit=3) == "S10 S08 S06"
    assert ids(sort="points_done", limit=2) == "S00 S01"
    assert (ids(search="nothing like it"), ids(search="*"), ids(state=[])) == ("", "", "")
    assert (db.scans.count(archived=True), db.scans.count()) == (12, 11)


def test_words_of_very_many_scans(db: DatabaseService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("database.services.scan_lists.FEW", 3)
    for i in range(9):
        db.scans.create(scan_id=f"S{i}", scan_name="common", owner="ada" if i % 2 else "grace")
    assert [s.scan_id for s in db.scans.list(search="common", owner="ada", limit=2, offset=1)] == ["S5", "S3"]
    assert db.scans.count(search="com", state="queued") == 9


def test_one_scan_that_is_stored_from_two_sides_at_once(db: DatabaseService) -> None:
    for number in range(8):
        scan = CoreScan(f"S{number}", sample=None)
        assert at_once(*[partial(db.create_scan_from_pybirch, scan)] * 4) == []
    assert db.scans.count() == 8


def test_scans_that_are_queued_at_once_have_a_place_each(db: DatabaseService) -> None:
    db.queues.create(queue_id="Q")
    for number in range(8):
        acts = [partial(db.scans.create, scan_id=f"{number}{name}", queue_id="Q") for name in "abcd"]
        assert at_once(*acts) == []
    places = [scan.queue_order for scan in db.get_queue_with_scans("Q").scans]
    assert places == list(range(32))


def begins(db: DatabaseService, writer: str, scan_id: str = "S1") -> None:
    db.scans.claim(scan_id, writer)
    db.scans.set_status(scan_id, "running", writer=writer)


def test_a_scan_opened_twice_at_once_is_opened(db: DatabaseService) -> None:
    """A frame that comes again while another server still has it in hand."""
    for number in range(8):
        items = parse([{"kind": "scan_opened", "payload": {"scan_id": f"S{number}"}}])
        acts = [partial(Storing(db, "bench", "bench:e1").store, items, "here") for _ in range(4)]
        assert at_once(*acts) == []
    assert db.scans.count(writer="bench:e1") == 8


def test_what_is_begun_while_it_is_judged_is_not_taken(
    db: DatabaseService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two resume one scan: the slower has found it nobody's, and then the quicker begins."""
    db.scans.create(scan_id="S1", writer="bench:e1", status="running")
    db.scans.mark_interrupted(["S1"])
    others = [partial(begins, db, "quick:e1")]

    def is_living(writer: str | None) -> bool:
        if others:
            others.pop()()
        return False

    monkeypatch.setattr(db.stations, "is_living", is_living)
    with pytest.raises(StaleWriterError, match="is being written by quick:e1"):
        DatabaseStore(db, "slow:e1").take_over("S1")
    db.scans.set_status("S1", "completed", writer="quick:e1")


def test_what_goes_on_while_it_is_judged_is_not_failed(
    db: DatabaseService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATA_STORAGE_PATH", str(tmp_path))
    queue = DatabaseQueue(db, "Q")
    db.scans.create(scan_id="S1", writer="bench:e1", status="running", queue_id="Q")
    db.scans.mark_interrupted(["S1"])
    others = [partial(begins, db, "bench:e2")]

    def is_living(writer: str | None) -> bool:
        if others:
            others.pop()()
        return False

    monkeypatch.setattr(db.stations, "is_living", is_living)
    assert queue.mark_incomplete_scans_failed() == 0
    assert db.scans.get("S1").status is ScanState.RUNNING


def test_what_comes_late_takes_no_scan_from_who_has_just_begun_it(
    db: DatabaseService, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.scans.create(scan_id="S1")
    for epoch in ("e1", "e2"):
        db.stations.attach("bench", epoch=epoch)
    found, others = db.scans.find, [partial(begins, db, "bench:e2")]

    def find(key: int | str) -> Any:
        row = found(key)
        if others:
            others.pop()()
        return row

    monkeypatch.setattr(db.scans, "find", find)
    late = Storing(db, "bench", "bench:e1", late=True, past=True)
    claimed = parse([{"kind": "scan_claimed", "payload": {"scan_id": "S1"}}])
    late.store(claimed, "here")
    find("S1")
    assert db.scans.get("S1").writer == "bench:e2"
    with pytest.raises(StaleWriterError, match="begun by bench:e2"):
        late.store(claimed, "here")
    db.scans.set_status("S1", "completed", writer="bench:e2")


def test_a_scan_opened_again_while_somebody_edits_its_sample(
    db: DatabaseService, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = CoreScan(sample=Sample("W1", additional_tags=["cold"]))
    db.create_scan_from_pybirch(scan)
    db.samples.update("W1", additional_tags=[])
    other = Meanwhile(partial(db.samples.update, "W1", additional_tags=["own", "cold"]))

    def keep(*given: Any, **more: Any) -> Any:
        other.begin()
        return keep_sample(*given, **more)

    monkeypatch.setattr("database.services.scans.keep_sample", keep)
    db.create_scan_from_pybirch(scan)
    other.end()
    assert other.error is None
    assert db.get_sample("W1").additional_tags == ["own", "cold"]
