"""Callbacks of a queue, a scan or an instrument, turned into broadcasts.

For code that has callbacks and an update server but no event bus; each handler's methods have the
signatures the callbacks are called with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from pybirch.states import InstrumentState, QueueState, ScanState

if TYPE_CHECKING:
    import pandas as pd

    from pybirch.database_integration.sync.broadcasts import Broadcasts


class LogLine(Protocol):
    """The part of a queue's `LogEntry` that is broadcast."""

    @property
    def scan_id(self) -> str | None: ...
    @property
    def level(self) -> str: ...
    @property
    def message(self) -> str: ...


class ScanEventHandler:
    """Broadcasts what one scan does: state, progress, data."""

    def __init__(self, update_server: Broadcasts, scan_id: str) -> None:
        self.update_server = update_server
        self.scan_id = scan_id
        self.state = ScanState.QUEUED

    def on_state(self, scan_id: str, state: ScanState | str) -> None:
        """For `add_state_callback`; other scans' states are not this handler's business."""
        if scan_id != self.scan_id:
            return
        self.state = ScanState(state)
        progress = 1.0 if self.state is ScanState.COMPLETED else None
        self.update_server.broadcast_scan_status(self.scan_id, self.state, progress)

    def on_progress(self, scan_id: str, progress: float) -> None:
        """For `add_progress_callback`."""
        if scan_id == self.scan_id:
            self.update_server.broadcast_scan_status(self.scan_id, self.state, progress)

    def on_error(self, error: BaseException) -> None:
        """The scan has failed with this error."""
        self.state = ScanState.FAILED
        self.update_server.broadcast_scan_status(self.scan_id, self.state, message=str(error))

    def on_data(self, data: pd.DataFrame, measurement_name: str) -> None:
        """For `save_data`: one point a row; the frame's index is the sequence index."""
        for index, row in zip(data.index, data.to_dict("records"), strict=True):
            named = {str(column): value for column, value in row.items()}
            self.update_server.broadcast_data_point(self.scan_id, measurement_name, named, int(index))


class QueueEventHandler:
    """Broadcasts what a queue does: its state, its scans' states and progress, its log."""

    def __init__(self, update_server: Broadcasts, queue_id: str) -> None:
        self.update_server = update_server
        self.queue_id = queue_id
        self._scans: dict[str, ScanEventHandler] = {}

    def _scan(self, scan_id: str) -> ScanEventHandler:
        return self._scans.setdefault(scan_id, ScanEventHandler(self.update_server, scan_id))

    def on_state(self, scan_id: str, state: ScanState | str) -> None:
        """For `add_state_callback`."""
        self._scan(scan_id).on_state(scan_id, state)

    def on_progress(self, scan_id: str, progress: float) -> None:
        """For `add_progress_callback`."""
        self._scan(scan_id).on_progress(scan_id, progress)

    def on_log(self, entry: LogLine) -> None:
        """For `add_log_callback`."""
        self.update_server.broadcast_queue_log(self.queue_id, entry.level, entry.message, entry.scan_id)

    def on_queue_state(
        self,
        state: QueueState | str,
        current_scan: str | None = None,
        completed_scans: int | None = None,
        total_scans: int | None = None,
    ) -> None:
        self.update_server.broadcast_queue_status(
            self.queue_id, QueueState(state), current_scan, completed_scans, total_scans
        )


class InstrumentEventHandler:
    """Broadcasts what one instrument does; the `_report_position_…` hooks of a movement fit its methods."""

    def __init__(self, update_server: Broadcasts, instrument_id: int, instrument_name: str) -> None:
        self.update_server = update_server
        self.instrument_id = instrument_id
        self.instrument_name = instrument_name

    def on_status(
        self, status: InstrumentState | str, error: str | None = None, settings: dict[str, Any] | None = None
    ) -> None:
        self.update_server.broadcast_instrument_status(
            self.instrument_id, self.instrument_name, InstrumentState(status), error, settings
        )

    def on_position(
        self,
        position: dict[str, float],
        target_position: dict[str, float] | None = None,
        is_moving: bool = False,
    ) -> None:
        self.update_server.broadcast_instrument_position(
            self.instrument_id, self.instrument_name, position, target_position, is_moving
        )
