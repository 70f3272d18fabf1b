"""What every instrument is: a name, an address, a life cycle, a state it reports.

A life is ``connect → initialize → (move_to | perform_measurement)* → shutdown``; `shutdown` puts
the hardware in its safe state, may be called at any moment and more than once, and leaves the
instrument ready for another `connect`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from pybirch.errors import InterruptedMoveError
from pybirch.events import InstrumentPosition, InstrumentStatus
from pybirch.instruments.address import canonical_address
from pybirch.instruments.arguments import text
from pybirch.instruments.timing import Timing
from pybirch.states import InstrumentState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TIME_LIMIT = 300.0
"""Seconds one call to an instrument may take, where nobody says otherwise."""

Listener = Callable[[InstrumentStatus | InstrumentPosition], None]


@runtime_checkable
class Instrument(Protocol):
    """What a scan needs of anything it uses."""

    name: str
    adapter: str

    def connect(self) -> None: ...
    def initialize(self) -> None: ...
    def shutdown(self) -> None: ...


@runtime_checkable
class Movable(Instrument, Protocol):
    """Something that can be sent to a position."""

    position_units: str
    position_column: str

    def move_to(self, target: float) -> float | None: ...


@runtime_checkable
class Measurable(Instrument, Protocol):
    """Something that can be read."""

    def columns(self) -> list[str]: ...
    def perform_measurement(self) -> NDArray[np.float64]: ...


class BaseMeasurementInstrument:
    """Common part of `Movement` and `Measurement`.

    Args:
        name: unique within a scan; the name people and files know it by.
        adapter: address, e.g. a VISA resource ``TCPIP::10.0.0.7::5025::SOCKET``; empty for none.

    Attributes:
        instrument_id: number in the lab's record, 0 until it is registered.
        listener: is told of states and positions; set by the scan or station that owns it.
        reconnect_attempts: how often a scan tries again to connect it.
        timing: how long its moves or readings take, learned while scans run.
        identity: what the hardware says it is, as far as it was asked; kept with every scan.
        time_limit: seconds one call to it (`connect`, `move_to`, `perform_measurement`, `shutdown`, …) may
            take before a scan ends without it; None for no limit. Set it for the class, or for an object.

    Raises:
        FieldError: the name is empty, or no text.
    """

    time_limit: float | None = TIME_LIMIT

    def __init__(self, name: str, adapter: str = "") -> None:
        self.name = text(name, "name", empty=False)
        self.nickname = name
        self.adapter = adapter
        self.instrument_id = 0
        self.listener: Listener | None = None
        self.error: str | None = None
        self.identity = ""
        self.reconnect_attempts = 0
        self.timing = Timing()
        self._status = InstrumentState.DISCONNECTED
        self._settings: dict[str, Any] = {}
        self._interrupted = threading.Event()

    @property
    def status(self) -> InstrumentState:
        return self._status

    @status.setter
    def status(self, state: InstrumentState) -> None:
        if state is self._status:
            return
        self._status = InstrumentState(state)
        self._tell_status()

    @property
    def settings(self) -> dict[str, Any]:
        """The settings in force, JSON-ready."""
        return dict(self._settings)

    @settings.setter
    def settings(self, settings: Mapping[str, Any]) -> None:
        self._settings.update(settings)

    @property
    def lease_key(self) -> str:
        """Identifies the hardware: two objects with one key are one instrument."""
        if not self.adapter:
            return f"object:{id(self)}"
        from socket import gethostname  # late: most scans of a script never need it

        address = canonical_address(self.adapter)
        return address if address.startswith("TCPIP") else f"{gethostname()}/{address}"

    def check_connection(self) -> bool:
        """Whether the instrument answers; never raises."""
        return self._status not in (InstrumentState.DISCONNECTED, InstrumentState.ERROR)

    def connect(self) -> None:
        """Open the connection; harmless when it is open.

        Raises:
            InstrumentError: the instrument cannot be reached; the text names it and its address.
        """
        self.clear_interrupt()
        self.error = None
        self.status = InstrumentState.CONNECTED

    def initialize(self) -> None:
        """Bring the instrument to the state a scan starts from and apply `settings`."""
        self.clear_interrupt()
        self.status = InstrumentState.IDLE

    def apply_settings(self, settings: Mapping[str, Any]) -> None:
        """Put settings in force while a scan goes on; they are in `settings` already.

        By default, attributes of these names are set; a driver whose hardware must be told overrides this.

        Raises:
            FieldError: there is no such setting, or the value makes no sense.
        """
        for name, value in settings.items():
            if not name.startswith("_") and name in vars(self):
                setattr(self, name, value)

    def shutdown(self) -> None:
        """Put the hardware in its safe state and let go of it; harmless when called twice."""
        self.status = InstrumentState.DISCONNECTED

    def interrupt(self) -> None:
        """Cut short the wait that is under way; called from another thread on abort."""
        self._interrupted.set()

    def clear_interrupt(self) -> None:
        """Let waits last again: the way to the safe state is not cut short."""
        self._interrupted.clear()

    def wait(self, seconds: float) -> None:
        """Sleep, unless the scan is aborted.

        Raises:
            InterruptedMoveError: somebody called `interrupt`.
        """
        if self._interrupted.wait(max(0.0, seconds)):
            raise InterruptedMoveError(f"{self.name}: stopped because the scan was aborted")

    def wait_until(self, reached: Callable[[], bool], timeout: float, poll: float = 0.02) -> bool:
        """Ask `reached` every `poll` seconds until it says yes (True) or `timeout` passes (False)."""
        end = time.monotonic() + timeout
        while not reached():
            if time.monotonic() >= end:
                return False
            self.wait(poll)
        return True

    def describe(self) -> dict[str, Any]:
        """Name, class, address and nickname, JSON-ready: what a stored scan keeps of it."""
        return {
            "name": self.name,
            "nickname": self.nickname,
            "class": type(self).__name__,
            "adapter": self.adapter,
        }

    def report_error(self, error: BaseException | str) -> None:
        """Remember and report what went wrong."""
        self.error = str(error)
        self._status = InstrumentState.ERROR
        self._tell_status()

    def _tell_status(self) -> None:
        if self.listener is not None:
            self.listener(
                InstrumentStatus(
                    instrument_id=self.instrument_id,
                    instrument_name=self.name,
                    status=self._status,
                    error=self.error,
                )
            )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}{f' at {self.adapter}' if self.adapter else ''}>"
