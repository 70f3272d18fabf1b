"""Carrying lines between TCP and a device: one port a device, one thread a connection."""

from __future__ import annotations

import contextlib
import logging
import socket
import socketserver
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

log = logging.getLogger(__name__)

LONGEST_LINE = 65_536


@dataclass(frozen=True)
class Reply:
    """An answer as it goes over the line.

    Attributes:
        raw: with its ending, if it has one.
        after: seconds until it goes; the connection waits.
        hangs_up: the connection is closed after it.
    """

    raw: bytes
    after: float = 0.0
    hangs_up: bool = False


class Device(Protocol):
    """Anything that can be served: a device, or something that stands in front of one."""

    def handle(self, line: str) -> str | Reply | None:
        """Obey one line (without its ending) and give the answer, None if it has none."""
        ...


class _Connection(socketserver.StreamRequestHandler):
    """Reads lines until the other side closes; answers in the order asked."""

    disable_nagle_algorithm = True
    server: DeviceServer  # pyright: ignore[reportIncompatibleVariableOverride]

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            while raw := self.rfile.readline(LONGEST_LINE):
                answer = self.server.ask(raw.decode("ascii", errors="replace").strip())
                if isinstance(answer, Reply):
                    self.server.closing.wait(answer.after)
                    self.wfile.write(answer.raw)
                    if answer.hangs_up:
                        return
                elif answer is not None:
                    self.wfile.write(answer.encode("ascii") + b"\n")

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()


class DeviceServer(socketserver.ThreadingTCPServer):
    """One device on one port of `host`; port 0 takes a free one.

    Raises:
        OSError: the port is in use.
    """

    allow_reuse_address = sys.platform != "win32"
    daemon_threads = False
    request_queue_size = 16

    def __init__(self, name: str, device: Device, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__((host, port), _Connection)
        self.name = name
        self.connections: set[socket.socket] = set()
        self.closing = threading.Event()
        self._device = device
        self._one_at_a_time = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), name=f"simulated-{name}")

    @property
    def port(self) -> int:
        return self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.connections.discard(request)
        super().shutdown_request(request)

    def ask(self, line: str) -> str | Reply | None:
        """Hand one line to the device; the connections take turns."""
        with self._one_at_a_time:
            answer = self._device.handle(line)
        log.debug("%s: %r -> %r", self.name, line, answer)
        return answer

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Close port and connections, and wait for their threads. Only after `start`."""
        self.closing.set()
        self.shutdown()
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()
        self._thread.join()


class LaboratoryServer:
    """Serves every device of a laboratory.

    Args:
        devices: device by name.
        ports: the port wished for each name; 0 or no entry takes a free one.
        insist: raise OSError when a wished port is in use, rather than take a free one.
    """

    def __init__(
        self,
        devices: Mapping[str, Device],
        host: str = "127.0.0.1",
        ports: Mapping[str, int] | None = None,
        *,
        insist: bool = False,
    ) -> None:
        self._servers: list[DeviceServer] = []
        try:
            for name, device in devices.items():
                self._servers.append(self._open(name, device, host, (ports or {}).get(name, 0), insist))
        except OSError:
            for server in self._servers:
                server.server_close()
            raise

    def _open(self, name: str, device: Device, host: str, port: int, insist: bool) -> DeviceServer:
        try:
            return DeviceServer(name, device, host, port)
        except OSError:
            if insist or not port:
                raise
            log.warning("%s: port %d is in use, taking a free one", name, port)
            return DeviceServer(name, device, host)

    @property
    def ports(self) -> dict[str, int]:
        return {server.name: server.port for server in self._servers}

    def start(self) -> None:
        for server in self._servers:
            server.start()

    def stop(self) -> None:
        for server in self._servers:
            server.stop()
