"""Anything that can be read: a meter, a spectrometer, a camera, a counter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pybirch.instruments.arguments import texts
from pybirch.instruments.base import BaseMeasurementInstrument

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


class Measurement(BaseMeasurementInstrument):
    """Subclass, name `data_columns` and `data_units`, and give `perform_measurement`.

    Args:
        name: unique within a scan; also the name of its data.
        data_columns: names of the columns, in the order `perform_measurement` gives them.
        data_units: their units, one for each column; or none at all.

    Raises:
        FieldError: the name is empty, or columns or units are no list of texts.
    """

    data_columns: list[str] = []
    data_units: list[str] = []

    def __init__(
        self,
        name: str,
        data_columns: list[str] | None = None,
        data_units: list[str] | None = None,
        adapter: str = "",
    ) -> None:
        super().__init__(name, adapter)
        if data_columns is not None:
            self.data_columns = texts(data_columns, "data_columns")
        if data_units is not None:
            self.data_units = texts(data_units, "data_units")

    def perform_measurement(self) -> NDArray[np.float64]:
        """Take one reading.

        Returns:
            float64, shape (rows, columns). One row is a reading of scalars; n rows are one
            reading whose columns are arrays of n values (a spectrum, a trace). Give a new array
            each time: it is kept as it is until the scan's outlet has taken it.

        Raises:
            InstrumentError: the reading failed; it ends the scan as failed.
        """
        raise TypeError(f"{type(self).__name__} must give perform_measurement()")

    def columns(self) -> list[str]:
        """The data columns, each ``"name (unit)"``; a column without a unit is its bare name."""
        units = [*self.data_units, *[""] * (len(self.data_columns) - len(self.data_units))]
        return [
            f"{name} ({unit})" if unit else name for name, unit in zip(self.data_columns, units, strict=False)
        ]

    def measurement_df(self) -> pd.DataFrame:
        """One reading as a DataFrame, a row per row of `perform_measurement`."""
        import numpy as np
        import pandas as pd

        return pd.DataFrame(np.atleast_2d(self.perform_measurement()), columns=self.columns())

    def describe(self) -> dict[str, Any]:
        return super().describe() | {
            "kind": "measurement",
            "data_columns": list(self.data_columns),
            "data_units": list(self.data_units),
        }
