"""A small laboratory for tests: instruments that count, block, refuse; ears that remember."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from pybirch.events import EventBus, Readings, ScanStatus
from pybirch.extensions.base import ScanExtension
from pybirch.scan.measurements import Measurement, MeasurementItem
from pybirch.scan.movements import Movement, MovementItem
from pybirch.scan.scan import Scan, ScanSettings
from pybirch.states import ScanState

PATIENCE = 5.0


class Doorway:
    """Lets a thread in, tells that it is there, and keeps it until `open`."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self._free = threading.Event()

    def open(self) -> None:
        self._free.set()

    def pass_through(self) -> None:
        self.entered.set()
        assert self._free.wait(PATIENCE), "nobody opened the door"

    def wait_until_entered(self) -> None:
        assert self.entered.wait(PATIENCE), "nobody came to the door"


class Driven:
    """Notes which threads drive an instrument, its life, and that no two do at a time."""

    def note(self, what: str) -> None:
        life: list[str] = self.__dict__.setdefault("life", [])
        drivers: set[int] = self.__dict__.setdefault("drivers", set())
        life.append(what)
        drivers.add(threading.get_ident())

    @contextmanager
    def alone(self) -> Iterator[None]:
        lock: threading.Lock = self.__dict__.setdefault("hands", threading.Lock())
        if not lock.acquire(blocking=False):
            self.__dict__["clashed"] = True
            raise AssertionError("two threads drive one instrument")
        try:
            yield
        finally:
            lock.release()

    @property
    def is_safe(self) -> bool:
        """Nothing but `shutdown` came last, and it did come if anything did."""
        life = self.__dict__.get("life", [])
        return not life or life[-1] == "shutdown"


class Stage(Driven, Movement):
    """Notes every position visited; `trouble` maps a life-cycle step to an error to raise."""

    def __init__(self, name: str = "x", units: str = "mm", **known: Any) -> None:
        self.trouble: dict[str, BaseException] = known.pop("trouble", {})
        self.doors: dict[str, Doorway] = known.pop("doors", {})
        super().__init__(name, units, **known)
        self.visited: list[float] = []
        self.life: list[str] = []
        self.drivers: set[int] = set()

    def step(self, what: str) -> None:
        self.note(what)
        if what in self.doors:
            self.doors[what].pass_through()
        if what in self.trouble:
            raise self.trouble[what]

    def connect(self) -> None:
        with self.alone():
            self.step("connect")
            super().connect()

    def initialize(self) -> None:
        with self.alone():
            self.step("initialize")
            super().initialize()

    def shutdown(self) -> None:
        with self.alone():
            self.step("shutdown")
            super().shutdown()

    def move_to(self, target: float) -> float | None:
        with self.alone():
            self.step("move")
            self.visited.append(target)
            return super().move_to(target)


class Meter(Driven, Measurement):
    """Gives `answer(n)` for its n-th reading; `doors[n]` stops it before the n-th."""

    def __init__(
        self,
        name: str = "meter",
        answer: Callable[[int], Any] | None = None,
        columns: list[str] | None = None,
        units: list[str] | None = None,
        doors: dict[int, Doorway] | None = None,
        trouble: dict[str, BaseException] | None = None,
        adapter: str = "",
    ) -> None:
        super().__init__(name, columns or ["voltage"], units or ["V"], adapter)
        self.answer = answer or (lambda n: np.array([[float(n)]]))
        self.doors = doors or {}
        self.trouble = trouble or {}
        self.taken = 0
        self.life: list[str] = []
        self.drivers: set[int] = set()

    def step(self, what: str) -> None:
        self.note(what)
        if what in self.trouble:
            raise self.trouble[what]

    def connect(self) -> None:
        with self.alone():
            self.step("connect")
            super().connect()

    def initialize(self) -> None:
        with self.alone():
            self.step("initialize")
            super().initialize()

    def shutdown(self) -> None:
        with self.alone():
            self.step("shutdown")
            super().shutdown()

    def perform_measurement(self) -> Any:
        with self.alone():
            number = self.taken
            self.note("measure")
            if number in self.doors:
                self.doors[number].pass_through()
            answer = self.answer(number)
            self.taken += 1
            return answer


def failing(at: int, error: BaseException) -> Callable[[int], Any]:
    """An answer that is `error` at the reading `at`."""

    def answer(number: int) -> Any:
        if number == at:
            raise error
        return np.array([[float(number)]])

    return answer


