"""A measurement as a pandas DataFrame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pybirch.frames import cells

if TYPE_CHECKING:
    import pandas as pd

    from pybirch.dataset.measurement import MeasurementData


def to_pandas(data: MeasurementData, *, times: bool = False) -> pd.DataFrame:
    """See `MeasurementData.to_pandas`."""
    import pandas as pd

    found = data.gathered()
    columns: dict[str, Any] = {}
    if times:
        columns["time"] = pd.to_datetime(found.times, unit="s", utc=True)
        columns["step"] = found.steps
    columns |= {name: cells(values) for name, values in found.columns.items()}
    return pd.DataFrame(columns, index=_index(found.indexes), copy=False)


def _index(indexes: np.ndarray) -> pd.Index:
    import pandas as pd

    if len(indexes) and indexes[-1] - indexes[0] + 1 == len(indexes):
        return pd.RangeIndex(int(indexes[0]), int(indexes[-1]) + 1, name="sequence_index")
    return pd.Index(indexes, name="sequence_index")
