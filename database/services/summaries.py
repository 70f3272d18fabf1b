"""Min, max, mean of full blocks in bins, and of many such summaries in coarser bins.

A tier-0 summary covers one full block; 16 summaries of a tier make one of the next. Each has at
most 256 bins, so an overview of any range reads about as many rows, whatever the range holds.
NaN counts as no reading; where a bin has no number at all, its statistics are NaN.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Table, bindparam, func, insert, select

from database import codec
from database.codec import Column
from database.errors import DamagedDataError
from database.models.block import MeasurementSummary
from database.services.blocks import Owner
from database.session import BLOBS

MOST_BINS = 256
FAN = 16
MIN, MAX, MEAN, WEIGHT, ORDER = range(5)
"""Rows of `Bins.stats`; ORDER is 1 where the maximum comes before the minimum."""

_HEADER = struct.Struct("<III")
summaries = cast(Table, MeasurementSummary.__table__)
_INSERT = insert(summaries)
_END = select(func.max(summaries.c.first_index + summaries.c.count)).where(
    summaries.c.measurement_object_id == bindparam("owner"), summaries.c.tier == bindparam("tier")
)
_RANGE = (
    select(
        summaries.c.first_index,
        summaries.c.count.label("held"),
        summaries.c.tier,
        summaries.c.bin,
        summaries.c.checksum,
        summaries.c.payload,
    )
    .where(
        summaries.c.measurement_object_id == bindparam("owner"),
        summaries.c.tier == bindparam("tier"),
        summaries.c.first_index >= bindparam("start"),
        summaries.c.first_index < bindparam("end"),
    )
    .order_by(summaries.c.first_index)
    .execution_options(**BLOBS)
)
_PLACES = (
    select(summaries.c.first_index, summaries.c.count.label("held"))
    .where(
        summaries.c.measurement_object_id == bindparam("owner"),
        summaries.c.tier == bindparam("tier"),
        summaries.c.first_index >= bindparam("start"),
    )
    .order_by(summaries.c.first_index)
    .limit(bindparam("most"))
)
_TIERS = (
    select(summaries.c.tier, func.max(summaries.c.bin), func.max(summaries.c.count))
    .where(summaries.c.measurement_object_id == bindparam("owner"))
    .group_by(summaries.c.tier)
    .order_by(summaries.c.tier.desc())
)


@dataclass(frozen=True, slots=True)
class Bins:
    """Statistics of consecutive ranges of readings.

    Attributes:
        starts: first index of each bin, int64; a bin ends where the next begins, the last at `end`.
        stats: float64 (5, columns, bins): min, max, mean, weight (numbers counted), order.
    """

    starts: NDArray[np.int64]
    end: int
    stats: NDArray[np.float64]

    @property
    def ends(self) -> NDArray[np.int64]:
        return np.append(self.starts[1:], self.end)

    def inside(self, start: int, end: int) -> Self | None:
        """The bins that lie wholly in ``start … end - 1``."""
        ends = self.ends
        keep = np.flatnonzero((self.starts >= start) & (ends <= end))
        if not keep.size:
            return None
        return type(self)(self.starts[keep], int(ends[keep[-1]]), self.stats[:, :, keep])

    @classmethod
    def joined(cls, parts: Sequence[Bins]) -> Bins:
        """Consecutive bins, end to end."""
        return cls(
            np.concatenate([part.starts for part in parts]),
            parts[-1].end,
            np.concatenate([part.stats for part in parts], axis=2),
        )

    @classmethod
    def of_readings(cls, first: int, columns: Sequence[Column], size: int) -> Bins:
        """Bins of `size` readings each (the last may be smaller); arrays have no statistics."""
        count = len(columns[-1])
        offsets = np.arange(0, count, size)
        stats = np.full((5, len(columns), len(offsets)), np.nan)
        stats[WEIGHT:] = 0.0
        singles = np.arange(count)
        for i, column in enumerate(columns):
            if isinstance(column, np.ndarray) and column.ndim == 1:
                x = column.astype(np.float64, copy=False)
                stats[:, i] = _reduce(x, x, x, (~np.isnan(x)).astype(np.float64), None, singles, offsets)
        return cls(first + offsets, first + count, stats)

    def coarser(self, offsets: NDArray[np.int64]) -> Bins:
        """Bins joined to larger ones, each beginning with the bin at one of `offsets`."""
        stats = np.empty((5, self.stats.shape[1], len(offsets)))
        places = np.arange(len(self.starts))
        for i in range(self.stats.shape[1]):
            low, high, mean, weight, order = self.stats[:, i]
            stats[:, i] = _reduce(low, high, mean, weight, order, places, offsets)
        return Bins(self.starts[offsets], self.end, stats)

    def pack(self) -> bytes:
        _, columns, bins = self.stats.shape
        body = self.starts.astype("<i8").tobytes() + self.stats.astype("<f8").tobytes()
        return _HEADER.pack(1, columns, bins) + codec.compress(body)

    @classmethod
    def unpack(cls, payload: bytes, end: int) -> Bins:
        _, columns, bins = _HEADER.unpack_from(payload)
        body = codec.decompress(payload[_HEADER.size :])
        starts = np.frombuffer(body, dtype="<i8", count=bins)
        return cls(starts, end, np.frombuffer(body, dtype="<f8", offset=8 * bins).reshape(5, columns, bins))


def add(connection: Connection, owner: Owner, first: int, columns: Sequence[Column]) -> None:
    """Summarise a full block; where that completes a row of 16, summarise those as well."""
    insert_row(connection, owner, 0, *of_block(first, columns))
    tier = 0
    while raise_next(connection, owner, tier):
        tier += 1


def of_block(first: int, columns: Sequence[Column]) -> tuple[int, Bins]:
    """The size of the bins of a full block's summary, and the bins."""
    size = 1 << max(0, (-(-len(columns[-1]) // MOST_BINS) - 1).bit_length())
    return size, Bins.of_readings(first, columns, size)


def of_summaries(parts: Sequence[Bins]) -> tuple[int, Bins]:
    """The largest bin of the summary of consecutive summaries, and its bins."""
    bins = Bins.joined(parts)
    target = -(-(bins.end - int(bins.starts[0])) // MOST_BINS)
    wide = bins.coarser(group_starts(bins.starts, int(bins.starts[0]), target))
    return int((wide.ends - wide.starts).max()), wide


def tiers(connection: Connection, owner: Owner) -> list[tuple[int, int, int]]:
    """(tier, largest bin, largest count) of the tiers there are, coarsest first."""
    return [(row[0], row[1], row[2]) for row in connection.execute(_TIERS, {"owner": owner.id})]


def fetch(connection: Connection, owner: Owner, tier: int, start: int, end: int) -> Sequence[Any]:
    """The rows of a tier that begin in ``start … end - 1``, in order."""
    return connection.execute(_RANGE, {"owner": owner.id, "tier": tier, "start": start, "end": end}).all()


def take_out(row: Any, owner: Owner) -> Bins:
    """The bins of a fetched row.

    Raises:
        DamagedDataError: the bytes are not those that were stored.
    """
    if _checksum(owner, row.tier, row.first_index, row.held, row.payload) != row.checksum:
        raise DamagedDataError(
            f"scan {owner.scan_id}, measurement {owner.measurement!r}: the summary of readings "
            f"{row.first_index} to {row.first_index + row.held - 1} is damaged in the database"
        )
    return Bins.unpack(row.payload, row.first_index + row.held)


def raise_next(connection: Connection, owner: Owner, tier: int) -> bool:
    """Summarise the next 16 neighbours of `tier` that have no summary above them, if there are 16."""
    covered = connection.execute(_END, {"owner": owner.id, "tier": tier + 1}).scalar() or 0
    for first, end in runs(places(connection, owner, tier, covered)):
        try:
            parts = [take_out(row, owner) for row in fetch(connection, owner, tier, first, end)]
        except DamagedDataError:
            continue  # nothing is said about these
        insert_row(connection, owner, tier + 1, *of_summaries(parts))
        return True
    return False


def places(
    connection: Connection, owner: Owner, tier: int, start: int = 0, most: int = 1 << 40
) -> Sequence[Any]:
    """(first_index, count) of a tier's rows that begin at `start` or later, in order."""
    given = {"owner": owner.id, "tier": tier, "start": start, "most": most}
    return connection.execute(_PLACES, given).all()


def runs(places: Iterable[Any]) -> Iterator[tuple[int, int]]:
    """(first, end) of each 16 neighbours among rows; what follows a gap begins anew."""
    first, end, held = 0, -1, 0
    for place in places:
        if place.first_index != end:
            first, held = place.first_index, 0
        end, held = place.first_index + place.held, held + 1
        if held == FAN:
            yield first, end
            end = -1


def group_starts(starts: NDArray[np.int64], origin: int, size: int) -> NDArray[np.int64]:
    """Where in `starts` each new group of about `size` readings, counted from `origin`, begins."""
    groups = (starts - origin) // size
    return np.flatnonzero(np.diff(groups, prepend=groups[0] - 1))


def insert_row(connection: Connection, owner: Owner, tier: int, size: int, bins: Bins) -> None:
    """Store one summary; `size` is that of its largest bin."""
    first, payload = int(bins.starts[0]), bins.pack()
    count = bins.end - first
    connection.execute(
        _INSERT,
        {
            "measurement_object_id": owner.id,
            "tier": tier,
            "first_index": first,
            "count": count,
            "bin": size,
            "checksum": _checksum(owner, tier, first, count, payload),
            "payload": payload,
        },
    )


def _checksum(owner: Owner, tier: int, first: int, count: int, payload: bytes) -> int:
    return codec.checksum(owner.id, first, count, tier + 128, payload)


def _reduce(
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    mean: NDArray[np.float64],
    weight: NDArray[np.float64],
    order: NDArray[np.float64] | None,
    places: NDArray[np.int64],
    offsets: NDArray[np.int64],
) -> NDArray[np.float64]:
    """(5, bins) of values that begin a new bin at each of `offsets`."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        lowest, highest = np.fmin.reduceat(low, offsets), np.fmax.reduceat(high, offsets)
        weights = np.add.reduceat(weight, offsets)
        means = np.add.reduceat(np.where(weight > 0, mean * weight, 0.0), offsets) / weights
    bin_of = np.repeat(np.arange(len(offsets)), np.diff(offsets, append=len(low)))
    at_low = _first_place(low == lowest[bin_of], bin_of, places, len(offsets))
    at_high = _first_place(high == highest[bin_of], bin_of, places, len(offsets))
    later = (at_high < at_low).astype(np.float64)
    if order is not None:
        later = np.where(at_low == at_high, order[at_low], later)
    return np.stack([lowest, highest, means, weights, later])


def _first_place(
    hit: NDArray[np.bool_], bin_of: NDArray[np.int64], places: NDArray[np.int64], bins: int
) -> NDArray[np.int64]:
    """The first place in each bin where `hit`; 0 where there is none."""
    hits = places[hit][::-1]
    found = np.zeros(bins, dtype=np.int64)
    found[bin_of[hits]] = hits
    return found
