"""What a scan says while its readings wait: taken back, whoever was first; kept while it is held."""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from database.services import DatabaseService
from pybirch.database_integration import spooling as module
from pybirch.database_integration.spooling import SpoolingStore, readings_held
from pybirch.database_integration.store import DatabaseStore
from pybirch.database_integration.telling import Telling
from pybirch.states import ScanState, Wish

WAIT = 10.0


class Teller:
    """As much of a scan as something can be said of."""

    bus: Any = None

    def __init__(self) -> None:
        self.message: str | None = None
        self.state, self.requested = ScanState.PAUSED, None
        self.on_wait: Callable[[], None] = lambda: None

    def say(self, message: str | None, by: str) -> None:
        self.message = message

    def wait_for(self, reached: Any, timeout: float) -> bool:
        self.on_wait()
        return False


def test_what_one_is_about_to_say_another_takes_back() -> None:
    """All was sent between the count and the sentence: it must not stay for ever."""
    counts, counting, go_on = iter([3]), threading.Event(), threading.Event()

    def waiting(scan_id: str) -> int:
        count = next(counts, 0)
        if count:
            counting.set()
            assert go_on.wait(WAIT)
        return count

    scan: Any = Teller()
    telling = Telling(waiting, lambda: "away")
    telling.watch("S", scan)

    def take_back() -> None:  # as a store does once nothing waits
        if telling.has_said:
            telling.tell()

    speaker, other = threading.Thread(target=telling.tell), threading.Thread(target=take_back)
    speaker.start()
    assert counting.wait(WAIT)
    other.start()
    other.join(0.05)
    go_on.set()
    for thread in (speaker, other):
        thread.join(WAIT)
    assert scan.message is None
    assert not telling.has_said


def test_why_it_is_held_is_said_until_it_is_let_go() -> None:
    scan: Any = Teller()
    count = [0]
    telling = Telling(lambda scan_id: count[0], lambda: "away")
    telling.watch("S", scan)
    assert telling.hold("S", "the disk is full")
    for waiting in (0, 5):  # the carrier comes back from an attempt
        count[0] = waiting
        telling.tell()
        assert scan.message == "the disk is full"
    telling.let_go("S")
    assert scan.message == "away; 5 readings are kept here and will be sent"
    count[0] = 0
    telling.tell()
    assert scan.message is None


@pytest.mark.parametrize("ends", ["before", "meanwhile"])
def test_an_abort_lets_it_go(ends: str) -> None:
    scan: Any = Teller()
    telling = Telling(lambda scan_id: 0, lambda: "away")
    telling.watch("S", scan)
    assert telling.hold("S", "the disk is full")

    def abort() -> None:
        scan.requested = Wish.ABORT

    if ends == "before":
        abort()
    scan.on_wait = abort
    assert not telling.hold("S", "the disk is full")
    assert scan.message is None
    assert not telling.has_said


def test_a_scan_that_is_gone_leaves_nothing_to_take_back() -> None:
    telling = Telling(lambda scan_id: 1, lambda: "away")
    scan: Any = Teller()
    telling.watch("S", scan)
    telling.tell()
    assert telling.has_said
    del scan
    telling.tell()
    assert not telling.has_said


def test_a_scan_that_is_held_says_why_while_its_store_is_tried_again(
    db: DatabaseService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing waits, as nothing can: what the carrier then tells must not take the reason back."""
    store = SpoolingStore(DatabaseStore(db, "w"), tmp_path / "spool")
    scan: Any = Teller()
    heard: list[str | None] = []

    def look() -> None:
        store._tell()
        heard.append(scan.message)
        if len(heard) == 2:
            scan.requested = Wish.ABORT

    scan.on_wait = look
    store.watch("S", scan)
    monkeypatch.setattr(store._carrier, "put", full)
    monkeypatch.setattr(store._carrier, "line_up", lambda call: None)
    with pytest.raises(module.NoRoomError):
        store.save_rewind("S", 1)
    assert len(heard) == 2
    assert all("cannot be written" in str(text) for text in heard)
    store.close(0.0)


def full(items: Any, why: str | None) -> bool:
    raise sqlite3.OperationalError("unable to open database file")


def test_how_much_waits_is_told_while_stores_come_and_go(db: DatabaseService, tmp_path: Path) -> None:
    before, failures = sys.getswitchinterval(), []
    over = threading.Event()

    def count() -> None:
        while not over.is_set():
            try:
                readings_held()
            except RuntimeError as error:
                failures.append(error)

    counter = threading.Thread(target=count)
    sys.setswitchinterval(1e-6)
    try:
        counter.start()
        for number in range(100):
            SpoolingStore(DatabaseStore(db, f"w{number}"), tmp_path / "spool").close(0.0)
    finally:
        sys.setswitchinterval(before)
        over.set()
        counter.join(WAIT)
    assert failures == []
