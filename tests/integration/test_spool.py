"""What is measured while the record is away or slow is kept here and sent: every reading, once, in order."""

from __future__ import annotations

import gc
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from database.errors import DatabaseUnavailableError
from database.services import DatabaseService
from pybirch.database_integration import DatabaseQueue, setup_websocket_integration
from pybirch.database_integration.spool import Folder, Spool
from pybirch.database_integration.spooling import SpoolingStore
from pybirch.database_integration.store import DatabaseStore
from pybirch.errors import StaleWriterError
from pybirch.events import QueueLog, ScanStatus
from pybirch.frames import join_frames
from pybirch.queue.queue import ExecutionMode, Queue, ScanState
from pybirch.wire import to_wire
from tests.conftest import need, until
from tests.lab import Doorway, Ear, Meter, Stage, line_scan

WAIT = 60.0
LOCKED = float(os.environ.get("PYBIRCH_TEST_LOCKED", "1"))
"""Seconds a database is locked here, and a server away; 30 and 70 take the same path."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is slower than this is spooled; twenty times the slowest commit seen here."""
    monkeypatch.setenv("SPOOL_AFTER_SECONDS", "0.3")
    monkeypatch.setattr("pybirch.database_integration.database_queue.TO_SEND", 0.0)
    monkeypatch.setattr("tests.lab.PATIENCE", max(30.0, 2 * LOCKED))


