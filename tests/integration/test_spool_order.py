"""Whatever fails, and whoever restarts: the store gets every reading and line once, in order."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from database.errors import DatabaseUnavailableError
from pybirch.database_integration import carrier
from pybirch.database_integration.spool import Entry
from pybirch.database_integration.spooling import SpoolingStore
from pybirch.errors import FieldError
from pybirch.events import QueueLog, Readings, ScanStatus
from pybirch.states import ScanState

WELL, AWAY, LOST = "well", "away", "committed, and nobody hears of it"
outcomes = st.lists(st.sampled_from([WELL, WELL, AWAY, LOST]), max_size=30)
acts = st.lists(st.sampled_from(["S", "T", "line", "restart", "settle"]), max_size=40)


class Record:
    """What is stored, by the identities that the real one knows."""

    def __init__(self) -> None:
        self.readings: dict[str, list[int]] = {"S": [], "T": []}
        self.lines: dict[str, str] = {}

    def block(self, scan_id: str, first: int, count: int) -> None:
        known = self.readings[scan_id]
        if first > len(known):
            raise FieldError("first_index", f"{first} leaves a gap after {len(known)}")
        known += range(len(known), first + count)


class Fickle:
    """A store that does as it is told by a list of outcomes; then it is well."""

    called, writer, place, given = "the record", "w", "fickle", {}

    def __init__(self, record: Record, fates: Iterator[str]) -> None:
        self.record, self._fates = record, fates

    def save_readings(self, readings: Sequence[Readings], status: ScanStatus) -> None:
        self._do([lambda r=r: self.record.block(r.scan_id, r.first_index, r.count) for r in readings])

    def save_log(self, line: QueueLog, origin: str | None = None) -> None:
        self._do([lambda: self.record.lines.setdefault(str(origin), line.message)])

    def deliver(self, entries: Sequence[Entry]) -> None:
        self._do([lambda e=e: self._deliver(e) for e in entries])

    def _deliver(self, entry: Entry) -> None:
        payload = orjson.loads(entry.body)
        if entry.kind == "queue_log":
            self.record.lines.setdefault(payload["origin"], payload["message"])
        elif entry.kind == "data_block":
            self.record.block(str(entry.scan_id), entry.first or 0, entry.count)

    def _do(self, writes: Sequence[Any]) -> None:
        fate = next(self._fates, WELL)
        if fate != AWAY:
            for write in writes:
                write()
        if fate != WELL:
            raise DatabaseUnavailableError(fate)


def block(scan_id: str, first: int, count: int) -> Readings:
    index = np.arange(first, first + count)
    return Readings(
        scan_id=scan_id,
        measurement="m",
        first_index=first,
        steps=index,
        times=index * 1.0,
        positions={},
        values={"v (V)": index * 2.0},
    )


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrier, "FIRST_RETRY", 0.0005)
    monkeypatch.setattr(carrier, "SLOWEST_RETRY", 0.001)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=acts, fates=outcomes)
def test_every_reading_and_line_once_and_in_order(acts: list[str], fates: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        record, fate = Record(), iter(fates)
        taken, lines = {"S": 0, "T": 0}, itertools.count()
        store = SpoolingStore(Fickle(record, fate), Path(folder))  # type: ignore[arg-type]
        written: list[str] = []
        for act in acts:
            match act:
                case "line":
                    written.append(f"line {next(lines)}")
                    store.save_log(QueueLog(queue_id="Q", level="INFO", message=written[-1]))
                case "restart":
                    store.close(0.0)
                    if store._carrier.thread:
                        store._carrier.thread.join(5)
                    store = SpoolingStore(Fickle(record, fate), Path(folder))  # type: ignore[arg-type]
                case "settle":
                    store.settle()
                    assert {name: len(found) for name, found in record.readings.items()} == taken
                case scan_id:
                    status = ScanStatus(scan_id=scan_id, status=ScanState.RUNNING)
                    store.save_readings([block(scan_id, taken[scan_id], 3)], status)
                    taken[scan_id] += 3
        store.settle()
        store.close(5.0)
        assert record.readings == {name: list(range(count)) for name, count in taken.items()}
        assert list(record.lines.values()) == written
        assert list(Path(folder).iterdir()) == [], "nothing was refused, and nothing is left"


class Teller:
    """As much of a scan as something can be said of."""

    bus, state = None, ScanState.RUNNING

    def __init__(self) -> None:
        self.message: str | None = None

    def say(self, message: str | None, by: str) -> None:
        self.message = message


def test_a_scan_says_that_its_readings_wait_although_something_else_had_to_wait_just_before() -> None:
    scan: Any = Teller()
    away: Any = Fickle(Record(), itertools.repeat(AWAY))
    with tempfile.TemporaryDirectory() as folder:
        store = SpoolingStore(away, Path(folder))
        store.watch("S", scan)
        store.save_log(QueueLog(queue_id="Q", level="INFO", message="a line"), "1")
        assert scan.message is None
        store.save_readings([block("S", 0, 3)], ScanStatus(scan_id="S", status=ScanState.RUNNING))
        assert scan.message == "the record does not answer; 3 readings are kept here and will be sent"
        store.close(0.0)
