"""A scan's data read from a PyBirch server over HTTP."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from pybirch.blocks import part
from pybirch.database_integration.sync.rest import Rest
from pybirch.dataset.facts import MeasurementFacts, ScanFacts, StoredArray
from pybirch.events import DataBlock, Readings
from pybirch.wire import from_block

if TYPE_CHECKING:
    from numpy.typing import NDArray

ARRAYS_AT_ONCE = 100


class ServerSource:
    """One scan of a server (see `pybirch.dataset.source.Source`); numbers arrive exactly.

    Raises:
        NotFoundError: the server knows no such scan.
        PyBirchError: the server does not answer, or refuses the token.
    """

    gives_new_arrays = False

    def __init__(self, rest: Rest, scan_id: str) -> None:
        self._rest = rest
        self._scan_id = scan_id

    @cached_property
    def _answer(self) -> dict[str, Any]:
        return self._rest.get("scan", self._scan_id)

    @cached_property
    def _conditions(self) -> dict[str, Any]:
        """What the scan ran under last."""
        kept = self._rest.get("scan", self._scan_id, "conditions")["items"]
        return kept[-1]["conditions"] if kept else {}

    def facts(self) -> ScanFacts:
        return ScanFacts.from_json(self._answer | {"conditions": self._conditions})

    def measurements(self) -> list[MeasurementFacts]:
        return [MeasurementFacts.from_json(entry) for entry in self._answer["measurements"]]

    def blocks(
        self, measurement: str, start: int, end: int, columns: Sequence[str] | None, newest: bool
    ) -> Iterator[Readings]:
        at = start
        while at < end:
            block, indexes, until = self._fetch(measurement, at, end, columns, newest)
            if indexes is None:
                yield block
            else:
                yield from _runs_of(block, np.asarray(indexes, dtype=np.int64))
            if until <= at:
                return
            at = until

    def arrays(self, measurement: str) -> Iterator[StoredArray]:
        for row in self._rows_of_arrays(measurement):
            npy = self._rest.get_bytes("array", str(row["id"]))
            data = np.load(io.BytesIO(npy), allow_pickle=False)
            yield StoredArray(row["name"], row["sequence_index"], data, row["unit"], tuple(row["axes"]))

    def _rows_of_arrays(self, measurement: str) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            page = self._rest.get(
                "scan", self._scan_id, "arrays", measurement, offset=offset, limit=ARRAYS_AT_ONCE
            )
            yield from page["items"]
            offset += ARRAYS_AT_ONCE
            if offset >= page["total"]:
                return

    def _fetch(
        self, measurement: str, start: int, end: int, columns: Sequence[str] | None, newest: bool
    ) -> tuple[Readings, list[int] | None, int]:
        """A piece from `start` on, the indexes its readings have where some are left out, and its end."""
        named = None if columns is None or any("," in name for name in columns) else ",".join(columns)
        answer = self._rest.get(
            "scan",
            self._scan_id,
            "data",
            measurement,
            start=start,
            end=end,
            format="float64",
            columns=named,
            **({} if newest else {"all": 1}),
        )
        block = DataBlock(
            scan_id=self._scan_id,
            measurement=measurement,
            first_index=answer["first_index"],
            count=answer["count"],
            columns=answer["columns"],
            encoding=answer["encoding"],
            replaces=None if newest else answer.get("replaces"),
        )
        return from_block(block), answer.get("indexes"), answer["end_index"]


def _runs_of(block: Readings, indexes: NDArray[np.int64]) -> Iterator[Readings]:
    """The readings as blocks of consecutive indexes, which `indexes` tells."""
    if not block.count:
        return
    bounds = [0, *(np.flatnonzero(np.diff(indexes) != 1) + 1).tolist(), block.count]
    for first, last in pairwise(bounds):
        yield replace(part(block, first, last), first_index=int(indexes[first]))
