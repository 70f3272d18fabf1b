"""The states a scan, a queue and an instrument can be in, and which may follow which.

Every screen, table and file shows these and nothing of its own.
"""

from __future__ import annotations

from enum import StrEnum


class ScanState(StrEnum):
    """The one state machine of a scan; `TRANSITIONS` says which step is legal."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    ABORTED = "aborted"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def is_active(self) -> bool:
        """Running or paused: the scan holds its instruments."""
        return self in (ScanState.RUNNING, ScanState.PAUSED)

    @property
    def is_finished(self) -> bool:
        """Nothing more will be measured unless somebody resumes or runs it again."""
        return self not in (ScanState.QUEUED, ScanState.RUNNING, ScanState.PAUSED)


class QueueState(StrEnum):
    IDLE = "idle"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"


class ExecutionMode(StrEnum):
    SERIAL = "serial"
    PARALLEL = "parallel"


class InstrumentState(StrEnum):
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    IDLE = "idle"
    MOVING = "moving"
    MEASURING = "measuring"
    BUSY = "busy"
    ERROR = "error"


class Wish(StrEnum):
    """What somebody asked of a scan that it has not reached yet; not a state."""

    PAUSE = "pause"
    ABORT = "abort"


class PausePolicy(StrEnum):
    """What a pause does with the instruments of a scan."""

    HOLD = "hold"
    """Outputs and positions stay as they are."""
    SAFE = "safe"
    """They are put in their safe state, and brought back to where they were on resume."""


_ENDS = frozenset({ScanState.COMPLETED, ScanState.ABORTED, ScanState.FAILED, ScanState.INTERRUPTED})

TRANSITIONS: dict[ScanState, frozenset[ScanState]] = {
    ScanState.QUEUED: frozenset(
        {ScanState.RUNNING, ScanState.ABORTED, ScanState.FAILED, ScanState.INTERRUPTED}
    ),
    ScanState.RUNNING: _ENDS | {ScanState.PAUSED},
    ScanState.PAUSED: _ENDS | {ScanState.RUNNING},
    ScanState.INTERRUPTED: frozenset({ScanState.RUNNING, ScanState.FAILED}),
    ScanState.COMPLETED: frozenset(),
    ScanState.ABORTED: frozenset(),
    ScanState.FAILED: frozenset(),
}
