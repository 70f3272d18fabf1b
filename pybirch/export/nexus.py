"""NeXus: an NXdata a measurement that h5web and other viewers draw at once.

Follows the rules for NXdata (https://manual.nexusformat.org/classes/base_classes/NXdata.html): "signal"
names what is drawn, "axes" a coordinate for each of its dimensions ("." where there is none), and
``<name>_indices`` which dimensions a coordinate belongs to. What viewers would draw wrongly is avoided: one
NXdata has signals of one unit and shape only, the others are linked into an NXdata beside it; the axes of a
grid rise or fall; a line there and back is a row of readings; and of other places measured several times
the first time is drawn ("default_slice").
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pybirch.dataset.frame import Filled, Frame, chunks, surveyed
from pybirch.dataset.libraries import library
from pybirch.dataset.xarray import READING, REPEAT
from pybirch.export.hdf5 import COMPRESSED
from pybirch.export.kept import named_arrays
from pybirch.export.names import nexus_name, unlike
from pybirch.wire import join_column

if TYPE_CHECKING:
    from pybirch.dataset.facts import ColumnFacts, ScanFacts
    from pybirch.dataset.measurement import MeasurementData
    from pybirch.export.contents import Contents

EPOCH = "1970-01-01T00:00:00+00:00"
TAKEN = ("sample", "instrument", "user", "settings", "title", "entry_identifier")


def write(contents: Contents, file: Path) -> None:
    """Write the file."""
    with library("h5py").File(file, "w", track_order=True) as root:
        root.attrs.update(NX_class="NXroot", default="entry", creator="PyBirch")
        root.attrs["file_time"] = datetime.now(UTC).isoformat()
        entry = _group(root, "entry", "NXentry")
        _write_facts(entry, contents.facts)
        names = unlike([part.name for part in contents.parts], nexus_name, TAKEN)
        groups = [_group(entry, name, "NXdata") for name in names.values()]
        if groups:
            entry.attrs["default"] = next(iter(names.values()))
        for part, group in zip(contents.parts, groups, strict=True):
            group.attrs["title"] = part.name
            _Measurement(group, contents, part).write()
            _write_arrays(entry, names[part.name], part)


def _write_facts(entry: Any, facts: ScanFacts) -> None:
    texts = {
        "title": facts.name or facts.scan_id,
        "entry_identifier": facts.scan_id,
        "experiment_description": facts.project,
        "start_time": facts.started_at and facts.started_at.isoformat(),
        "end_time": facts.finished_at and facts.finished_at.isoformat(),
    }
    _texts(entry, texts)
    if facts.owner:
        _texts(_group(entry, "user", "NXuser"), {"name": facts.owner})
    if facts.sample:
        sample = {"name": facts.sample.get("ID"), "description": facts.sample.get("material")}
        _texts(_group(entry, "sample", "NXsample"), sample)
    note = {"type": "application/json", "data": json.dumps(facts.as_json(), default=str)}
    _texts(_group(entry, "settings", "NXnote"), note)
    instrument = _group(entry, "instrument", "NXinstrument")
    found = dict(_instruments(facts.settings.get("scan_tree")))
    names = unlike(found, nexus_name)
    for name, (kind, adapter) in found.items():
        _texts(_group(instrument, names[name], kind), {"name": name, "description": adapter})


def _instruments(tree: Any) -> Iterator[tuple[str, tuple[str, str]]]:
    """Name, class and adapter of every instrument of a scan's tree."""
    if isinstance(tree, Mapping):
        told = tree.get("instrument")
        if isinstance(told, Mapping) and told.get("name"):
            kind = "NXpositioner" if tree.get("type") == "movement" else "NXdetector"
            yield str(told["name"]), (kind, str(told.get("adapter") or ""))
        tree = list(tree.values())
    if isinstance(tree, list):
        for inner in tree:
            yield from _instruments(inner)


