"""All that a scan measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from pybirch.dataset.facts import MeasurementFacts, ScanFacts
from pybirch.dataset.measurement import MeasurementData
from pybirch.dataset.source import Source
from pybirch.errors import FieldError, NotFoundError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import xarray as xr


class ScanData(Mapping[str, MeasurementData]):
    """A scan's measurements by name, and what is known of it.

    data = pybirch.load("a1b2c3")
    data.facts.sample, list(data), data["iv"].units
    data.to_pandas()                     # the only measurement
    data["iv"][:1000].to_xarray()        # one of several, its first readings

    It shows what was stored when it was made; make another to see what came since.
    """

    def __init__(self, source: Source) -> None:
        self.source = source

    @cached_property
    def facts(self) -> ScanFacts:
        return self.source.facts()

    @cached_property
    def _measurements(self) -> dict[str, MeasurementFacts]:
        return {facts.name: facts for facts in self.source.measurements()}

    def __getitem__(self, name: str) -> MeasurementData:
        if name not in self._measurements:
            raise NotFoundError(f"scan {self.facts.scan_id} has no measurement {name!r}; {self._named()}")
        return MeasurementData(self.source, self._measurements[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._measurements)

    def __len__(self) -> int:
        return len(self._measurements)

    def __contains__(self, name: object) -> bool:
        return name in self._measurements

    def one(self, measurement: str | None = None) -> MeasurementData:
        """The measurement of that name, or the only one.

        Raises:
            FieldError: none is named and there are several, or none.
            NotFoundError: there is no measurement of that name.
        """
        if measurement is not None:
            return self[measurement]
        if len(self) != 1:
            raise FieldError("measurement", f"scan {self.facts.scan_id}: {self._named()}; name one")
        return self[next(iter(self))]

    def to_pandas(self, measurement: str | None = None, *, times: bool = False) -> pd.DataFrame:
        """`MeasurementData.to_pandas` of the measurement named, or of the only one."""
        return self.one(measurement).to_pandas(times=times)

    def to_xarray(self, measurement: str | None = None, *, chunks: int | None = None) -> xr.Dataset:
        """`MeasurementData.to_xarray` of the measurement named, or of the only one."""
        return self.one(measurement).to_xarray(chunks=chunks)

    def to_arrow(self, measurement: str | None = None) -> pa.Table:
        """`MeasurementData.to_arrow` of the measurement named, or of the only one."""
        return self.one(measurement).to_arrow()

    def to_datatree(self) -> xr.DataTree:
        """Every measurement as a branch of one tree, the scan's facts as its attributes."""
        from pybirch.dataset.xarray import to_datatree

        return to_datatree(self)

    def __repr__(self) -> str:
        counts = ", ".join(f"{facts.name} ({facts.count:,})" for facts in self._measurements.values())
        return (
            f"<scan {self.facts.scan_id} {self.facts.name!r}, {self.facts.status}: {counts or 'no readings'}>"
        )

    def _named(self) -> str:
        if not self._measurements:
            return "it has no readings"
        return "it has " + ", ".join(repr(name) for name in self._measurements)
