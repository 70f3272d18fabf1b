"""One measurement of a scan, read when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pybirch.dataset.facts import ColumnFacts, MeasurementFacts, StoredArray
from pybirch.dataset.gathering import Gathered, gather
from pybirch.dataset.source import Source
from pybirch.errors import FieldError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import xarray as xr

    from pybirch.events import Readings


class MeasurementData:
    """A view of one measurement: which columns, which readings; nothing is read to make one.

    data["iv"]                        # all of it
    data["iv"][["voltage", "current"]]  # two columns
    data["iv"][1000:2000]             # readings 1000 to 1999, by sequence index

    Of what was measured again after a rewind it has the newest; `all_readings()` has all.
    """

    def __init__(
        self,
        source: Source,
        facts: MeasurementFacts,
        *,
        columns: Sequence[ColumnFacts] | None = None,
        start: int = 0,
        end: int | None = None,
        newest: bool = True,
    ) -> None:
        self.source = source
        self.facts = facts
        self.columns: tuple[ColumnFacts, ...] = tuple(facts.columns if columns is None else columns)
        self.start = start
        self.end = facts.count if end is None else end
        self.newest = newest

    @property
    def name(self) -> str:
        return self.facts.name

    @property
    def units(self) -> dict[str, str]:
        """Bare column name -> unit; empty where there is none."""
        return {column.name: column.unit for column in self.columns}

    def __getitem__(self, what: slice | str | Sequence[str]) -> MeasurementData:
        """A narrower view: a range of readings, or columns by name with or without unit.

        Raises:
            FieldError: there is no such column, or the range has a stride.
        """
        if isinstance(what, slice):
            if what.step not in (None, 1):
                raise FieldError("range", f"a stride of {what.step}: take all readings and thin them out")
            first, last, _ = what.indices(self.facts.count)
            return self._narrowed(start=max(self.start, first), end=max(self.start, min(self.end, last)))
        names = [what] if isinstance(what, str) else list(what)
        return self._narrowed(columns=[column for name in names for column in self._named(name)])

    def of_columns(self, columns: Iterable[ColumnFacts]) -> MeasurementData:
        """A view of just these columns."""
        return self._narrowed(columns=tuple(columns))

    def all_readings(self) -> MeasurementData:
        """Also those that were measured again after a rewind."""
        return self._narrowed(newest=False)

    def blocks(self) -> Iterator[Readings]:
        """The readings piece by piece; memory stays flat however many there are."""
        return self.source.blocks(
            self.name, self.start, self.end, [column.full for column in self.columns], self.newest
        )

    def gathered(self) -> Gathered:
        """All of the view as whole columns."""
        most = max(0, self.end - self.start)
        return gather(self.blocks(), self.columns, most, may_keep=self.source.gives_new_arrays)

    def arrays(self) -> Iterator[StoredArray]:
        """Images and other arrays kept beside the readings, oldest first."""
        return self.source.arrays(self.name)

    def to_pandas(self, *, times: bool = False) -> pd.DataFrame:
        """A row per reading: position columns, then data columns, as in `Scan.data`.

        The index is the sequence index; a reading that is an array stays whole in its cell.

        Args:
            times: with the columns "time" (UTC) and "step" before the others.
        """
        from pybirch.dataset.pandas import to_pandas

        return to_pandas(self, times=times)

    def to_xarray(self, *, chunks: int | None = None) -> xr.Dataset:
        """A variable per data column, with units; positions as coordinates.

        Where the readings lie on a grid of positions, the dimensions are its axes and what was not
        reached is NaN; else there is one dimension, "reading". Readings that are arrays have a
        dimension more. See `pybirch.dataset.xarray`.

        Args:
            chunks: readings a chunk has at most. With it the Dataset is of dask arrays: all readings are
                gone through once or twice for their shape, and read when they are computed.

        Raises:
            FieldError: `chunks` is not positive.
            MissingLibraryError: xarray, or with `chunks` dask, is not installed.
        """
        if chunks is not None:
            if chunks < 1:
                raise FieldError("chunks", f"is {chunks}; at least one reading")
            from pybirch.dataset.lazy import to_lazy_xarray

            return to_lazy_xarray(self, chunks)
        from pybirch.dataset.xarray import to_xarray

        return to_xarray(self)

    def to_arrow(self) -> pa.Table:
        """Columns sequence_index, step, time (UTC), positions and data, with units in the fields' metadata.

        Raises:
            MissingExtraError: pyarrow is not installed.
        """
        from pybirch.dataset.arrow import to_arrow

        return to_arrow(self)

    def __repr__(self) -> str:
        names = ", ".join(column.full for column in self.columns)
        return f"<{self.name}: readings {self.start} to {self.end - 1} of {names}>"

    def _narrowed(self, **changes: Any) -> MeasurementData:
        now = {"columns": self.columns, "start": self.start, "end": self.end, "newest": self.newest}
        return MeasurementData(self.source, self.facts, **(now | changes))

    def _named(self, name: str) -> list[ColumnFacts]:
        found = [column for column in self.columns if name in (column.name, column.full)]
        if not found:
            there = ", ".join(column.full for column in self.columns)
            raise FieldError("columns", f"there is no column {name!r}; there are {there}")
        return found
