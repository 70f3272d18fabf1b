"""Calls done by somebody else, in order."""

from __future__ import annotations

import threading

import pytest

from pybirch.errands import Errands
from tests.lab import PATIENCE, Doorway


def test_errands_are_done_in_order_and_nobody_waits() -> None:
    errands, door, done = Errands("test"), Doorway(), []
    errands.add(door.pass_through)
    for n in range(5):
        errands.add(lambda n=n: done.append(n))
    door.wait_until_entered()
    assert not errands.flush(0.01)
    assert done == []
    door.open()
    assert errands.flush(PATIENCE)
    assert done == [0, 1, 2, 3, 4]
    assert "test" not in [thread.name for thread in threading.enumerate() if thread.is_alive()]


def test_one_that_fails_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    errands, done = Errands("test"), []
    errands.add(lambda: 1 / 0)
    errands.add(lambda: done.append(1))
    assert errands.flush(PATIENCE)
    assert done == [1]
    assert "ZeroDivisionError" in caplog.text


def test_what_waits_already_is_not_added_again() -> None:
    errands, door, done = Errands("test"), Doorway(), []
    errands.add(door.pass_through)
    door.wait_until_entered()
    for _ in range(3):
        errands.add(lambda: done.append("key"), key="key")
    door.open()
    assert errands.flush(PATIENCE)
    assert done == ["key"]
    errands.add(lambda: done.append("again"), key="key")
    assert errands.flush(PATIENCE)
    assert done == ["key", "again"]


def test_an_errand_may_bring_another_and_does_not_wait_for_itself() -> None:
    errands, done = Errands("test"), []

    def first() -> None:
        errands.add(lambda: done.append(2))
        done.append(1)
        assert not errands.flush()

    errands.add(first)
    assert errands.flush(PATIENCE)
    assert done == [1, 2]
