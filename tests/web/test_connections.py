"""Places at the embedded server, and who is shown out."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from typing import Any

import pytest

from database.web.connections import Doors
from database.web.serve import WebServer, listen
from tests.conftest import until
from tests.lab import Doorway


@pytest.fixture
def door(lab: Any) -> Iterator[tuple[str, int]]:
    """The address of the embedded server."""
    with closing(listen("127.0.0.1", 0)) as listener:
        server = WebServer(lab.app, listener)
        server.start()
        yield listener.getsockname()[:2]
        server.stop()


def test_who_dawdles_over_a_request_is_shown_out(
    door: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("database.web.connections.HEAD_WITHIN", 0.2)
    with socket.create_connection(door, 5) as silent, socket.create_connection(door, 5) as slow:
        slow.sendall(b"GET /login HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        assert silent.recv(100) == b""
        assert slow.recv(100) == b""


DRIP = b"Host: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 400000\r\n"


@pytest.mark.parametrize(
    "head", [b"POST /login HTTP/1.1\r\n", b"GET /login HTTP/1.1\r\n", b"POST /api/stop HTTP/1.1\r\n"]
)
def test_the_unknown_have_a_deadline_for_all_they_send(
    door: tuple[str, int], monkeypatch: pytest.MonkeyPatch, head: bytes
) -> None:
    monkeypatch.setattr("database.web.connections.UNKNOWN_WITHIN", 0.3)
    with socket.create_connection(door, 5) as client:
        client.sendall(head + DRIP + b"\r\ncode=")
        with suppress(OSError):
            while client.recv(1000):
                client.sendall(b"a")


def test_who_is_known_has_all_the_time_they_need(
    door: tuple[str, int], lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("database.web.connections.UNKNOWN_WITHIN", 0.2)
    monkeypatch.setattr("database.web.connections.HEAD_WITHIN", 0.2)
    doorway = Doorway()

    @lab.app.before_request
    def slow_view() -> None:
        doorway.pass_through()

    token = f"Authorization: {lab.token('read')['Authorization']}\r\n".encode()
    with socket.create_connection(door, 5) as client:
        client.sendall(
            b"GET /api/scans HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + token + b"\r\n"
        )
        doorway.wait_until_entered()
        with socket.create_connection(door, 5) as silent:  # shown out, though it came later
            assert silent.recv(100) == b""
        doorway.open()
        assert client.recv(100).startswith(b"HTTP/1.1 200")


def test_the_unknown_keep_nobody_known_out(
    door: tuple[str, int], lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("database.web.connections.MOST_UNKNOWN", 3)
    token = f"Authorization: {lab.token('operate')['Authorization']}\r\n".encode()
    with ExitStack() as held:
        slow = [held.enter_context(socket.create_connection(door, 5)) for _ in range(3)]
        for client in slow:
            client.sendall(b"POST /login HTTP/1.1\r\n" + DRIP + b"\r\ncode=")
        known = held.enter_context(socket.create_connection(door, 5))
        known.sendall(
            b"POST /api/stop HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n" + token + b"\r\n"
        )
        assert known.recv(100).startswith(b"HTTP/1.1 200")
        assert slow[0].recv(1) == b"", "who has been unknown for longest makes room"


def test_places_are_counted_and_given_back(door: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("database.web.connections.MOST", 2)
    with socket.create_connection(door, 5) as first, socket.create_connection(door, 5) as second:
        with socket.create_connection(door, 5) as third:
            assert third.recv(100) == b""
        for client in (first, second):
            client.sendall(b"GET /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 200")

    def is_let_in() -> bool:
        with socket.create_connection(door, 5) as again:
            again.sendall(b"GET /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return again.recv(100).startswith(b"HTTP/1.1 200")

    until(is_let_in)


def test_no_address_takes_all_the_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("database.web.connections.MOST_PER_ADDRESS", 1)
    doors = Doors()
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(7)]
        assert doors.enter(sockets[0], "10.0.0.9")
        assert not doors.enter(sockets[1], "10.0.0.9")
        assert doors.enter(sockets[2], "10.0.0.8")
        assert all(doors.enter(one, "127.0.0.1") for one in sockets[3:6]), "this computer itself is trusted"
        doors.leave(sockets[0])
        assert doors.enter(sockets[6], "10.0.0.9")
