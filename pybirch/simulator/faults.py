"""What goes wrong on the way from an instrument: silence, garbage, half an answer, a hang-up, lateness."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from enum import StrEnum

from pybirch.simulator.server import Device, Reply


class Fault(StrEnum):
    """How one answer is spoilt."""

    SILENCE = "silence"
    GARBAGE = "garbage"
    HALF = "half"
    HALF_AND_HANG_UP = "half and hang up"
    HANG_UP = "hang up"
    LATE = "late"


GARBAGE = b"\xff\xfe#?!\x00\x81\n"


class FaultyDevice:
    """Stands in front of a device and spoils answers; the device itself obeys every line.

    Args:
        device: what answers.
        lateness: how late a late answer comes.

    Attributes:
        asked: every line, in order.
    """

    def __init__(self, device: Device, lateness: float = 0.5) -> None:
        self.asked: list[str] = []
        self._device = device
        self._lateness = lateness
        self._plan: deque[Fault | None] = deque()
        self._lock = threading.Lock()

    def spoil(self, faults: Iterable[Fault | None]) -> None:
        """The next answers, one each; None leaves one as it is, and so are those that come after."""
        with self._lock:
            self._plan = deque(faults)

    def handle(self, line: str) -> str | Reply | None:
        answer = self._device.handle(line)
        with self._lock:
            self.asked.append(line)
            if not isinstance(answer, str):
                return answer
            fault = self._plan.popleft() if self._plan else None
        return answer if fault is None else self._spoilt(fault, answer.encode("ascii") + b"\n")

    def _spoilt(self, fault: Fault, answer: bytes) -> Reply:
        half = answer[: len(answer) // 2]
        match fault:
            case Fault.SILENCE:
                return Reply(b"")
            case Fault.GARBAGE:
                return Reply(GARBAGE)
            case Fault.HALF:
                return Reply(half)
            case Fault.HALF_AND_HANG_UP:
                return Reply(half, hangs_up=True)
            case Fault.HANG_UP:
                return Reply(b"", hangs_up=True)
            case Fault.LATE:
                return Reply(answer, after=self._lateness)
