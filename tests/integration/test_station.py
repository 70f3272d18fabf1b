"""A station in this process: instruments, queues, record; safe and detached when it closes."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest
import requests

from database.services import DatabaseService
from pybirch.database_integration.sync.link import ServerLink
from pybirch.errors import FieldError, LabFileError
from pybirch.lab_file import read_lab
from pybirch.queue.lab import Lab, load_lab
from pybirch.queue.queue import ScanState
from pybirch.scan.positions import linear
from pybirch.scan.scan import Scan, ScanSettings
from pybirch.scan.tree import MovementItem
from pybirch.station import LAB_FILE, Station, run_station
from tests.conftest import WaitFor, until
from tests.lab import Doorway, Meter, Stage, line_scan

WAIT = 30.0


def station(lab: Lab, db: DatabaseService, folder: Path) -> Station:
    return Station(lab, db, name="bench", data_dir=folder)


def test_it_opens_runs_and_leaves_everything_in_order(db: DatabaseService, tmp_path: Path) -> None:
    stage, meter = Stage(), Meter()

    def scans() -> list[Scan]:
        return [line_scan(stage, meter, 10), line_scan(stage, meter, 5)]

    lab = Lab("Lab", [stage, meter], {"main": scans}, autostart=True)
    one = station(lab, db, tmp_path)
    one.open()
    [queue] = one.queues
    assert queue.wait_for_completion(WAIT)
    one.close()
    row = db.stations.get("bench")
    assert (row.epoch, row.is_attached) == (one.epoch, False)
    recorded = db.get_queue_with_scans("main")
    assert recorded.station == "bench"
    assert [(scan.status, scan.points_done) for scan in recorded.scans] == [
        ("completed", 10),
        ("completed", 5),
    ]
    assert {found.name: found.status.status for found in db.list_equipment()} == {
        "x": "disconnected",
        "meter": "disconnected",
    }
    assert stage.instrument_id > 0

    again = station(lab, db, tmp_path)
    again.open()
    assert again.queues[0].wait_for_completion(WAIT)
    states = [handle.state for handle in again.queues[0].handles]
    assert states == ["completed"] * 4, (
        "a lab that starts by itself does so whenever it is started on purpose"
    )
    again.close()


def test_after_a_crash_nothing_is_silently_run_again(db: DatabaseService, tmp_path: Path) -> None:
    stage, meter = Stage(), Meter()
    lab = Lab("Lab", [stage, meter], {"main": lambda: [line_scan(stage, meter, 3)]}, autostart=True)
    one = station(lab, db, tmp_path)
    one.open()
    assert one.queues[0].wait_for_completion(WAIT)
    one.close("the station's process ended (exit code -9)")

    again = station(lab, db, tmp_path)
    again.open()
    assert [handle.state for handle in again.queues[0].handles] == ["completed"]
    assert again.queues[0].state == "idle"
    again.close()


def test_a_lab_that_does_not_start_by_itself_is_taken_up_as_it_is(
    db: DatabaseService, tmp_path: Path
) -> None:
    stage, meter = Stage(), Meter()
    lab = Lab("Lab", [stage, meter], {"main": lambda: [line_scan(stage, meter, 3)]})
    for _ in range(2):
        one = station(lab, db, tmp_path)
        one.open()
        assert [handle.state for handle in one.queues[0].handles] == ["queued"]
        one.close()


def test_closing_aborts_and_is_safe(db: DatabaseService, tmp_path: Path) -> None:
    door = Doorway()
    stage, meter = Stage(), Meter(doors={3: door})
    lab = Lab("Lab", [stage, meter], {"main": lambda: [line_scan(stage, meter, 10)]}, autostart=True)
    one = station(lab, db, tmp_path)
    one.open()
    door.wait_until_entered()
    queue = one.queues[0]
    queue.add_state_callback(lambda scan_id, state: None)
    queue.abort()
    door.open()
    one.close("asked to")
    assert queue.get_handle(0).state is ScanState.ABORTED
    assert stage.is_safe
    assert meter.is_safe
    assert db.scans.get(queue.get_handle(0).scan_id).status is ScanState.ABORTED
    assert db.stations.get("bench").detach_reason == "asked to"


def test_a_life_that_ended_without_a_word_leaves_its_scan_interrupted(
    db: DatabaseService, tmp_path: Path
) -> None:
    stage, meter = Stage(), Meter()
    lab = Lab("Lab", [stage, meter], {"main": lambda: [line_scan(stage, meter, 10)]})
    first = station(lab, db, tmp_path)
    first.open()
    scan_id = first.queues[0].get_handle(0).scan_id
    first.db.scans.set_status(scan_id, "running")  # and then its process was gone
    second = station(lab, db, tmp_path)
    second.open()
    assert db.scans.get(scan_id).status is ScanState.INTERRUPTED
    assert second.queues[0].get_handle(0).state is ScanState.INTERRUPTED
    assert [row.scan_id for row in second.queues[0].get_incomplete_scans()] == [scan_id]
    second.close()
    first.close()
    assert db.stations.get("bench").epoch == second.epoch


def test_a_station_beside_a_real_server_takes_its_commands(server: Any, tmp_path: Path) -> None:
    stage, meter = Stage(), Meter()
    lab = Lab("Lab", [stage, meter], {"main": lambda: [line_scan(stage, meter, 10)]})
    one = Station(lab, server.db, name="bench", data_dir=tmp_path, server_url=server.url, token=server.token)
    one.open()
    assert one._link is not None
    assert one._link.wait_connected(WAIT)
    answer = server.parts.stations.command("bench", "start", queue_id="main")
    assert answer["ok"]
    assert one.queues[0].wait_for_completion(WAIT)
    one.close()
    scan_id = one.queues[0].get_handle(0).scan_id
    assert server.db.scans.get(scan_id).points_done == 10
    assert server.parts.updates.latest_scan(scan_id).status == "completed"


def test_a_station_whose_place_is_taken_stops_measuring(server: Any, tmp_path: Path) -> None:
    """The new one runs elsewhere, in another folder: nobody could keep it from beginning."""
    door = Doorway()
    stage, meter = Stage(), Meter(doors={3: door})
    lab = Lab("Lab", [stage, meter], {"main": lambda: [line_scan(stage, meter, 10)]})
    one = Station(lab, server.db, name="bench", data_dir=tmp_path, server_url=server.url, token=server.token)
    one.open()
    assert one._link is not None
    assert one._link.wait_connected(WAIT)
    one.queues[0].start()
    door.wait_until_entered()
    other = ServerLink(lambda: (server.url, server.token), "bench")
    assert other.wait_connected(WAIT)
    until(lambda: one.queues[0].state == "stopping")
    door.open()
    assert one.queues[0].wait_for_completion(WAIT)
    assert stage.is_safe
    assert meter.taken < 10
    other.close()
    one.close()


def test_a_second_station_of_one_name_is_refused(
    db: DatabaseService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.stations.attach("bench", pid=os.getppid(), host=socket.gethostname(), epoch="e1")
    monkeypatch.setattr("pybirch.station.is_ours", lambda pid: pid == os.getppid())
    with pytest.raises(FieldError, match=f"as process {os.getppid()}"):
        station(Lab("Lab"), db, tmp_path).open()
    db.stations.detach("bench", "e1", "stopped")
    one = station(Lab("Lab"), db, tmp_path)
    one.open()
    one.close()


def test_a_station_ends_though_an_instrument_hangs(
    db: DatabaseService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What hangs is left alone, the rest is safe, and the record knows that it was no end in order."""
    monkeypatch.setattr("pybirch.station.SAFE_WITHIN", 0.4)
    door = Doorway()
    heater, meter = Stage("heater"), Meter(doors={0: door})
    one = station(Lab("Lab", [heater, meter], {"main": lambda: [line_scan(heater, meter, 3)]}), db, tmp_path)
    one.open()
    one.queues[0].start()
    door.wait_until_entered()
    assert one.close() is False
    assert heater.is_safe
    assert not db.stations.get("bench").ended_in_order
    door.open()
    assert one.queues[0].wait_for_completion(WAIT)


