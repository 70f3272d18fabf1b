"""Which stored readings repeat which: runs, stored with the readings and read where there are any."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from sqlalchemy import Connection, Table, bindparam, insert, select, update

from database.models.rewind import MeasurementReplacement
from pybirch.errors import FieldError
from pybirch.replacing import Run

_runs = cast(Table, MeasurementReplacement.__table__)
_RUN = select(_runs.c.first_index, _runs.c.count, _runs.c.replaces)
_OF = _RUN.where(
    _runs.c.measurement_object_id == bindparam("owner"),
    _runs.c.first_index < bindparam("end"),
    _runs.c.first_index + _runs.c.count > bindparam("start"),
).order_by(_runs.c.first_index)
_LAST = (
    _RUN.where(_runs.c.measurement_object_id == bindparam("owner"))
    .order_by(_runs.c.first_index.desc())
    .limit(1)
)
_ADD = insert(_runs)
_LONGER = (
    update(_runs)
    .where(
        _runs.c.measurement_object_id == bindparam("owner"),
        _runs.c.first_index == bindparam("first"),
    )
    .values(count=bindparam("more"))
)
EVERYTHING = 1 << 62


def store(connection: Connection, owner: int, runs: Sequence[Run], since: int) -> int:
    """Keep what the readings from index `since` on repeat; gives how many do so.

    A run that goes on where the last one ends makes that one longer.

    Raises:
        FieldError: a reading repeats one that does not come before it.
    """
    fresh = [run for given in runs if (run := given.between(since, EVERYTHING)).count > 0]
    if not fresh:
        return 0
    row = connection.execute(_LAST, {"owner": owner}).first()
    last = Run(*row) if row is not None else None
    for run in fresh:
        if not 0 <= run.replaces < run.first:
            raise FieldError("replaces", f"reading {run.first} cannot repeat reading {run.replaces}")
        if last is not None and last.goes_on(run):
            last = Run(last.first, last.count + run.count, last.replaces)
            connection.execute(_LONGER, {"owner": owner, "first": last.first, "more": last.count})
        else:
            last = run
            connection.execute(
                _ADD,
                {
                    "measurement_object_id": owner,
                    "first_index": run.first,
                    "count": run.count,
                    "replaces": run.replaces,
                },
            )
    return sum(run.count for run in fresh)


def fetch(connection: Connection, owner: int, start: int = 0, end: int = EVERYTHING) -> list[Run]:
    """The runs among the readings ``start … end - 1``."""
    rows = connection.execute(_OF, {"owner": owner, "start": start, "end": end})
    return [Run(*row) for row in rows]
