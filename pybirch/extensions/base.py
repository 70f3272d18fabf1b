"""What may listen to a scan and, unlike an observer, fail it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from pybirch.events import Readings, ScanStatus


class BaseExtension:
    """Subclass and override what you need; `super().__init__()` is not required.

    Hooks are never called at the same time. `startup`, `execute`, the `on_…` of the end and
    `shutdown` come from the scan's thread; data, `on_pause`, `on_resume` and `on_rewind` come from the scan's
    outlet, in the order in which they happened. What a hook raises fails the scan; the other
    extensions still hear everything.

    One that has a method `save_conditions(conditions)` is told what the scan runs under (see
    `pybirch.scan.conditions`), at its start and when it goes on; only then is it asked for, and what that
    method raises is logged and fails nothing.
    """

    goes_on: bool = True
    """Whether it also hears the scan that repeats this one; False for what is made for one scan."""

    pull_every: float = 0.05
    """Seconds between two calls with data while readings keep coming; the smallest wish holds."""

    def set_scan_reference(self, scan: Any) -> None:
        """First of all calls: the scan this extension will hear."""
        self.scan = scan

    def startup(self) -> None:
        """Before any instrument is touched."""

    def execute(self) -> None:
        """Instruments are ready, the first move is next."""

    def save_data(self, data: pd.DataFrame, measurement_name: str) -> None:
        """New readings of one measurement, a row each; the index is the sequence index."""

    def save_readings(self, readings: Sequence[Readings]) -> None:
        """All new readings of one tick, as arrays; by default handed to `save_data` as frames."""
        if type(self).save_data is BaseExtension.save_data:
            return
        from pybirch.frames import to_frame

        for block in readings:
            self.save_data(to_frame(block), block.measurement)

    def save_status(self, status: ScanStatus) -> None:
        """A change of state or wish, in order with the readings and before anybody sees it."""

    def on_pause(self) -> None: ...

    def on_resume(self) -> None: ...

    def on_rewind(self, step: int) -> None:
        """The walk goes on at an earlier step; it does so when everybody has heard it."""

    def on_complete(self) -> None: ...

    def on_abort(self) -> None: ...

    def on_error(self, error: BaseException) -> None: ...

    def shutdown(self) -> None:
        """Last of all calls, on every way out."""


ScanExtension = BaseExtension
