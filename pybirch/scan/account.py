"""What a scan is and how it stands: all that may be asked of it at any moment, from any thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

from pybirch.errors import ScanSettingsError
from pybirch.events import Event, EventBus, Readings, ScanStatus, utc_now
from pybirch.samples import Sample
from pybirch.scan.checks import check_settings
from pybirch.scan.course import Course
from pybirch.scan.hooks import Hooks
from pybirch.scan.memory import Memory, Record
from pybirch.scan.plan import Plan
from pybirch.scan.run import Run
from pybirch.scan.settings import ScanSettings
from pybirch.scan.tree import instruments_of
from pybirch.scan.words import Words
from pybirch.states import ScanState, Wish

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)


class Account:
    """The part of a `Scan` that tells; see there."""

    def __init__(
        self,
        settings: ScanSettings,
        sample: Sample | None = None,
        extensions: Sequence[Any] | None = None,
        owner: str = "",
        *,
        scan_id: str,
        bus: EventBus | None = None,
        restarted_from: str | None = None,
    ) -> None:
        if not isinstance(settings, ScanSettings):
            raise ScanSettingsError("settings", f"must be ScanSettings, not {type(settings).__name__}")
        self.settings = settings
        self.sample = sample
        self.extensions: list[Any] = list(extensions or ())
        self.owner = owner
        self.scan_id = scan_id
        self.bus = bus
        self.restarted_from = restarted_from
        self.error: str | None = None
        self.failure: BaseException | None = None
        self.left_out = 0
        self.flagged: Callable[[str], None] | None = None
        self.hung: list[Any] = []
        self.parted: Callable[[], None] | None = None
        self._words = Words()
        self._remark: str | None = None
        self.created_at = utc_now()
        self.started_at: str | None = None
        self.finished_at: str | None = None
        self._hooks = Hooks(self)
        self._course = Course(self.scan_id, self._tell, self._raise_sink_failure)
        self._closed = False
        self._ends_in: int | None = None
        self._over = threading.Event()
        self._goes_on = False
        self._recalled = (0.0, 0)
        self._plan: Plan | None = None
        self._run: Run | None = None
        self._memory = Memory()

    @property
    def state(self) -> ScanState:
        return self._course.state

    @property
    def is_waiting(self) -> bool:
        """Queued, or interrupted and to go on."""
        return self._course.may_begin

    @property
    def requested(self) -> Wish | None:
        return self._course.wish

    @property
    def is_rewinding(self) -> bool:
        """Somebody wished it to go back, and it is not there yet."""
        return self._course.rewinds_to is not None and not self.state.is_finished

    @property
    def progress(self) -> float:
        """Share of the steps done, 0..1; it falls only when the walk is rewound."""
        if self.state is ScanState.COMPLETED:
            return 1.0
        return self._recalled[0] if self._run is None else self._run.progress

    @property
    def message(self) -> str | None:
        """A sentence about it for people, or None."""
        return self._words.heard or self._remark

    @property
    def points_done(self) -> int:
        """Readings taken so far."""
        return self._recalled[1] if self._run is None else self._run.taken

    @property
    def points_total(self) -> int:
        """Readings the tree will give; 0 for a tree that does not pass `check`."""
        try:
            return self.check().readings
        except ScanSettingsError:
            return 0

    @property
    def points_vary(self) -> bool:
        """What is measured decides how many there will be; `points_total` is the most."""
        try:
            return self.check().varies
        except ScanSettingsError:
            return False

    @property
    def data(self) -> dict[str, pd.DataFrame]:
        """Measurement -> DataFrame: positions, then data, a row per reading, by sequence index.

        Of what was measured again after a rewind, the newest; `readings` has all.
        """
        self.flush()
        return self._memory.frames()

    @property
    def counts(self) -> dict[str, int]:
        """Measurement -> readings taken and handed on."""
        return self._memory.counts()

    def readings(self, measurement: str, start: int = 0, end: int | None = None) -> Readings:
        """The readings ``start … end - 1`` (all, without bounds), as far as they were handed on.

        Raises:
            NotFoundError: there are none of that measurement.
        """
        return self._memory.readings(measurement, start, end)

    @property
    def record(self) -> Record | None:
        """Where the readings are kept and read again; without one they stay in memory."""
        return self._memory.record

    @record.setter
    def record(self, record: Record | None) -> None:
        self._memory.record = record

    @property
    def instruments(self) -> list[Any]:
        """Every instrument of the tree once."""
        return instruments_of(self.settings.scan_tree or ())

    def flush(self) -> None:
        """Wait until everything measured so far is with the extensions."""
        if self._run is not None:
            self._run.flush()

    def wait_for(self, reached: Callable[[Self], bool], timeout: float | None = None) -> bool:
        """Wait until `reached(scan)` is true of its state; False when `timeout` (s) ran out."""
        with self._course.changed:
            return self._course.changed.wait_for(lambda: reached(self), timeout)

    def check(self) -> Plan:
        """The plan of what will be done.

        Raises:
            ScanSettingsError: names the field that is wrong; nothing has moved.
        """
        if self._plan is None:
            self._plan = check_settings(self.settings)
        return self._plan

    def status(self, message: str | None = None) -> ScanStatus:
        """The event that tells the present state."""
        return ScanStatus(
            scan_id=self.scan_id,
            status=self.state,
            progress=self.progress,
            message=message or self.error or self.message,
            requested=self._course.wish,
        )

    # Telling

    def _raise_sink_failure(self) -> None:
        if self._run is not None:
            self._run.check()

    def _tell(self, hook: str | None) -> None:
        """The present state, through the run while there is one."""
        if self._run is not None:
            self._run.tell(self.status(), hook)

    def remark(self, text: str | None) -> None:
        """A sentence for people about a scan that waits to run; None when it no longer holds."""
        if self.is_waiting and text != self._remark:
            self._remark = text
            self._publish(self.status())

    def say(self, message: str | None, by: str = "") -> None:
        """For extensions: a sentence for people about a running scan; None when it no longer holds.

        Args:
            by: who says so: a speaker takes back only its own.
        """
        if self._words.say(message, by):
            self._tell(None)

    def _flag(self, text: str) -> None:
        """Something was left out, as its error policy says."""
        self.left_out += 1
        self._remark = text if self.left_out == 1 else f"{self.left_out} left out, the last: {text}"
        log.warning("scan %s: %s", self.scan_id, text)
        if self.flagged is not None:
            self.flagged(text)
        self._tell(None)

    def _publish(self, event: Event) -> None:
        if self.bus is not None:
            self.bus.publish(event)

    def __repr__(self) -> str:
        return f"<Scan {self.scan_id} {self.settings.scan_name!r} {self.state}>"
