"""Bases for drivers of instruments that speak over VISA, with or without a driver of somebody else's.

What is handed in as `instrument` decides who does the talking:

- None: a `LineSession` to `adapter`; subclasses use `query`, `write` and `command`.
- a class or function, or its dotted path as text (imported late): called at each `connect`.
  PyMeasure's classes get a session to `adapter`, shared with every other object of that address;
  others are called with `adapter` itself.
- an object: used as it is. Its connection stays the business of whoever made it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from importlib import import_module
from types import FunctionType
from typing import TYPE_CHECKING, Any

from pybirch.errors import FieldError, InstrumentError, PyBirchError
from pybirch.instruments.base import BaseMeasurementInstrument
from pybirch.instruments.measurement import Measurement
from pybirch.instruments.movement import Movement
from pybirch.instruments.session import LineSession, LineSettings
from pybirch.states import InstrumentState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class VisaInstrument(BaseMeasurementInstrument):
    """The connection that `VisaMovement` and `VisaMeasurement` have in common.

    Attributes:
        instrument: the driver in use; None while not connected, unless it was handed in.
        session: the lines to `adapter`; None if the driver brings its own connection.
    """

    instrument: Any
    session: LineSession | None

    def _prepare(self, instrument: Any, settings: LineSettings, identity: str) -> None:
        self._maker = instrument if isinstance(instrument, (str, type, FunctionType, partial)) else None
        self._given = instrument if self._maker is None else None
        self._identity = identity
        talks_here = instrument is None or _is_pymeasure(instrument)
        self.session = LineSession(self.name, self.adapter, settings) if talks_here else None
        self.instrument = self._given

    def connect(self) -> None:
        """Open the connection and see that somebody answers; harmless when it is open."""
        if self.status not in (InstrumentState.DISCONNECTED, InstrumentState.ERROR):
            return
        try:
            self._open()
        except InstrumentError as error:
            self._release()
            self.report_error(error)
            raise
        super().connect()

    def _open(self) -> None:
        if self.session is not None:
            if not self.adapter:
                raise InstrumentError(f"{self.name}: has no adapter, the address to reach it at")
            self.session.open()
            if self._identity:
                self.identity = self.session.query(self._identity)
        if self._maker is not None and self.instrument is None:
            with self.named_errors():
                self.instrument = self._make_driver(self._maker)

    def _make_driver(self, maker: str | Callable[..., Any]) -> Any:
        make = _imported(maker) if isinstance(maker, str) else maker
        if self.session is None:
            return make(self.adapter)
        from pybirch.instruments.pymeasure_adapter import SessionAdapter

        with self.exclusively():
            return make(SessionAdapter(self.session))

    def check_connection(self) -> bool:
        """Whether it answers `identity`; a driver with its own connection is taken at its state."""
        if self.session is None or not self._identity or not self.session.is_open:
            return super().check_connection()
        try:
            self.session.query(self._identity)
        except InstrumentError:
            return False
        return True

    def initialize(self) -> None:
        self.apply_settings(self.settings)
        super().initialize()

    def apply_settings(self, settings: Mapping[str, Any]) -> None:
        """Set the driver's properties of these names; drivers without one override this.

        Raises:
            FieldError: the driver has no such property or refuses the value.
        """
        for name, value in settings.items():
            if self.instrument is None or not hasattr(type(self.instrument), name):
                raise FieldError(f"settings.{name}", f"{self.name} has no such setting")
            try:
                with self.exclusively():
                    setattr(self.instrument, name, value)
            except ValueError as error:
                raise FieldError(f"settings.{name}", str(error)) from error

    def make_safe(self) -> None:
        """Bring the hardware to its safe state, at the end of `shutdown`; by default the driver's own way."""
        shutdown = getattr(self.instrument, "shutdown", None)
        if callable(shutdown):
            with self.named_errors(), self.exclusively():
                shutdown()

    def shutdown(self) -> None:
        """Make safe, then let go of the connection; harmless when called twice.

        Raises:
            InstrumentError: the safe state could not be reached; the connection is closed all the same.
        """
        if self.status is InstrumentState.DISCONNECTED:
            return
        try:
            if self.session is None or self.session.is_open:
                self.make_safe()
        finally:
            self._release()
            super().shutdown()

    def _release(self) -> None:
        self.instrument = self._given
        if self.session is not None:
            self.session.close()

    def query(self, line: str, timeout: float | None = None) -> str:
        """Send a line, give the answer; see `LineSession.query`."""
        return self._lines().query(line, timeout)

    def write(self, line: str) -> None:
        """Send a line that has no answer."""
        self._lines().write(line)

    def command(self, line: str) -> None:
        """Send an SCPI command; InstrumentError in the instrument's words if it refuses."""
        self._lines().command(line)

    def numbers(self, line: str, timeout: float | None = None) -> list[float]:
        """The numbers in the answer, separated by commas or semicolons.

        Raises:
            InstrumentError: there is something else in it.
        """
        answer = self.query(line, timeout)
        try:
            return [float(word) for word in answer.replace(";", ",").split(",")]
        except ValueError as error:
            where = f"{self.name} at {self.adapter}"
            raise InstrumentError(
                f"{where}: {line!r} was answered by {answer[:80]!r}, not by numbers"
            ) from error

    def number(self, line: str, timeout: float | None = None) -> float:
        """The one number in the answer.

        Raises:
            InstrumentError: there is something else in it, or more than one.
        """
        found = self.numbers(line, timeout)
        if len(found) != 1:
            where = f"{self.name} at {self.adapter}"
            raise InstrumentError(f"{where}: {line!r} was answered by {len(found)} numbers, not by one")
        return found[0]

    def exclusively(self) -> AbstractContextManager[None]:
        """``with`` this, nobody else talks to the address."""
        return nullcontext() if self.session is None else self.session.exclusively()

    @contextmanager
    def named_errors(self) -> Iterator[None]:
        """Turns whatever a foreign driver raises into an InstrumentError with the instrument's name."""
        try:
            yield
        except PyBirchError:
            raise
        except Exception as error:
            where = f"{self.name} at {self.adapter}" if self.adapter else self.name
            raise InstrumentError(f"{where}: {type(error).__name__}: {error}") from error

    def _lines(self) -> LineSession:
        if self.session is None:
            raise InstrumentError(f"{self.name}: its driver has a connection of its own, use `instrument`")
        return self.session

    def _get(self, attribute: str) -> Any:
        with self.named_errors(), self.exclusively():
            return getattr(self.instrument, attribute)

    def _set(self, attribute: str, value: Any) -> None:
        with self.named_errors(), self.exclusively():
            setattr(self.instrument, attribute, value)


