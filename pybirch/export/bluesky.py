"""Bluesky's event model: a line of JSON a document, ``["start", {…}]``, as suitcase-jsonl writes them.

A measurement is a stream. Readings come as event pages; the uid of an event is the identity of the
reading: scan, measurement, sequence index. NaN and infinities are the words NaN, Infinity, -Infinity, as
Python's json reads and writes them. A scan that has not ended has no stop document.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from pybirch.blocks import part as part_of
from pybirch.dataset.libraries import library
from pybirch.export.names import document_name, unlike

if TYPE_CHECKING:
    from pybirch.dataset.facts import ColumnFacts, ScanFacts
    from pybirch.dataset.measurement import MeasurementData
    from pybirch.events import Readings
    from pybirch.export.contents import Contents

NUMBERS_A_PAGE = 10_000
EXITS = {"completed": "success", "aborted": "abort", "failed": "fail", "interrupted": "fail"}

Document = tuple[str, dict[str, Any]]


def lines(contents: Contents) -> Iterator[str]:
    """Each document as a line."""
    for name, document in documents(contents):
        yield json.dumps([name, document], default=_plain, separators=(",", ":")) + "\n"


def documents(contents: Contents) -> Iterator[Document]:
    """start, a descriptor and event pages a measurement, stop."""
    facts = contents.facts
    last = begun = _begun(contents)
    yield _checked("start", _start(facts, contents.parts, begun))
    events = {}
    streams = unlike([part.name for part in contents.parts], document_name)
    for part in contents.parts:
        stream = streams[part.name]
        events[stream] = 0
        descriptor = f"{facts.scan_id}/{part.name}"
        keys = unlike([column.full for column in part.columns], document_name)
        yield _checked("descriptor", _descriptor(facts, part, stream, keys, begun))
        for block in contents.blocks(part):
            for piece in _pieces(block, part):
                yield "event_page", _page(piece, part, descriptor, keys, events[stream])
                events[stream] += piece.count
                last = max(last, float(piece.times[-1]))
    if facts.status in EXITS:
        yield _checked("stop", _stop(facts, events, last))


def _begun(contents: Contents) -> float:
    """When the scan began, in seconds since 1970; of one that was not recorded, when it first read."""
    facts = contents.facts
    if told := facts.started_at or facts.created_at:
        return told.timestamp()
    firsts = (next(iter(part.blocks()), None) for part in contents.parts)
    return min((float(first.times[0]) for first in firsts if first is not None and first.count), default=0.0)


def _start(facts: ScanFacts, parts: tuple[MeasurementData, ...], begun: float) -> dict[str, Any]:
    told = {
        "plan_name": facts.scan_type,
        "project": facts.project,
        "owner": facts.owner,
        "sample": facts.sample,
    }
    positions = [c.full for c in (parts[0].columns if parts else ()) if c.role == "position"]
    keys = unlike([column.full for column in parts[0].columns], document_name) if parts else {}
    dimensions = [[[keys[name]], document_name(parts[0].name)] for name in positions]
    return {
        "uid": facts.scan_id,
        "time": begun,
        "hints": {"dimensions": dimensions} if dimensions else {},
        "pybirch": _with_keys(facts.as_json()),
        **{key: _with_keys(value) for key, value in told.items() if value},
    }


def _with_keys(value: Any) -> Any:
    """With keys that the schema allows, however deep."""
    if isinstance(value, dict):
        named = unlike(map(str, value), document_name)
        return {named[str(key)]: _with_keys(inner) for key, inner in value.items()}
    return [_with_keys(inner) for inner in value] if isinstance(value, list) else value


def _descriptor(
    facts: ScanFacts, part: MeasurementData, stream: str, keys: dict[str, str], begun: float
) -> dict[str, Any]:
    return {
        "uid": f"{facts.scan_id}/{part.name}",
        "run_start": facts.scan_id,
        "time": begun,
        "name": stream,
        "data_keys": {keys[c.full]: _data_key(stream, c) for c in part.columns},
        "object_keys": {stream: list(keys.values())},
        "configuration": {},
        "hints": {stream: {"fields": [keys[c.full] for c in part.columns if c.role == "data"]}},
    }


def _data_key(measurement: str, column: ColumnFacts) -> dict[str, Any]:
    return {
        "source": f"pybirch:{measurement}/{column.name}",
        "dtype": "array" if column.shape else "number",
        "dtype_numpy": "<f8",
        "shape": list(column.shape),
        "units": column.unit,
        "object_name": measurement,
    }


def _page(
    block: Readings, part: MeasurementData, descriptor: str, keys: dict[str, str], before: int
) -> dict[str, Any]:
    times = block.times.tolist()
    data = {keys[c.full]: _listed(c.of(block)) for c in part.columns}
    return {
        "descriptor": descriptor,
        "uid": [f"{descriptor}/{index}" for index in range(block.first_index, block.end_index)],
        "seq_num": list(range(before + 1, before + block.count + 1)),
        "time": times,
        "data": data,
        "timestamps": dict.fromkeys(data, times),
        "filled": {},
    }


def _stop(facts: ScanFacts, events: dict[str, int], last: float) -> dict[str, Any]:
    return {
        "uid": f"{facts.scan_id}/stop",
        "run_start": facts.scan_id,
        "time": facts.finished_at.timestamp() if facts.finished_at else last,
        "exit_status": EXITS[facts.status],
        "reason": facts.error or ("" if facts.status == "completed" else facts.status),
        "num_events": events,
    }


def _pieces(block: Readings, part: MeasurementData) -> Iterator[Readings]:
    width = 2 + sum(prod(k or 1_000 for k in column.shape) for column in part.columns)
    most = max(1, NUMBERS_A_PAGE // width)
    for start in range(0, block.count, most):
        yield part_of(block, start, min(start + most, block.count))


def _checked(name: str, document: dict[str, Any]) -> Document:
    """Few, and put together from what people typed: so each is held against the schema."""
    model = library("event_model")
    model.schema_validators[model.DocumentNames[name]].validate(document)
    return name, document


def _listed(values: Any) -> list[Any]:
    return values.tolist() if isinstance(values, np.ndarray) else [np.asarray(one).tolist() for one in values]


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return str(value)
