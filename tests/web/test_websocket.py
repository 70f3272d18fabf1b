"""What one client may send over its line before it is cut off."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
import websocket
from socketio import packet

from database.web import websocket as module
from database.web.sockets import places_of, server_of
from database.web.websocket import TextPacket, is_text_packet
from tests.lab import Doorway

pytestmark = pytest.mark.system


@pytest.fixture
def line(lab: Any, served: Any) -> Iterator[websocket.WebSocket]:
    """A bare WebSocket that has been let in."""
    where = served.url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket"
    client = websocket.create_connection(where, timeout=5, header=lab.token("read"))
    client.recv()
    client.send("40")
    assert str(client.recv()).startswith("40")
    yield client
    client.shutdown()


@pytest.fixture
def is_gone(lab: Any, wait_for: Any) -> Callable[[], bool]:
    """Whether the server has let go of everybody."""
    return lambda: bool(wait_for(lambda: not places_of(lab.parts.sockets), what="cut off"))


@pytest.mark.parametrize(
    "message", ['45999999-["x"]', '461-1["x"]', "4５1-[]", b"\x00" * 100, "x", "9", "4", ""], ids=ascii
)
def test_what_is_no_message_of_text_ends_the_connection(
    lab: Any, line: websocket.WebSocket, is_gone: Callable[[], bool], message: Any
) -> None:
    line.send_binary(message) if isinstance(message, bytes) else line.send(message)
    assert is_gone()
    assert not server_of(lab.parts.sockets)._binary_packet


def test_nothing_is_kept_of_attachments_announced_by_polling(lab: Any) -> None:
    client, headers = lab.app.test_client(), lab.token("read")
    where = "/socket.io/?EIO=4&transport=polling"
    told = client.get(where, headers=headers).get_data(as_text=True)
    where += "&sid=" + json.loads(told[1:])["sid"]
    assert client.post(where, data='40\x1e45999999-["x"]\x1ebAAAA', headers=headers).status_code == 200
    assert not server_of(lab.parts.sockets)._binary_packet


@pytest.mark.parametrize(("most", "value"), [("MOST_WAITING", 20), ("MOST_WAITING_BYTES", 2_000)])
def test_who_sends_faster_than_it_is_handled_is_cut_off(
    lab: Any,
    line: websocket.WebSocket,
    is_gone: Callable[[], bool],
    monkeypatch: pytest.MonkeyPatch,
    most: str,
    value: int,
) -> None:
    monkeypatch.setattr(module, most, value)
    doorway = Doorway()
    server_of(lab.parts.sockets).handlers["/"]["subscribe_instruments"] = lambda *_: doorway.pass_through()
    line.send('42["subscribe_instruments",{}]')
    doorway.wait_until_entered()
    for _ in range(19):
        line.send('42["subscribe_instruments",{}]')
    assert places_of(lab.parts.sockets)
    with suppress(OSError, websocket.WebSocketException):
        for _ in range(50):
            line.send('42["subscribe_instruments",{}]')
    with suppress(OSError, websocket.WebSocketException):
        while line.recv():
            continue
    doorway.open()
    assert is_gone()


def test_a_message_too_large_leaves_no_thread_behind(
    line: websocket.WebSocket, is_gone: Callable[[], bool]
) -> None:
    line.send('42["x","' + "y" * 70_000 + '"]')
    assert is_gone()


@pytest.mark.parametrize("message", ["0", "1", "2probe", "3", "5", "6", "40", "41", '42["e"]', "430[]", "44"])
def test_every_other_packet_is_taken(message: str) -> None:
    assert is_text_packet(message)


def test_a_packet_with_attachments_is_none_of_ours() -> None:
    for encoded in ('51-["x"]', '61-1["x"]', '23-["x"]'):
        with pytest.raises(ValueError, match="binary"):
            TextPacket(encoded_packet=encoded)
    assert TextPacket(encoded_packet='2["x",1]').packet_type == packet.EVENT
