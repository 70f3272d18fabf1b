"""Lines to and from an instrument over VISA: one connection an address, whoever uses it.

pyvisa is imported when the first connection is opened.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pybirch.errors import InstrumentError, InstrumentTimeoutError
from pybirch.instruments.address import canonical_address

NO_ERROR = re.compile(r"[+-]?0\b")
_lines_lock = threading.Lock()


@dataclass(frozen=True)
class LineSettings:
    """How to talk to an address.

    Args:
        library: pyvisa's name of the VISA library: ``@py``, ``@ivi``, ``file.yaml@sim``.
        timeout: seconds to wait for an answer.
        termination: what ends a line, both ways.
    """

    library: str = "@py"
    timeout: float = 2.0
    termination: str = "\n"


class _SharedLine:
    """The open VISA resource behind one address; opened when first used, again after a failure.

    After a time-out nobody knows whether the answer is still to come. A socket is therefore
    closed, and what comes late dies with it; other interfaces get a device clear.
    """

    def __init__(self, address: str, settings: LineSettings) -> None:
        self.address = address
        self.lock = threading.RLock()
        self.users = 0
        self._settings = settings
        self._resource: Any = None
        self._socket: socket.socket | None = None

    @contextmanager
    def talk(self, name: str, timeout: float | None = None) -> Iterator[Any]:
        """The open resource, for the time of one exchange; `name` is who asks, for the errors."""
        patience = self._settings.timeout if timeout is None else timeout
        with self.lock:
            resource = self._resource or self._open(name)
            self._refuse_if_closed(name)
            resource.timeout = int(patience * 1000)
            with self._named_errors(name, patience):
                yield resource

    @contextmanager
    def _named_errors(self, name: str, patience: float) -> Iterator[None]:
        from pyvisa import errors as visa
        from pyvisa.constants import StatusCode

        try:
            yield
        except visa.VisaIOError as error:
            if error.error_code != StatusCode.error_timeout:
                self.close()
                raise InstrumentError(f"{name} at {self.address}: {error.description}") from error
            self._refuse_if_closed(name)
            self._forget_late_answer()
            raise InstrumentTimeoutError(
                f"{name} at {self.address}: no answer within {patience:g} s"
            ) from error
        except (visa.Error, OSError, UnicodeDecodeError) as error:
            self.close()
            raise InstrumentError(f"{name} at {self.address}: the connection broke: {error}") from error

    def await_answer(self, name: str, resource: Any) -> None:
        """Wait until something comes; pyvisa-py would spin to the end of the time-out on a dead line."""
        if self._socket is None:
            return
        readable, _, _ = select.select([self._socket], [], [], resource.timeout / 1000)
        if readable:
            self._refuse_if_closed(name)
        else:
            resource.timeout = 1  # the time is up: the read that follows says so

    def _refuse_if_closed(self, name: str) -> None:
        """An instrument that hung up may have lost its state: say so rather than call again."""
        if self._socket is not None and _hung_up(self._socket):
            self.close()
            raise InstrumentError(f"{name} at {self.address}: the instrument closed the connection")

    def close(self) -> None:
        with self.lock:
            resource, self._resource, self._socket = self._resource, None, None
            if resource is not None:
                resource.close()

    def _open(self, name: str) -> Any:
        import pyvisa

        milliseconds = int(self._settings.timeout * 1000)
        try:
            with _lines_lock:  # pyvisa keeps one manager a library, and finds it without a lock
                manager = pyvisa.ResourceManager(self._settings.library)
            self._resource = manager.open_resource(
                self.address,
                open_timeout=milliseconds,
                timeout=milliseconds,
                read_termination=self._settings.termination,
                write_termination=self._settings.termination,
            )
        except Exception as error:  # pyvisa-py raises a bare Exception when a host is silent
            raise InstrumentError(f"{name} at {self.address}: cannot be opened: {error}") from error
        self._socket = _socket_of(self._resource)
        if self._socket is not None:
            self._prepare_socket(self._socket, name)
        return self._resource

    def _prepare_socket(self, connection: socket.socket, name: str) -> None:
        """pyvisa-py takes a refused connection for an open one: ask the socket itself."""
        refusal = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if refusal:
            self.close()
            raise InstrumentError(f"{name} at {self.address}: cannot be opened: {os.strerror(refusal)}")
        with contextlib.suppress(OSError):  # or a query behind a command waits 40 ms for its packet
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _forget_late_answer(self) -> None:
        if self.address.upper().endswith("::SOCKET"):
            self.close()
            return
        from pyvisa.errors import Error

        try:
            self._resource.clear()
        except (Error, OSError, NotImplementedError):
            self.close()


def _socket_of(resource: Any) -> socket.socket | None:
    """The TCP socket under a pyvisa-py resource, None under any other.

    pyvisa-py offers neither TCP_NODELAY nor news of a closed connection (it spins until the time-out).
    """
    sessions = getattr(resource.visalib, "sessions", {})
    interface = getattr(sessions.get(resource.session), "interface", None)
    return (
        interface if isinstance(interface, socket.socket) and interface.type == socket.SOCK_STREAM else None
    )


def _hung_up(connection: socket.socket) -> bool:
    """Whether the other side has closed; what it sent before stays to be read."""
    try:
        readable, _, _ = select.select([connection], [], [], 0)
        return bool(readable) and not connection.recv(1, socket.MSG_PEEK)
    except (OSError, ValueError):
        return True


_lines: dict[tuple[str, str], _SharedLine] = {}


class LineSession:
    """One instrument's use of an address; sessions with the same address share the connection.

    Args:
        name: of the instrument, for the errors.
        address: VISA resource.

    All methods may be called from any thread; `exclusively` keeps others out of a longer exchange.
    They raise InstrumentTimeoutError (no answer in time; a late one is discarded) or
    InstrumentError, both naming instrument and address; after either the next call connects anew.
    """

    def __init__(self, name: str, address: str, settings: LineSettings | None = None) -> None:
        self.name = name
        self.address = address
        self.settings = settings or LineSettings()
        self._line: _SharedLine | None = None

    def open(self) -> None:
        """Join the address; harmless when joined. The connection itself opens with the first line."""
        if self._line is not None:
            return
        key = (self.settings.library, canonical_address(self.address))
        with _lines_lock:
            self._line = _lines.setdefault(key, _SharedLine(self.address, self.settings))
            self._line.users += 1

    def close(self) -> None:
        """Leave the address; the last to leave closes the connection. Harmless when closed."""
        line, self._line = self._line, None
        if line is None:
            return
        with _lines_lock:
            line.users -= 1
            if line.users:
                return
            _lines.pop((self.settings.library, canonical_address(self.address)), None)
        line.close()

    @property
    def is_open(self) -> bool:
        return self._line is not None

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """Nobody else talks to this address meanwhile."""
        with self._joined().lock:
            yield

    def query(self, line: str, timeout: float | None = None) -> str:
        """Send a line and give the answer without its ending; `timeout` in seconds, for this once."""
        shared = self._joined()
        with shared.talk(self.name, timeout) as resource:
            resource.write(line)
            shared.await_answer(self.name, resource)
            return resource.read()

    def write(self, line: str) -> None:
        with self._joined().talk(self.name) as resource:
            resource.write(line)

    def read(self) -> str:
        """The next line, for answers that come in several."""
        with self._joined().talk(self.name) as resource:
            return resource.read()

    def command(self, line: str) -> None:
        """Send an SCPI command and ask in the same breath whether it was refused.

        Raises:
            InstrumentError: the instrument's own words, if it was.
        """
        verdict = self.query(f"{line};:SYST:ERR?")
        if not NO_ERROR.match(verdict):
            raise InstrumentError(f"{self.name} at {self.address}: {line!r} was refused: {verdict}")

    def write_bytes(self, content: bytes) -> None:
        with self._joined().talk(self.name) as resource:
            resource.write_raw(content)

    def read_bytes(self, count: int, stop_at_termination: bool = False) -> bytes:
        """`count` bytes; -1 reads a whole message."""
        with self._joined().talk(self.name) as resource:
            if count < 0:
                return resource.read_raw()
            return resource.read_bytes(count, break_on_termchar=stop_at_termination)

    def _joined(self) -> _SharedLine:
        if self._line is None:
            raise InstrumentError(f"{self.name} at {self.address}: is not connected")
        return self._line
