"""Readings as pandas DataFrames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from pybirch.events import Readings


def to_frame(readings: Readings) -> pd.DataFrame:
    """One row per reading: position columns, then data columns; the index is the sequence index.

    A reading that is an array (a spectrum) keeps it whole in one cell;
    ``frame.explode(columns)`` gives a row per element.
    """
    return join_frames([readings])


def join_frames(blocks: Sequence[Readings]) -> pd.DataFrame:
    """The frame of consecutive blocks of one measurement, at least one."""
    import pandas as pd

    first = blocks[0]
    columns = {name: np.concatenate([b.positions[name] for b in blocks]) for name in first.positions}
    for name in first.values:
        columns[name] = _join([b.values[name] for b in blocks])
    index = np.concatenate([np.arange(b.first_index, b.end_index) for b in blocks])
    return pd.DataFrame(columns, index=pd.Index(index, name="sequence_index"))


def _join(parts: list[Any]) -> Any:
    if all(isinstance(part, np.ndarray) and part.ndim == 1 for part in parts):
        return np.concatenate(parts)
    cells = np.empty(sum(len(part) for part in parts), dtype=object)
    cells[:] = [cell for part in parts for cell in part]
    return cells
