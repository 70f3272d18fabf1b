"""What a scan can be written as: one entry a format, in the order in which people are shown them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Literal

from pybirch.errors import FieldError

Kind = Literal["lines", "table", "file", "crate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One format.

    Attributes:
        words: what it is for, to people.
        suffix: of its files; the first of `suffixes`.
        mime: media type.
        extra: of PyBirch's extras, the one that brings what it needs; empty where nothing is.
        kind: ``lines``: text that can be sent while it is made; ``table``: one measurement, written from
            front to back; ``file``: all measurements, in a file that is written here and there;
            ``crate``: an archive, also of several scans.
        home: the module that writes it.
        passes: how often the readings are read.
        arrays: whether it holds arrays kept beside the readings, too.
    """

    name: str
    title: str
    words: str
    suffixes: tuple[str, ...]
    mime: str
    extra: str
    kind: Kind
    home: str
    passes: int = 1
    arrays: bool = False

    @property
    def suffix(self) -> str:
        return self.suffixes[0]

    @property
    def one_measurement(self) -> bool:
        """A file of it holds one measurement; several go into a zip."""
        return self.name in ("csv", "parquet")

    def module(self) -> ModuleType:
        return import_module(f"pybirch.export.{self.home}")


FORMATS = {
    each.name: each
    for each in (
        Format(
            name="csv", title="CSV", words="a table for spreadsheets, pandas and everything else",
            suffixes=(".csv",), mime="text/csv", extra="", kind="lines", home="csv",
        ),
        Format(
            name="parquet", title="Parquet", words="a compact table for pandas, Polars, DuckDB and R",
            suffixes=(".parquet",), mime="application/vnd.apache.parquet", extra="export", kind="table",
            home="parquet",
        ),
        Format(
            name="hdf5", title="HDF5", words="everything in one file, for MATLAB, Igor, Origin and h5py",
            suffixes=(".h5", ".hdf5"), mime="application/x-hdf5", extra="export", kind="file", home="hdf5",
            arrays=True,
        ),
        Format(
            name="netcdf", title="NetCDF", words="maps and spectra with their axes, for xarray",
            suffixes=(".nc",), mime="application/x-netcdf", extra="export", kind="file", home="netcdf",
            passes=2, arrays=True,
        ),
        Format(
            name="nexus", title="NeXus", words="plots that h5web and NeXus viewers open at once",
            suffixes=(".nxs",), mime="application/x-hdf5", extra="export", kind="file", home="nexus",
            passes=2, arrays=True,
        ),
        Format(
            name="bluesky", title="Bluesky documents",
            words="event-model documents, one a line, for databroker",
            suffixes=(".jsonl",), mime="application/jsonl", extra="export", kind="lines", home="bluesky",
        ),
        Format(
            name="eln", title="ELN archive", words="data, sample and settings for an electronic lab notebook",
            suffixes=(".eln",), mime="application/vnd.eln+zip", extra="export", kind="crate", home="crate",
            passes=2, arrays=True,
        ),
    )
}  # fmt: skip
"""Name -> format."""

ZIP = ".zip"
"""The suffix of several tables in one archive."""


def format_named(name: str) -> Format:
    """Raises:
    FieldError: there is no such format.
    """
    if name not in FORMATS:
        raise FieldError("format", f"there is none called {name!r}; there are {', '.join(FORMATS)}")
    return FORMATS[name]


def format_of(path: Path, name: str | None = None) -> Format:
    """The format of that name, else the one whose suffix the path has.

    Raises:
        FieldError: there is no such format, or the suffix tells none.
    """
    if name is not None:
        return format_named(name)
    for each in FORMATS.values():
        if path.suffix.lower() in each.suffixes:
            return each
    if path.suffix.lower() == ZIP:
        return FORMATS["csv"]
    known = ", ".join(each.suffix for each in FORMATS.values())
    raise FieldError("format", f"the suffix of {path.name!r} tells none: end it in {known}, or name one")