@contextmanager
def locked(place: Path) -> Iterator[None]:
    """Somebody else holds the database's write lock."""
    with closing(sqlite3.connect(place, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def assert_whole(db: DatabaseService, scan: Any, count: int, measurement: str = "meter") -> None:
    """The record has each reading of the scan once, in order, as it was measured."""
    stored = join_frames([db.readings.read(scan.scan_id, measurement)])
    assert list(stored.index) == list(range(count))
    assert stored.equals(scan.data[measurement])
    assert db.scans.get(scan.scan_id).points_done == count == scan.points_done


def drained(queue: DatabaseQueue) -> None:
    assert queue._store.drain(WAIT), "the spool is empty"
    assert list(queue._store._carrier.folder.path.glob("*")) == [], "and its file is gone"


def test_a_database_that_is_locked_does_not_keep_a_scan_waiting(
    db: DatabaseService, place: Path, storage: Path
) -> None:
    doors = {100: Doorway(), 900: Doorway()}
    scan = line_scan(Stage(), Meter(doors=doors), 1000)
    queue = DatabaseQueue(db, "Q", scans=[scan])
    ear = Ear(queue.bus)
    queue.start()
    doors[100].wait_until_entered()
    scan.flush()
    assert queue._store.drain(WAIT)
    begun = time.monotonic()
    with locked(place):
        doors[100].open()
        doors[900].wait_until_entered()
        scan.flush()
        assert ear.indexes() == list(range(900)) or queue.bus.flush(5)
        assert ear.indexes() == list(range(900)), "they are durable, so they are seen"
        assert db.readings.last_indexes(scan.scan_id) == {"meter": 99}
        assert list(scan.data["meter"].index) == list(range(900)), "what waits is part of the record"
        said = until(lambda: scan.message)
        assert re.fullmatch(
            r"the database does not answer; \d+ readings are kept here and will be sent", said
        ), said
        doors[900].open()
        assert queue.wait_for_completion(WAIT)
        assert scan.state is ScanState.COMPLETED
        left = begun + LOCKED - time.monotonic()
        assert not queue._store.drain(max(0.0, left)), "it is still locked"
    drained(queue)
    assert_whole(db, scan, 1000)
    row = db.scans.get(scan.scan_id)
    assert (row.status, row.progress, row.message) == ("completed", 1.0, None)
    until(lambda: scan.message is None)
    lines = [line.message for line in db.get_queue_with_scans("Q").logs]
    assert lines == [line.message for line in queue.get_logs()]
    assert db.queues.get("Q").status == "idle"


def test_abort_and_stop_do_not_wait_for_a_locked_database(db: DatabaseService, place: Path) -> None:
    doors = [{5: Doorway()} for _ in range(3)]
    stages = [Stage(f"x{n}") for n in range(3)]
    scans = [line_scan(s, Meter(f"m{n}", doors=doors[n]), 10**6) for n, s in enumerate(stages)]
    queue = DatabaseQueue(db, "Q", scans=scans)
    queue.start(mode=ExecutionMode.PARALLEL)
    for door in doors:
        door[5].wait_until_entered()
    with locked(place):
        for door in doors:
            door[5].open()
        begun = time.monotonic()
        queue.abort()
        assert queue.wait_for_completion(WAIT)
        assert time.monotonic() - begun < 5.0, "the database's own patience is 15 s"
        assert all(stage.is_safe for stage in stages)
    drained(queue)
    for n, scan in enumerate(scans):
        assert db.scans.get(scan.scan_id).status is ScanState.ABORTED
        assert_whole(db, scan, scan.points_done, f"m{n}")
    assert [line.action for line in db.audit.list()] == ["start", "abort"]


def test_scans_that_are_added_and_run_meanwhile_are_in_the_record_afterwards(
    db: DatabaseService, place: Path
) -> None:
    queue = DatabaseQueue(db, "Q", scans=[line_scan(Stage("a"), Meter("m0"), 5)], operator="me")
    with locked(place):
        scans = [line_scan(Stage("b"), Meter("m1"), 20), line_scan(Stage("c"), Meter("m2"), 20)]
        for scan in scans:
            queue.enqueue(scan)
        dropped = queue.enqueue(line_scan(Stage("d"), Meter("m3"), 20))
        queue.move_scan(2, 0)
        queue.dequeue(dropped)
        queue.start()
        assert queue.wait_for_completion(WAIT)
    drained(queue)
    rows = db.get_queue_with_scans("Q").scans
    assert [row.scan_id for row in rows] == [handle.scan_id for handle in queue.handles]
    assert [(row.status, row.owner) for row in rows] == [("completed", "me")] * 3
    assert [row.points_done for row in rows] == [20, 5, 20]
    assert db.scans.get(dropped).archived_at is not None


class Cluster:
    """A PostgreSQL of one's own, that can be stopped and started."""

    def __init__(self, folder: Path) -> None:
        tools = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        found = tools[-1] if tools else shutil.which("initdb")
        need(found, "no initdb found", "apt install postgresql")
        need(os.getuid() == 0 and shutil.which("runuser"), "only root may run it as user postgres")
        self._tools = Path(str(found)).parent
        self._data = folder
        shutil.chown(self._data, "postgres", "postgres")
        self._run("initdb", "-D", str(self._data), "-A", "trust", "-U", "postgres", "-N")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.start()

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = f"-p {self.port} -h 127.0.0.1 -k {self._data}"
        self._run(
            "pg_ctl", "-D", str(self._data), "-w", "-l", str(self._data / "log"), "-o", options, "start"
        )

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self._data), "-w", "-m", "immediate", "stop")

    def _run(self, tool: str, *args: str) -> None:
        told = ["runuser", "-u", "postgres", "--", str(self._tools / tool), *args]
        done = subprocess.run(told, capture_output=True, text=True, cwd="/", timeout=60)
        assert done.returncode == 0, done.stderr


