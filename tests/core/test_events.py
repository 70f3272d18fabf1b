"""The bus: observers hear everything that matters and can hurt nobody."""

from __future__ import annotations

import logging
import threading

import numpy as np
import pytest

from pybirch.events import EventBus, QueueLog, Readings, ScanStatus
from pybirch.states import ScanState
from tests.lab import Doorway


def status(number: int) -> ScanStatus:
    return ScanStatus(scan_id=str(number), status=ScanState.RUNNING)


def block(number: int) -> Readings:
    one = np.zeros(1)
    return Readings(
        scan_id="s", measurement="m", first_index=number, steps=one.astype(np.int64), times=one,
        positions={}, values={"v": one},
    )  # fmt: skip


def test_events_come_in_order() -> None:
    bus, heard = EventBus(), list[ScanStatus]()
    bus.subscribe(heard.append)
    sent = [status(number) for number in range(500)]
    for event in sent:
        bus.publish(event)
    assert bus.flush(5)
    assert heard == sent
    bus.close()


def test_only_the_kinds_asked_for() -> None:
    bus, heard = EventBus(), list[object]()
    bus.subscribe(heard.append, kinds=[QueueLog])
    bus.publish(status(1))
    line = QueueLog(queue_id="q", level="INFO", message="hello")
    bus.publish(line)
    assert bus.flush(5)
    assert heard == [line]
    bus.close()


def test_a_slow_observer_loses_readings_but_never_a_status() -> None:
    bus, heard, door = EventBus(), list[object](), Doorway()

    def slow(event: object) -> None:
        if not door.entered.is_set():
            door.pass_through()
        heard.append(event)

    subscription = bus.subscribe(slow, limit=10)
    bus.publish(status(0))
    door.wait_until_entered()
    for number in range(200):
        bus.publish(block(number))
        bus.publish(status(number + 1))
    door.open()
    assert bus.flush(5)
    assert [e.scan_id for e in heard if isinstance(e, ScanStatus)] == [str(n) for n in range(201)]
    kept = [e.first_index for e in heard if isinstance(e, Readings)]
    assert kept == list(range(190, 200)), "the newest are kept, in order"
    assert subscription.dropped == 190
    bus.close()


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(1)])
def test_an_observer_that_raises_hears_on_and_disturbs_nobody(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    bus, heard, calls = EventBus(), list[object](), list[object]()

    def broken(event: object) -> None:
        calls.append(event)
        raise error

    bus.subscribe(broken)
    bus.subscribe(heard.append)
    with caplog.at_level(logging.ERROR):
        for number in range(3):
            bus.publish(status(number))
        assert bus.flush(5)
    assert len(calls) == len(heard) == 3
    assert "observer failed" in caplog.text
    bus.close()


def test_publishing_does_not_wait_for_an_observer_that_hangs() -> None:
    bus, door = EventBus(), Doorway()
    bus.subscribe(lambda event: door.pass_through())
    bus.publish(status(0))
    door.wait_until_entered()
    bus.publish(status(1))
    assert not bus.flush(0.01)
    door.open()
    assert bus.flush(5)
    bus.close()


def test_close_handles_what_is_queued_and_ends_the_thread() -> None:
    bus, heard = EventBus(), list[object]()
    subscription = bus.subscribe(heard.append, name="closing")
    for number in range(100):
        bus.publish(status(number))
    subscription.close()
    subscription.close()
    bus.publish(status(100))
    assert len(heard) == 100
    assert not [t for t in threading.enumerate() if t.name == "observer closing"]


def test_an_observer_may_leave_from_within() -> None:
    bus, heard = EventBus(), list[object]()

    def once(event: object) -> None:
        heard.append(event)
        bus.unsubscribe(subscription)

    subscription = bus.subscribe(once)
    bus.publish(status(0))
    subscription._thread.join(5)
    bus.publish(status(1))
    assert len(heard) == 1


def test_flush_from_an_observer_does_not_wait_for_itself() -> None:
    bus, answers = EventBus(), list[bool]()
    bus.subscribe(lambda event: answers.append(bus.flush()))
    bus.publish(status(0))
    assert bus.flush(5)
    assert answers == [False]
    bus.close()


def test_many_publishers() -> None:
    bus, heard = EventBus(), list[ScanStatus]()
    bus.subscribe(heard.append)
    threads = [
        threading.Thread(target=lambda k=k: [bus.publish(status(k * 1000 + n)) for n in range(200)])
        for k in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bus.flush(5)
    for k in range(5):
        mine = [int(e.scan_id) for e in heard if int(e.scan_id) // 1000 == k]
        assert mine == [k * 1000 + n for n in range(200)]
    bus.close()
