"""What a scan has measured so far, in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pybirch.events import Readings

if TYPE_CHECKING:
    import pandas as pd


class Memory:
    """Keeps blocks of readings per measurement and hands them out as frames."""

    def __init__(self) -> None:
        self._blocks: dict[str, list[Readings]] = {}
        self._lock = threading.Lock()

    def keep(self, blocks: Iterable[Readings]) -> None:
        with self._lock:
            for block in blocks:
                self._blocks.setdefault(block.measurement, []).append(block)

    def counts(self) -> dict[str, int]:
        """Measurement -> number of readings."""
        with self._lock:
            return {name: blocks[-1].end_index for name, blocks in self._blocks.items()}

    def frames(self) -> dict[str, pd.DataFrame]:
        """Measurement -> frame (see `pybirch.frames.to_frame`)."""
        from pybirch.frames import join_frames

        with self._lock:
            taken = {name: list(blocks) for name, blocks in self._blocks.items()}
        return {name: join_frames(blocks) for name, blocks in taken.items()}