@pytest.mark.postgres
@pytest.mark.filterwarnings("ignore:.*psycopg.Connection")  # those that were open when it was stopped
def test_a_postgresql_that_is_stopped_and_started_again() -> None:
    folder = tempfile.TemporaryDirectory(prefix="pybirch-postgres-")
    cluster = Cluster(Path(folder.name))
    try:
        with DatabaseService(cluster.url) as db:
            doors = {100: Doorway(), 500: Doorway(), 900: Doorway()}
            scan = line_scan(Stage(), Meter(doors=doors), 1000)
            queue = DatabaseQueue(db, "Q", scans=[scan])
            queue.start()
            doors[100].wait_until_entered()
            cluster.stop()
            doors[100].open()
            doors[500].wait_until_entered()
            scan.flush()
            until(lambda: queue._store.is_spooling)
            queue.pause()
            doors[500].open()
            assert scan.wait_for(lambda s: s.state is ScanState.PAUSED, WAIT), "it can still be commanded"
            queue.resume()
            doors[900].wait_until_entered()
            doors[900].open()
            assert queue.wait_for_completion(WAIT)
            cluster.start()
            drained(queue)
            assert scan.state is ScanState.COMPLETED, scan.error
            assert_whole(db, scan, 1000)
            assert db.scans.get(scan.scan_id).status is ScanState.COMPLETED
    finally:
        cluster.stop()
        folder.cleanup()
        gc.collect()


def attach(queue: Queue, server: Any) -> Any:
    return setup_websocket_integration(queue, server_url=server.url, token=server.token)


def test_a_server_that_is_away_and_restarts_twice(server: Any, tmp_path: Path) -> None:
    doors = {n: Doorway() for n in (50, 100, 150)}
    scan = line_scan(Stage(), Meter(doors=doors), 200)
    queue = Queue("script", [scan])
    bridge = attach(queue, server)
    store = bridge._recorder.store
    queue.start()
    doors[50].wait_until_entered()
    begun = time.monotonic()
    server.stop()
    doors[50].open()
    doors[100].wait_until_entered()
    assert until(lambda: scan.message, 20) in (
        f"the server does not answer; {n} readings are kept here and will be sent" for n in range(101)
    )
    server.start()
    server.stop()
    doors[100].open()
    doors[150].wait_until_entered()
    scan.flush()
    assert not store.drain(max(0.1, begun + LOCKED - time.monotonic()))
    server.start()
    doors[150].open()
    assert queue.wait_for_completion(WAIT)
    assert store.drain(WAIT)
    bridge.unregister()
    assert scan.state is ScanState.COMPLETED
    assert_whole(server.db, scan, 200)
    assert server.db.scans.get(scan.scan_id).status is ScanState.COMPLETED
    lines = [line.message for line in server.db.get_queue_with_scans("script").logs]
    assert lines == [line.message for line in queue.get_logs()][1:], "all since the queue was attached"