def log_of(db: DatabaseService, queue_id: str, level: str) -> list[str]:
    return [line.message for line in db.logs.list(queue_id, level=level)]


def test_a_bad_scan_is_named_and_left_out(
    db: DatabaseService, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stage, meter = Stage(limits=(0, 20)), Meter()
    far = Scan(ScanSettings("P", "Too far", "", "", [MovementItem(stage, [5, 25])]))
    scans = [line_scan(stage, meter, 3), far, "no scan", line_scan(stage, meter, 4)]
    one = station(Lab("Lab", [stage, meter], {"cryo": lambda: scans, "other": ()}), db, tmp_path)  # type: ignore[dict-item]
    one.open()
    assert [handle.scan.points_total for handle in one.queues[0].handles] == [3, 4]
    one.queues[0].start()
    assert one.queues[0].wait_for_completion(WAIT)
    one.close()

    told = [
        "scan 'Too far' of queue cryo is left out: "
        "scan_tree[0].positions[1]: 25 mm is outside x's limits 0 … 20 mm",
        "scans[2] of queue cryo is left out: scan: must be a Scan, not str",
    ]
    assert log_of(db, "cryo", "ERROR") == told
    assert [
        r.message for r in caplog.records if r.name == "pybirch.lab_queues" and r.levelname == "ERROR"
    ] == told


def test_a_queue_of_the_record_says_that_the_file_was_not_asked(
    db: DatabaseService, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stage, meter = Stage(), Meter()

    def scans() -> list[Scan]:
        return [line_scan(stage, meter, 3)]

    def run(queues: Any) -> None:
        lab = Lab("Lab", [stage, meter], queues)
        one = Station(lab, db, name="bench", data_dir=tmp_path, file=tmp_path / "lab.py")
        one.open()
        assert all(queue.size() == 1 for queue in one.queues)
        one.close()

    queues = {"cryo": scans, "short": lambda: scans(), "same": scans(), "edited": scans()}
    run(queues)
    assert "taken from the record" not in caplog.text
    run(queues | {"edited": [line_scan(stage, meter, 4)]})

    over = "give the queue a new name to start over"
    told = {queue: [m for m in log_of(db, queue, "INFO") if "record" in m] for queue in queues}
    assert told == {
        "cryo": [f"queue cryo is taken from the record; scans() of lab.py was not called – {over}"],
        "short": [f"queue short is taken from the record; scans() of lab.py was not called – {over}"],
        "same": [],
        "edited": [
            f"queue edited is taken from the record; its scans in lab.py differ and were not queued – {over}"
        ],
    }
    loud = [r.message for r in caplog.records if r.name == "pybirch.lab_queues" and r.levelname == "WARNING"]
    assert loud == [line for lines in told.values() for line in lines], "the terminal hears it"


def test_scans_that_cannot_be_made_do_not_keep_the_other_queues_away(
    db: DatabaseService, tmp_path: Path
) -> None:
    stage, meter = Stage(), Meter()

    def broken() -> list[Scan]:
        return [Scan(ScanSettings("P", "Halves", "", "", [MovementItem(stage, linear(0, 1, 2.5))]))]  # type: ignore[arg-type]

    lab = Lab("Lab", [stage, meter], {"broken": broken, "good": lambda: [line_scan(stage, meter, 3)]})
    one = Station(lab, db, name="bench", data_dir=tmp_path, file=Path(__file__))
    one.open()
    assert [queue.size() for queue in one.queues] == [0, 1]
    one.close()
    [told] = log_of(db, "broken", "ERROR")
    line = broken.__code__.co_firstlineno + 1
    assert told == (
        "the scans of queue broken cannot be made: "
        f"test_station.py, line {line}: num: must be a whole number from 1 on, not 2.5"
    )


def test_a_station_says_what_ended_it(db: DatabaseService, place: Path, tmp_path: Path) -> None:
    file = tmp_path / "lab.py"
    file.write_text("import math\nlab = math.sqrt(-1)\n")
    code = run_station(file, data_dir=tmp_path, database_url=f"sqlite:///{place}", name="bench")
    assert code == LAB_FILE
    said = json.loads((tmp_path / "run" / "station.json").read_text())
    assert (said["name"], said["error"]) == ("bench", "lab.py, line 2: ValueError: math domain error")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("\n\nlab = (", "lab.py, line 3: '(' was never closed: lab = ("),
        (
            "x = 1\nimport nosuchmodule\n",
            "lab.py, line 2: there is no module 'nosuchmodule' here; "
            "mend its name, or install what brings it",
        ),
        ("import helper", "helper.py, line 2: ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit(3)", "lab.py, line 2: SystemExit: 3"),
        ("", "lab.py must define `lab`, a Lab or a function that gives one"),
        ("def lab():\n    raise OSError('no line')", "lab.py, line 2: OSError: no line"),
        (
            "from pybirch import Lab, Movement\n"
            "lab = Lab('L', [Movement('x'), Movement('x')])",
            "lab.py, line 2: instruments: two instruments are called 'x'",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_labs_file_is_said_with_its_line(
    text: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "helper.py").write_text("\n1 / 0\n")
    file = tmp_path / "lab.py"
    file.write_text(text)
    with pytest.raises(LabFileError) as caught:
        read_lab(file)
    assert str(caught.value) == problem


def test_a_lab_is_refused_by_its_field(tmp_path: Path) -> None:
    with pytest.raises(FieldError, match="instruments"):
        Lab("Lab", [Stage("same"), Meter("same")])
    with pytest.raises(FieldError, match="lab_file"):
        load_lab(tmp_path / "nothing.py")
    file = tmp_path / "my_lab.py"
    file.write_text("lab = 3\n")
    with pytest.raises(FieldError, match=r"my_lab\.py"):
        load_lab(file)
    file.write_text("from pybirch.queue.lab import Lab\ndef lab():\n    return Lab('mine')\n")
    assert load_lab(file).name == "mine"


def test_a_station_whose_token_is_refused_says_so_once(
    server: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, wait_for: WaitFor
) -> None:
    one = Station(Lab("Lab"), server.db, name="bench", data_dir=tmp_path, server_url=server.url, token="old")
    one.open()
    link = one._link
    assert link is not None
    wait_for(lambda: "refused its token" in caplog.text)
    attempts = [record for record in caplog.records if "refused its token" in record.message]
    assert link._connect() is None, "it is tried again, quietly"
    one.close()
    assert [record.levelname for record in attempts] == ["WARNING"]
    assert caplog.text.count("refused its token") == 1
    assert server.url in attempts[0].message


def test_findings_before_the_start_come_from_the_station_and_timings_are_kept(
    server: Any, tmp_path: Path
) -> None:
    stage, meter = Stage("stage"), Meter("meter")

    def scans() -> list[Scan]:
        return [line_scan(stage, meter, 6), line_scan(stage, meter, 6)]

    lab = Lab("Lab", [stage, meter], {"main": scans})
    one = Station(lab, server.db, name="bench", data_dir=tmp_path, server_url=server.url, token=server.token)
    one.open()
    assert one._link is not None
    assert one._link.wait_connected(WAIT)
    first, second = [handle.scan_id for handle in one.queues[0].handles]

    def findings(scan_id: str) -> list[dict[str, str]]:
        answer = requests.get(
            f"{server.url}/api/scan/{scan_id}/preflight",
            headers={"Authorization": f"Bearer {server.token}"},
            timeout=10,
        )
        assert answer.status_code == 200
        return answer.json()["findings"]

    [told] = findings(first)
    assert (told["level"], told["field"]) == ("info", "estimate")
    assert "never ran" in told["message"]
    one.queues[0].start([0])
    assert one.queues[0].wait_for_completion(WAIT)
    [told] = findings(second)
    assert told["message"].startswith("6 points, about 0 s")
    assert stage.life.count("connect") == 1, "asking connects nothing"
    one.close()

    again = Stage("stage")
    other = Station(Lab("Lab", [again], {"other": []}), server.db, name="bench", data_dir=tmp_path)
    other.open()
    assert again.timing.seconds_to_move(1, 0.0) is not None, "what was learned is in the record"
    other.close()
