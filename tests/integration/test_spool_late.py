"""What waited in a spool and the record has since gone on without; what is away, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sqlalchemy.exc import IntegrityError, InterfaceError, InternalError, OperationalError, ProgrammingError

from database.errors import DatabaseUnavailableError
from database.services import DatabaseService
from pybirch.database_integration.carrier import is_away
from pybirch.database_integration.spool import Folder
from pybirch.database_integration.spooling import SpoolingStore
from pybirch.database_integration.store import DatabaseStore
from pybirch.errors import FieldError, ServerUnavailableError
from pybirch.events import QueueLog, Readings, ScanStatus
from pybirch.queue.samples import Sample
from pybirch.states import ScanState
from pybirch.wire import to_wire
from tests.lab import Meter, Stage, line_scan

WAIT = 30.0


class Away(DatabaseStore):
    """A database that takes nothing until it is told otherwise."""

    away = True

    def _check(self) -> None:
        if self.away:
            raise DatabaseUnavailableError("away")

    def open_scan(self, scan: Any, queue_id: str | None) -> None:
        self._check()
        super().open_scan(scan, queue_id)

    def save_status(self, status: ScanStatus) -> None:
        self._check()
        super().save_status(status)

    def deliver(self, entries: Any) -> None:
        self._check()
        super().deliver(entries)


@pytest.fixture
def store(db: DatabaseService) -> Iterator[tuple[SpoolingStore, Away]]:
    real = Away(db, "bench:e1")
    spooling = SpoolingStore(real)
    yield spooling, real
    spooling.close(0.0)


def block(scan_id: str, count: int) -> Readings:
    index = np.arange(count)
    return Readings(
        scan_id=scan_id,
        measurement="m",
        first_index=0,
        steps=index,
        times=index * 1.0,
        positions={},
        values={"v (V)": index * 2.0},
    )


@pytest.mark.parametrize("in_a_queue", [True, False])
def test_what_was_measured_is_taken_though_its_project_and_sample_were_archived(
    db: DatabaseService, store: Any, storage: Path, in_a_queue: bool
) -> None:
    spooling, real = store
    db.projects.create(name="project")
    db.samples.create(sample_id="W1", material="Si")
    db.queues.attach("Q")
    scan = line_scan(Stage(), Meter(), 3, sample=Sample("W1", "GaAs"))

    def status(state: ScanState) -> ScanStatus:
        return ScanStatus(scan_id=scan.scan_id, status=state)

    spooling.open_scan(scan, "Q" if in_a_queue else None)
    db.projects.archive("project")
    db.samples.archive("W1")
    spooling.save_status(status(ScanState.RUNNING))
    spooling.save_readings([block(scan.scan_id, 3)], status(ScanState.RUNNING))
    spooling.save_status(status(ScanState.COMPLETED))
    real.away = False
    assert spooling.drain(WAIT)
    row = db.scans.get(scan.scan_id)
    assert (row.status, row.points_done, row.project_name) == ("completed", 3, "project")
    assert (row.project_id, row.sample.sample_id, row.sample.material) == (1, "W1", "Si")
    [noted] = db.audit.list(action="record_late")
    assert (noted.actor, noted.thing) == ("bench:e1", f"scan:{scan.scan_id}")
    assert "recorded although sample 'W1' is archived" in noted.detail["why"]
    lines = [line.message for line in db.logs.list("Q")]
    assert [f"was {noted.detail['why']}" in line for line in lines] == ([True] if in_a_queue else [])
    assert not list((storage / "spool").iterdir())


def test_lines_without_an_origin_of_their_own_are_told_apart_by_their_spools(
    db: DatabaseService, store: Any
) -> None:
    spooling, real = store
    real.away = False
    db.queues.attach("Q")
    line = {"kind": "queue_log", "payload": to_wire(QueueLog(queue_id="Q", level="INFO", message="again"))}
    for _ in range(2):
        assert spooling._carrier.put([line], "does not answer")
        assert spooling.drain(WAIT)
    assert [row.message for row in db.logs.list("Q")] == ["again", "again"]


def failed(kind: type[Any], sqlstate: str | None = None) -> Any:
    words = SimpleNamespace(sqlstate=sqlstate, args=("words",))
    return kind("SELECT 1", {}, words)


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (DatabaseUnavailableError("x"), True),
        (ServerUnavailableError("x"), True),
        (failed(OperationalError), True),
        (failed(InterfaceError), True),
        (failed(ProgrammingError, "42P01"), True),  # no such table: a restore is under way
        (failed(ProgrammingError, "42501"), True),  # not permitted: it is being set up
        (failed(InternalError, "25006"), True),  # only to be read: another one has taken over
        (failed(ProgrammingError, "42601"), False),  # a statement that is wrong stays wrong
        (failed(ProgrammingError), False),
        (failed(IntegrityError, "23505"), False),
        (FieldError("x", "y"), False),
        (KeyError("x"), False),
    ],
)
def test_away_is_what_takes_nothing_not_what_does_not_take_this(error: Exception, away: bool) -> None:
    assert is_away(error) is away


def test_a_wrong_statement_is_kept_apart_and_holds_up_nothing(
    db: DatabaseService, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.queues.attach("Q")
    spooling = SpoolingStore(DatabaseStore(db, "w"))
    add: Callable[..., Any] = db.logs.add

    def wrong(queue_id: str, level: str, message: str, *rest: Any, **more: Any) -> Any:
        if message == "first":
            raise failed(ProgrammingError, "42601")
        return add(queue_id, level, message, *rest, **more)

    monkeypatch.setattr(db.logs, "add", wrong)
    lines = [QueueLog(queue_id="Q", level="INFO", message=text) for text in ("first", "second")]
    items = [{"kind": "queue_log", "payload": to_wire(line) | {"origin": line.message}} for line in lines]
    assert spooling._carrier.put(items, "does not answer")
    assert spooling.drain(WAIT)
    spooling.close()
    assert [row.message for row in db.logs.list("Q")] == ["second"]
    assert [file.suffix for file in (storage / "spool").iterdir()] == [".refused"]


def test_spools_under_a_former_name_are_found_and_others_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, db: DatabaseService
) -> None:
    place = tmp_path / "spool"
    for name in ("http://old station", "identity station", "another"):
        spool = Folder(place, name, about={"url": name}).new()
        spool.add("w", [("queue_log", b"{}", {})])
        spool.close()
    folder = Folder(place, "identity station", ["http://old station"])
    found = folder.left_over()
    assert [spool.about for spool in found] == [
        {"url": name, "place": name} for name in ("http://old station", "identity station")
    ]
    assert len(folder.others()) == 1
    for spool in found:
        spool.close()
    for _ in range(2):
        SpoolingStore(DatabaseStore(db, "w"), place).close(0.0)
    assert caplog.text.count("under another address: 3; ") == 1
    assert "`pybirch spool list`" in caplog.text