class Diary(ScanExtension):
    """Writes down every call; no `super().__init__()`; notices calls that overlap."""

    def __init__(self, trouble: dict[str, BaseException] | None = None, name: str = "diary") -> None:
        self.trouble = trouble or {}
        self.name = name
        self.calls: list[str] = []
        self.indexes: dict[str, list[int]] = {}
        self.statuses: list[ScanStatus] = []
        self.overlapped = False
        self._busy = threading.Lock()

    def _write(self, what: str) -> None:
        if not self._busy.acquire(blocking=False):
            self.overlapped = True
            return
        try:
            self.calls.append(what)
            if what in self.trouble:
                raise self.trouble[what]
        finally:
            self._busy.release()

    def set_scan_reference(self, scan: Any) -> None:
        self.scan = scan
        self._write("set_scan_reference")

    def startup(self) -> None:
        self._write("startup")

    def execute(self) -> None:
        self._write("execute")

    def save_data(self, data: Any, measurement_name: str) -> None:
        self.indexes.setdefault(measurement_name, []).extend(int(i) for i in data.index)
        self._write("save_data")

    def save_status(self, status: ScanStatus) -> None:
        self.statuses.append(status)
        self._write("save_status")

    def on_pause(self) -> None:
        self._write("on_pause")

    def on_resume(self) -> None:
        self._write("on_resume")

    def on_complete(self) -> None:
        self._write("on_complete")

    def on_abort(self) -> None:
        self._write("on_abort")

    def on_error(self, error: BaseException) -> None:
        self._write("on_error")

    def shutdown(self) -> None:
        self._write("shutdown")

    @property
    def story(self) -> list[str]:
        """The calls without data, statuses and repetitions of them."""
        return [call for call in self.calls if call not in ("save_data", "save_status")]


class Sink(ScanExtension):
    """Keeps blocks as they come."""

    goes_on = False

    def __init__(self) -> None:
        self.blocks: list[Readings] = []
        self.facts: list[Any] = []

    def save_readings(self, readings: Any) -> None:
        self.blocks.extend(readings)
        self.facts.extend(readings)

    def save_status(self, status: ScanStatus) -> None:
        self.facts.append(status)

    def indexes(self, measurement: str = "meter") -> list[int]:
        return indexes_of(self.blocks, measurement)


class Ear:
    """An observer that remembers."""

    def __init__(self, bus: EventBus) -> None:
        self.events: list[Any] = []
        self.subscription = bus.subscribe(self.events.append, limit=1_000_000, name="ear")

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def states(self, scan_id: str | None = None) -> list[ScanState]:
        """The states heard, without repetitions."""
        heard: list[ScanState] = []
        for event in self.of(ScanStatus):
            if scan_id in (None, event.scan_id) and (not heard or heard[-1] is not event.status):
                heard.append(event.status)
        return heard

    def indexes(self, measurement: str = "meter", scan_id: str | None = None) -> list[int]:
        blocks = [b for b in self.of(Readings) if scan_id in (None, b.scan_id)]
        return indexes_of(blocks, measurement)


def indexes_of(blocks: list[Readings], measurement: str) -> list[int]:
    return [i for b in blocks if b.measurement == measurement for i in range(b.first_index, b.end_index)]


def settings(tree: Any, name: str = "a scan") -> ScanSettings:
    return ScanSettings("project", name, "test", "test", tree)


def line(stage: Movement, meter: Measurement, points: int = 10) -> list[Any]:
    """`points` positions, one reading at each."""
    return [MovementItem(stage, range(points), children=[MeasurementItem(meter)])]


def line_scan(stage: Movement, meter: Measurement, points: int = 10, **known: Any) -> Scan:
    return Scan(settings(line(stage, meter, points)), **known)


@contextmanager
def running(scan: Scan) -> Iterator[threading.Thread]:
    """The scan in a thread of its own; what `run` raises is kept in `scan.failure`."""

    def run() -> None:
        with suppress(Exception):
            scan.run()

    thread = threading.Thread(target=run, name=f"test runs {scan.scan_id}")
    thread.start()
    try:
        yield thread
    finally:
        thread.join(PATIENCE)
        if thread.is_alive():
            scan.abort()
            thread.join(PATIENCE)
        assert not thread.is_alive(), "the scan did not end"