def test_a_server_that_dies_between_commit_and_answer(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it had committed comes again, and is there once: readings, states and lines."""
    from database.web.ingest import Ingest

    take, answers = Ingest.take, [True]

    def dying(self: Any, parts: Any, frame: Any) -> Any:
        told = take(self, parts, frame)
        if not answers[0] and frame.store:
            raise RuntimeError("killed after the commit")
        return told

    monkeypatch.setattr(Ingest, "take", dying)
    doors = {50: Doorway(), 150: Doorway()}
    scan = line_scan(Stage(), Meter(doors=doors), 200)
    queue = Queue("script", [scan])
    bridge = attach(queue, server)
    queue.start()
    doors[50].wait_until_entered()
    answers[0] = False
    doors[50].open()
    doors[150].wait_until_entered()
    queue._notes.write("INFO", "a line of its own")
    until(lambda: bridge._recorder.store.is_spooling)
    server.stop()
    answers[0] = True
    server.start()
    doors[150].open()
    assert queue.wait_for_completion(WAIT)
    assert bridge._recorder.store.drain(WAIT)
    bridge.unregister()
    assert_whole(server.db, scan, 200)
    lines = [line.message for line in server.db.get_queue_with_scans("script").logs]
    assert lines == [line.message for line in queue.get_logs()][1:], "all since the queue was attached"


@pytest.mark.parametrize("moved", [False, True], ids=["at its address", "at another port"])
def test_what_a_script_left_behind_is_sent_by_its_next_life(
    server: Any, storage: Path, monkeypatch: pytest.MonkeyPatch, moved: bool
) -> None:
    """The server sees another epoch, and marks the scan interrupted; its own end is what counts."""
    monkeypatch.setattr("pybirch.database_integration.sync.websocket_integration.TO_SEND", 0.0)
    door = Doorway()
    scan = line_scan(Stage(), Meter(doors={50: door}), 200)
    queue = Queue("script", [scan])
    bridge = attach(queue, server)
    queue.start()
    door.wait_until_entered()
    scan.flush()
    assert bridge._recorder.store.drain(WAIT)
    server.stop()
    door.open()
    assert queue.wait_for_completion(WAIT)
    bridge.unregister()
    until(lambda: bridge._recorder.store._carrier.thread is None, 20, "the first life is over")
    bridge._recorder.close(0.0)
    assert list((storage / "spool").glob("*.db"))
    if moved:
        server.move()
    server.start()
    assert server.db.scans.get(scan.scan_id).status is ScanState.RUNNING
    again = Queue("script")
    bridge = attach(again, server)
    assert bridge._recorder.store.drain(WAIT)
    bridge.unregister()
    assert_whole(server.db, scan, 200)
    assert server.db.scans.get(scan.scan_id).status is ScanState.COMPLETED
    assert list((storage / "spool").glob("*")) == []


PROGRAM = """
import sys, time
from pathlib import Path
import numpy as np
from database.services import DatabaseService
from pybirch.database_integration import DatabaseQueue, spool
from pybirch.scan.scan import Scan, ScanSettings
from tests.lab import Meter, Stage, line

place, most, dies = sys.argv[1], int(sys.argv[2]), sys.argv[3]
if dies == "before it knows":
    import os
    spool.Spool.done = lambda self, entries: os._exit(9)
db = DatabaseService(Path(place), migrate=False)
meter = Meter()
answer = meter.answer
def slow(n):
    if n == most:
        scan_ready()
        time.sleep(60)
    return answer(n)
def scan_ready():
    import threading
    threading.Thread(target=lambda: (time.sleep(0.3), print(most, flush=True))).start()
meter.answer = slow
queue = DatabaseQueue(db, "Q")
if queue.is_empty():
    scan = Scan(ScanSettings("P", "map", "map", "test", line(Stage(), meter, 100)))
    queue.enqueue(scan)
print("ready", flush=True)
sys.stdin.readline()
queue.start()
queue.wait_for_completion()
"""


class Program:
    """A script that measures into a database, as a process of its own."""

    def __init__(self, place: Path, storage: Path, most: int, dies: str = "") -> None:
        here = Path(__file__).parents[2]
        environment = os.environ | {"PYTHONPATH": str(here), "DATA_STORAGE_PATH": str(storage)}
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(place), str(most), dies],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        assert self.said() == "ready"

    def said(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def go(self) -> None:
        assert self.process.stdin is not None
        print("go", file=self.process.stdin, flush=True)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def take_up(db: DatabaseService) -> tuple[DatabaseQueue, Any]:
    queue = DatabaseQueue.from_database(db, "Q", [Stage(), Meter(answer=lambda n: np.array([[n + 40.0]]))])
    return queue, queue.get_handle(0).scan


def test_a_program_that_was_killed_with_a_full_spool(db: DatabaseService, place: Path, storage: Path) -> None:
    program = Program(place, storage, 40)
    try:
        with locked(place):
            program.go()
            assert program.said() == "40"
            program.kill()
        [kept] = (storage / "spool").glob("*.db")
        assert kept.stat().st_size
        assert db.get_queue_with_scans("Q").scans[0].points_done == 0
    finally:
        program.kill()
    queue, scan = take_up(db)
    assert not list((storage / "spool").glob("*.db")), "it was sent before anything else"
    row = db.scans.get(scan.scan_id)
    assert (row.status, row.points_done) == ("interrupted", 40)
    assert scan.state is ScanState.INTERRUPTED
    queue.resume(scan.scan_id)
    assert queue.wait_for_completion(WAIT)
    again = queue.get_handle_by_id(scan.scan_id).scan
    assert again.state is ScanState.COMPLETED
    assert_whole(db, again, 100)
    assert list(again.data["meter"]["voltage (V)"]) == [float(n) for n in range(100)]


def test_a_carrier_that_is_killed_between_commit_and_acknowledgement(
    db: DatabaseService, place: Path, storage: Path
) -> None:
    """Each next program dies after one delivery it never heard of; in the end all is there, once."""
    program = Program(place, storage, 40)
    try:
        with locked(place):
            program.go()
            assert program.said() == "40"
            program.kill()
    finally:
        program.kill()
    here = {"PYTHONPATH": str(Path(__file__).parents[2]), "DATA_STORAGE_PATH": str(storage)}
    for _ in range(3):
        dying = [sys.executable, "-c", PROGRAM, str(place), "40", "before it knows"]
        assert subprocess.run(dying, env=os.environ | here, capture_output=True).returncode == 9
    _, scan = take_up(db)
    assert (scan.state, scan.points_done) == (ScanState.INTERRUPTED, 40)
    assert list(db.readings.read(scan.scan_id, "meter").steps) == list(range(40))
    lines = [line.message for line in db.get_queue_with_scans("Q").logs]
    assert len(lines) == len(set(lines))


def status(state: ScanState) -> ScanStatus:
    return ScanStatus(scan_id="S", status=state)


class Lying(DatabaseStore):
    """A database that is away until it is told otherwise."""

    away = False

    def _check(self) -> None:
        if self.away:
            raise DatabaseUnavailableError("away")

    def save_readings(self, readings: Any, status: Any) -> None:
        self._check()
        super().save_readings(readings, status)

    def deliver(self, entries: Any) -> None:
        self._check()
        super().deliver(entries)


@pytest.fixture
def begun(db: DatabaseService, make_block: Callable[..., Any]) -> Any:
    """A store that spools the readings 10 … 29 of a running scan S, and its end."""
    store = Lying(db, "bench:e1")
    spooling = SpoolingStore(store)
    db.queues.attach("Q")
    db.scans.create(scan_id="S", scan_name="s", writer="bench:e1", queue_id="Q")
    spooling.save_status(status(ScanState.RUNNING))
    spooling.save_readings([make_block(0, 10)], status(ScanState.RUNNING))
    store.away = True
    spooling.save_readings([make_block(10, 10)], status(ScanState.RUNNING))
    spooling.save_readings([make_block(20, 10)], status(ScanState.RUNNING))
    yield spooling, store
    spooling.close(0.0)


@pytest.fixture
def make_block() -> Callable[[int, int], Any]:
    from pybirch.events import Readings

    def make(first: int, count: int) -> Any:
        index = np.arange(first, first + count)
        return Readings(
            scan_id="S",
            measurement="m",
            first_index=first,
            steps=index,
            times=index * 1.0,
            positions={},
            values={"v (V)": index * 2.0},
        )

    return make


def test_marked_interrupted_meanwhile_its_end_is_still_its_end(db: DatabaseService, begun: Any) -> None:
    spooling, store = begun
    spooling.save_status(status(ScanState.COMPLETED))
    db.scans.mark_interrupted(["S"], "its station was not heard")
    store.away = False
    assert spooling.drain(WAIT)
    row = db.scans.get("S")
    assert (row.status, row.points_done, row.error) == ("completed", 30, None)


def test_marked_interrupted_meanwhile_it_is_not_shown_as_running(db: DatabaseService, begun: Any) -> None:
    spooling, store = begun
    spooling.save_status(status(ScanState.PAUSED))
    db.scans.mark_interrupted(["S"], "its station was not heard")
    store.away = False
    assert spooling.drain(WAIT)
    assert (db.scans.get("S").status, db.scans.get("S").points_done) == ("interrupted", 30)


def test_taken_over_meanwhile_what_comes_late_is_kept_apart_and_said(
    db: DatabaseService, begun: Any, storage: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spooling, store = begun
    db.scans.mark_interrupted(["S"], "its station was not heard")
    db.scans.claim("S", "other:e9")
    store.away = False
    assert spooling.drain(WAIT)
    assert db.scans.get("S").points_done == 10, "the other one's scan is as it was"
    [apart] = (storage / "spool").glob("*.refused")
    with closing(sqlite3.connect(apart)) as file:
        kept = file.execute("SELECT first, count, refused FROM items WHERE kind = 'data_block'").fetchall()
    assert [(first, count) for first, count, _ in kept] == [(10, 10), (20, 10)]
    assert all("written by other:e9" in why for _, _, why in kept)
    assert "are kept apart" in caplog.text
    with pytest.raises(StaleWriterError):
        spooling.save_status(status(ScanState.COMPLETED))


def test_a_line_is_written_once_though_it_is_sent_twice(db: DatabaseService) -> None:
    class Late(DatabaseStore):
        """Its commit succeeds, and nobody hears of it."""

        def save_log(self, line: QueueLog, origin: str | None = None) -> None:
            super().save_log(line, origin)
            raise DatabaseUnavailableError("the connection was lost")

    db.queues.attach("Q")
    spooling = SpoolingStore(Late(db, "bench:e1"))
    for _ in range(2):
        spooling.save_log(QueueLog(queue_id="Q", level="INFO", message="twice the same words"))
    assert spooling.drain(WAIT)
    assert [line.message for line in db.logs.list("Q")] == ["twice the same words"] * 2
    spooling.close()


def test_a_spool_that_nobody_could_write_to_the_end_is_read(storage: Path, make_block: Any) -> None:
    """A tick is there whole or not at all."""
    from filelock import FileLock

    storage.mkdir()
    spool = Spool(storage / "s.db", FileLock(storage / "s.lock"))
    spool.add("w", [("data_block", b"{}", {"scan_id": "S", "count": 3}), ("queue_log", b"{}", {})])
    with pytest.raises(sqlite3.Error):
        spool.add("w", [("data_block", b"{}", {"scan_id": "S", "count": 3}), ("k", b"", {"scan_id": {}})])
    assert (spool.waiting, spool.readings) == (2, 3)
    spool.close()


def test_what_no_store_can_take_keeps_nothing_back(tmp_path: Path) -> None:
    with DatabaseService(tmp_path / "lab.db") as db:
        db.queues.create(queue_id="Q")
        spools = SpoolingStore(DatabaseStore(db, "w"), tmp_path / "spool")
        wrong = {"actor": "me", "action": "start", "thing": "queue:Q", "address": "here", "detail": {}}
        assert spools._carrier.put([{"kind": "acted", "payload": wrong}], "does not answer")
        spools.save_log(QueueLog(queue_id="Q", level="INFO", message="after it", scan_id=None))
        assert spools.drain(WAIT)
        spools.close()
        assert [line.message for line in db.get_queue_with_scans("Q").logs] == ["after it"]
        assert len(list((tmp_path / "spool").glob("*.refused"))) == 1


def test_a_file_that_cannot_be_taken_away_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "somebody has it open", str(self))

    with DatabaseService(tmp_path / "lab.db") as db:
        db.queues.create(queue_id="Q")
        spools = SpoolingStore(DatabaseStore(db, "w"), tmp_path / "spool")
        for number in range(2):
            line = QueueLog(queue_id="Q", level="INFO", message=str(number), scan_id=None)
            with monkeypatch.context() as held:
                held.setattr(Path, "unlink", refuse)
                body = [{"kind": "queue_log", "payload": to_wire(line) | {"origin": f"n{number}"}}]
                assert spools._carrier.put(body, "does not answer")
                assert spools.drain(WAIT)
        spools.close()
        assert [line.message for line in db.get_queue_with_scans("Q").logs] == ["0", "1"]


def test_a_file_that_goes_while_it_is_looked_for_is_no_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Folder(tmp_path, "a place")
    gone = folder.new()
    gone.remove()
    monkeypatch.setattr(Path, "glob", lambda *_: iter([gone.path]))
    assert folder.left_over() == []
    assert list(os.scandir(tmp_path)) == []
