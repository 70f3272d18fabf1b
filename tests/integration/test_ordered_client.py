"""The watcher's Socket.IO client: it ends when it is told to, and leaves nothing open."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from pybirch.database_integration.sync.ordered_client import OrderedClient
from tests.conftest import until
from tests.gui.fake_server import TOKEN, FakeServer

PATIENCE = 10.0


@pytest.fixture
def server() -> Iterator[FakeServer]:
    made = FakeServer()
    yield made
    made.close()


def connected(server: FakeServer) -> OrderedClient:
    client = OrderedClient()
    client.connect(server.url, headers={"Authorization": f"Bearer {TOKEN}"}, transports=["websocket"])
    return client


@pytest.mark.parametrize("taken", ["with packets", "by another"])
def test_the_end_of_what_is_sent_is_for_ever(taken: str) -> None:
    """Engine.IO's writer drops a None that it gets with packets; who resets the line empties all."""
    packets: Any = OrderedClient().eio.create_queue()
    got: list[Any] = []
    writer = threading.Thread(target=lambda: got.append(packets.get(timeout=PATIENCE)))
    if taken == "by another":
        with packets.mutex:  # it is given the end and finds nothing
            writer.start()
        until(lambda: packets.not_empty._waiters, what="the writer waits")
        with packets.mutex:
            packets._has_ended = True
            packets.not_empty.notify()
    else:
        packets.put("pong")
        packets.put(None)
        assert (packets.get(timeout=PATIENCE), packets.get(block=False)) == ("pong", None)
        writer.start()
    writer.join(PATIENCE / 2)
    assert got == [None]
    packets.task_done()
    with pytest.raises(queue.Empty):
        packets.get_nowait()


def test_what_is_sent_waits_and_is_taken_in_order() -> None:
    packets: Any = OrderedClient().eio.create_queue()
    with pytest.raises(queue.Empty):
        packets.get(timeout=0.01)
    for number in range(3):
        packets.put(number)
    assert [packets.get() for _ in range(3)] == [0, 1, 2]


@pytest.mark.parametrize("dropped", [False, True], ids=["alive", "dropped"])
def test_its_line_is_closed_when_it_leaves(server: FakeServer, dropped: bool) -> None:
    client = connected(server)
    line = client.eio.ws.sock
    if dropped:
        server.drop_everybody()
        until(lambda: not client.connected, what="the loss is noticed")
    threads = [client.eio.read_loop_task, client.eio.write_loop_task]
    client.leave()
    assert line.fileno() == -1
    assert not any(thread.is_alive() for thread in threads if thread is not None)
    with contextlib.suppress(OSError):
        line.close()