class _Measurement:
    """One measurement's NXdata."""

    def __init__(self, group: Any, contents: Contents, part: MeasurementData) -> None:
        self._group = group
        self._contents = contents
        self._part = part

    def write(self) -> None:
        frame = surveyed(self._contents.blocks, self._part, drawn=True)
        every = [one.name for one in (*frame.data, *frame.beside, *frame.known)]
        self._names = unlike(every, nexus_name)
        for one in frame.known:
            dataset = self._group.create_dataset(self._names[one.name], data=one.values)
            dataset.attrs.update(_about(one.column))
        made = {variable.name: self._made(frame, variable) for variable in (*frame.data, *frame.beside)}
        self._say_what_is_drawn(frame)
        for variable, where, values in frame.filled(self._contents.blocks):
            made[variable.name][where] = values

    def _made(self, frame: Frame, variable: Filled) -> Any:
        shape = frame.shape(variable)
        dtype, fill = (np.int64, -1) if variable.name == "sequence_index" else (np.float64, np.nan)
        more = {"chunks": chunks(shape), **COMPRESSED} if all(shape) else {}
        dataset = self._group.create_dataset(
            self._names[variable.name], shape, dtype, fillvalue=fill, track_times=False, **more
        )
        if variable.column is not None:
            dataset.attrs.update(_about(variable.column))
        elif variable.name == "time":
            dataset.attrs.update(units="s", start=EPOCH, long_name="time (s since 1970 UTC)")
        else:
            dataset.attrs["long_name"] = "reading"
        return dataset

    def _say_what_is_drawn(self, frame: Frame) -> None:
        """Signals that can share a plot are one: the first ones here, the others beside."""
        if not frame.data:
            self._describe(self._group, frame, frame.dims)
            return
        alike: dict[tuple[str, tuple[str, ...]], list[Filled]] = {}
        for variable in frame.data:
            unit = variable.column.unit if variable.column else ""
            alike.setdefault((unit, variable.dims), []).append(variable)
        first, *others = alike.values()
        self._draw(self._group, frame, first)
        for signals in others:
            self._draw(self._linked(frame, signals), frame, signals)

    def _linked(self, frame: Frame, signals: list[Filled]) -> Any:
        """An NXdata of these signals and their coordinates; the datasets are those of the measurement."""
        entry = self._group.parent
        own = self._group.name.rpartition("/")[2]
        group = _group(entry, _free(entry, f"{own}_{self._names[signals[0].name]}"), "NXdata")
        group.attrs["title"] = self._group.attrs["title"]
        known = [one.name for one in frame.known if one.dim in signals[0].dims]
        for name in (*known, *(one.name for one in (*frame.beside, *signals))):
            dataset = self._group[self._names[name]]
            dataset.attrs["target"] = dataset.name
            group[self._names[name]] = dataset
        return group

    def _draw(self, group: Any, frame: Frame, signals: list[Filled]) -> None:
        """The attributes that say so."""
        first, *others = signals
        group.attrs["signal"] = self._names[first.name]
        group.attrs["axes"] = [self._axis(frame, dim) for dim in first.dims]
        if others:
            group.attrs["auxiliary_signals"] = [self._names[one.name] for one in others]
        if REPEAT in first.dims:
            group.attrs["default_slice"] = ["0" if dim == REPEAT else "." for dim in first.dims]
        self._describe(group, frame, first.dims)

    def _describe(self, group: Any, frame: Frame, dims: tuple[str, ...]) -> None:
        """Which dimensions each coordinate belongs to."""
        for one in frame.known:
            if one.dim in dims:
                group.attrs[f"{self._names[one.name]}_indices"] = dims.index(one.dim)
        for one in frame.beside:
            group.attrs[f"{self._names[one.name]}_indices"] = list(range(len(frame.dims)))

    def _axis(self, frame: Frame, dim: str) -> str:
        """The coordinate of a dimension: its own, else of readings in a row their first position or count."""
        own = [one.name for one in frame.known if one.dim == dim]
        along = [one.name for one in frame.beside if one.column is not None and one.dims == (dim,)]
        count = ["sequence_index"] if dim == READING else []
        return next((self._names[name] for name in (*own, *along, *count)), ".")


def _write_arrays(entry: Any, measurement: str, part: MeasurementData) -> None:
    """An NXdata each, in a collection beside the measurement."""
    collection = None
    for name, array, axes in named_arrays(part):
        collection = collection or _group(entry, _free(entry, f"{measurement}_arrays"), "NXcollection")
        group = _group(collection, nexus_name(name), "NXdata")
        group.attrs.update(title=name, signal="data")
        dataset = group.create_dataset("data", data=array.data)
        dataset.attrs.update(_said(array.name, array.unit))
        if array.sequence_index is not None:
            group.create_dataset("sequence_index", data=array.sequence_index)
        names = unlike([axis.name for axis in axes], nexus_name, ("data", "sequence_index"))
        for axis in axes:
            if axis.values is not None:
                place = group.create_dataset(names[axis.name], data=axis.values)
                place.attrs.update(_said(axis.name, axis.unit))
        if axes:
            group.attrs["axes"] = ["." if axis.values is None else names[axis.name] for axis in axes]


def _about(column: ColumnFacts) -> dict[str, str]:
    return _said(column.name, column.unit)


def _said(name: str, unit: str) -> dict[str, str]:
    """Viewers show long_name as it is, so it has the unit."""
    return {"long_name": join_column(name, unit), **({"units": unit} if unit else {})}


def _group(parent: Any, name: str, nx_class: str) -> Any:
    group = parent.create_group(name, track_order=True)
    group.attrs["NX_class"] = nx_class
    return group


def _free(parent: Any, name: str) -> str:
    """The name, with a number behind it if something there has it."""
    names = (name, *(f"{name}_{number}" for number in range(2, len(parent) + 3)))
    return next(each for each in names if each not in parent)


def _texts(group: Any, texts: Mapping[str, str | None]) -> None:
    for name, text in texts.items():
        if text:
            group.create_dataset(name, data=text)