class VisaMovement(VisaInstrument, Movement):
    """A movement over VISA: subclass it, or name the driver's property to move.

    ``VisaMovement("frequency", SR830, "GPIB0::8::INSTR", attribute="frequency", position_units="Hz")``

    Args:
        name: unique within a scan.
        instrument: None, a driver class or a driver object; see the module.
        adapter: VISA resource.
        attribute: the driver's property that is the position.
        library: of pyvisa: ``@py``, ``@ivi``, ``file.yaml@sim``.
        timeout: seconds to wait for an answer.
        termination: what ends a line.
        identity: a query anything at this address answers, asked when connecting; empty for none.
        position_units, position_column, limits, settle: as for `Movement`.
    """

    def __init__(
        self,
        name: str,
        instrument: Any = None,
        adapter: str = "",
        *,
        attribute: str = "",
        position_units: str = "",
        position_column: str = "",
        limits: tuple[float, float] | None = None,
        settle: float = 0.0,
        library: str = "@py",
        timeout: float = 2.0,
        termination: str = "\n",
        identity: str = "*IDN?",
    ) -> None:
        Movement.__init__(self, name, position_units, position_column, adapter, limits, settle)
        self.attribute = attribute
        self._prepare(instrument, LineSettings(library, timeout, termination), identity)

    @property
    def position(self) -> float:
        """Read from the driver's property; the last target if none is named."""
        if self.attribute and self.instrument is not None:
            return float(self._get(self.attribute))
        return self._position

    @position.setter
    def position(self, target: float) -> None:
        if self.attribute:
            self._set(self.attribute, target)
        self._position = target


class VisaMeasurement(VisaInstrument, Measurement):
    """A measurement over VISA: subclass it, or name the driver's properties to read.

    ``VisaMeasurement("lockin", SR830, "GPIB0::8::INSTR", attributes=["x", "y"], data_units=["V", "V"])``

    Args:
        name: unique within a scan; also the name of its data.
        instrument: None, a driver class or a driver object; see the module.
        adapter: VISA resource.
        attributes: the driver's properties that make a reading, a number each.
        data_columns: names of the columns; the attributes if left out.
        data_units: their units.
        library, timeout, termination, identity: as for `VisaMovement`.
    """

    def __init__(
        self,
        name: str,
        instrument: Any = None,
        adapter: str = "",
        *,
        attributes: Sequence[str] = (),
        data_columns: list[str] | None = None,
        data_units: list[str] | None = None,
        library: str = "@py",
        timeout: float = 2.0,
        termination: str = "\n",
        identity: str = "*IDN?",
    ) -> None:
        if data_columns is None and attributes:
            data_columns = list(attributes)
        Measurement.__init__(self, name, data_columns, data_units, adapter)
        self.attributes = list(attributes)
        self._prepare(instrument, LineSettings(library, timeout, termination), identity)

    def perform_measurement(self) -> NDArray[np.float64]:
        """The named attributes, read in order."""
        if not self.attributes:
            return super().perform_measurement()
        import numpy as np

        return np.array([[float(self._get(attribute)) for attribute in self.attributes]])


def _imported(path: str) -> Callable[..., Any]:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def _is_pymeasure(maker: Any) -> bool:
    """Whether it is a driver class of PyMeasure, seen without importing PyMeasure."""
    if isinstance(maker, str):
        return maker.startswith("pymeasure.")
    kinds = getattr(maker, "__mro__", ())
    return any(kind.__module__ == "pymeasure.instruments.instrument" for kind in kinds)
