"""Readings that repeat earlier ones, and where scans went back: kept with the readings, once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as tries
from hypothesis import strategies as st
from sqlalchemy import func, select

from database.models import MeasurementReplacement
from database.services import DatabaseService
from pybirch.blocks import join, part
from pybirch.database_integration import DataManager
from pybirch.database_integration.store import StoredReadings
from pybirch.errors import FieldError, IllegalTransitionError, StaleWriterError
from pybirch.events import Readings
from pybirch.scan.scan import new_scan_id


def block(steps: list[int], named: list[int] | None = None, first: int = 0, width: int = 0) -> Readings:
    """Readings of these steps; the value is the index."""
    index = np.arange(first, first + len(steps), dtype=float)
    return Readings(
        scan_id="S",
        measurement="m",
        first_index=first,
        steps=np.array(steps),
        times=1.7e9 + index,
        positions={"x (mm)": np.array(steps, dtype=float)},
        values={"v (V)": np.repeat(index[:, None], width, axis=1) if width else index},
        replaces=None if named is None else np.array(named),
    )


WALKS = block([0, 1, 2, 3, 4, 5, 2, 3, 4, 5, 6, 3, 4], [-1] * 6 + [2, 3, 4, 5, -1, 7, 8])
"""To step 5, from 2 to 6, from 3 to 4."""
NEWEST = [0, 1, 6, 9, 10, 11, 12]


@pytest.fixture
def scan(db: DatabaseService) -> str:
    return db.create_scan(scan_id="S", scan_name="s", status="running", writer="w:1").scan_id


def object_of(db: DatabaseService) -> int:
    return db.readings.measurements("S")[0].id


def runs(db: DatabaseService) -> int:
    with db.database.read() as session:
        return session.scalar(select(func.count(MeasurementReplacement.id))) or 0


@pytest.mark.parametrize("size", [1, 2, 3, 5, 13])
def test_all_by_index_and_the_newest(db: DatabaseService, scan: str, size: int) -> None:
    for at in range(0, 13, size):
        db.readings.append(scan, [part(WALKS, at, min(13, at + size))])
    back = db.readings.read(scan, "m")
    assert back.replaces is not None
    assert WALKS.replaces is not None
    assert back.replaces.tolist() == WALKS.replaces.tolist()
    assert back.values["v (V)"].tolist() == list(range(13))
    assert runs(db) == 2, "what goes on is one run"
    middle = db.readings.read(scan, "m", 5, 8).replaces
    assert middle is not None
    assert middle.tolist() == [-1, 2, 3]
    assert db.readings.read(scan, "m", 0, 6).replaces is None
    assert db.readings.replaced(scan, "m").tolist() == [[2, 6], [7, 9]]
    pieces = list(db.readings.iter_blocks(scan, "m", newest=True))
    assert [i for piece in pieces for i in range(piece.first_index, piece.end_index)] == NEWEST
    assert [v for piece in pieces for v in piece.values["v (V)"].tolist()] == NEWEST
    assert join(list(db.readings.iter_blocks(scan, "m"))).count == 13
    row = db.readings.measurements(scan)[0]
    assert (row.count, row.replaced, db.get_data_point_count(scan)) == (13, 6, 13)


def test_what_is_sent_twice_is_kept_once(db: DatabaseService, scan: str) -> None:
    for piece in (part(WALKS, 0, 8), part(WALKS, 0, 8), part(WALKS, 4, 10), part(WALKS, 6, 13), WALKS):
        db.readings.append(scan, [piece])
    assert db.readings.measurements(scan)[0].replaced == 6
    assert runs(db) == 2
    assert (db.scans.get(scan).points_done, db.scans.get(scan).points_replaced) == (13, 6)
    back = db.readings.read(scan, "m").replaces
    assert back is not None
    assert WALKS.replaces is not None
    assert back.tolist() == WALKS.replaces.tolist()


@pytest.mark.parametrize("named", [[0], [3], [1, 2, 5]])
def test_a_reading_repeats_an_earlier_one_or_none(db: DatabaseService, scan: str, named: list[int]) -> None:
    db.readings.append(scan, [block([0])])
    wrong = block([0] * len(named), [named[0] if len(named) > 1 else 5, *named[1:]], 1)
    with pytest.raises(FieldError, match="cannot repeat"):
        db.readings.append(scan, [wrong])
    assert db.get_data_point_count(scan) == 1, "all of it or nothing"
    with pytest.raises(FieldError, match="replaces"):
        db.readings.append(scan, [replace(block([0], first=1), replaces=np.array([0, 0]))])


def test_points_and_frames_are_the_newest_unless_all_are_wanted(db: DatabaseService, scan: str) -> None:
    db.readings.append(scan, [WALKS])
    number = object_of(db)
    points = db.get_measurement_data(number)
    assert [point.sequence_index for point in points] == NEWEST
    assert [point.values["v"] for point in points] == NEWEST
    assert [point.replaces for point in points] == [None, None, 2, 5, None, 7, 8]
    assert [p.sequence_index for p in db.get_measurement_data(number, 5, 10)] == [6, 9]
    everything = db.get_measurement_data(number, all_readings=True)
    assert [point.sequence_index for point in everything] == list(range(13))
    assert db.get_measurement_data_point(number, 3).step == 3
    manager = DataManager(db)
    assert list(manager.get_data(scan, "m").index) == NEWEST
    assert list(manager.get_data(scan, "m")["x (mm)"]) == [0, 1, 2, 5, 6, 3, 4]
    assert list(manager.get_data(scan, "m", all_readings=True).index) == list(range(13))


@pytest.mark.parametrize("width", [0, 3])
def test_an_overview_of_the_newest_has_no_value_that_was_repeated(
    db: DatabaseService, scan: str, width: int
) -> None:
    count = 5_000
    first = block(list(range(count)), width=width)
    again = block(list(range(1_000, 2_000)), list(range(1_000, 2_000)), count, width)
    db.readings.append(scan, [first, again])
    found = db.readings.overview(scan, "m", 200, newest=True)
    assert (found.first_index, found.end_index) == (0, count + 1_000)
    assert not ((found.indexes >= 1_000) & (found.indexes < 2_000)).any()
    assert 100 <= len(found.indexes) <= 210
    values = found.readings.values["v (V)"]
    assert values.reshape(len(found.indexes), -1)[:, 0].tolist() == found.indexes.tolist()
    whole = db.readings.overview(scan, "m", 200)
    assert ((whole.indexes >= 1_000) & (whole.indexes < 2_000)).any()
    short = db.readings.overview(scan, "m", 200, start=990, end=1_010, newest=True)
    assert short.indexes.tolist() == list(range(990, 1_000))
    nothing = db.readings.overview(scan, "m", 200, start=1_200, end=1_300, newest=True)
    assert (nothing.first_index, nothing.end_index, len(nothing.indexes)) == (1_200, 1_300, 0)


def test_where_a_scan_went_back_is_kept_once_in_a_row(db: DatabaseService, scan: str) -> None:
    db.readings.append(scan, [part(WALKS, 0, 6)])
    for _ in range(2):
        db.scans.note_rewind(scan, 2, writer="w:1")
    db.readings.append(scan, [part(WALKS, 0, 11)])
    db.scans.note_rewind(scan, 3)
    assert [(row.step, row.counts) for row in db.scans.rewinds(scan)] == [(2, {"m": 6}), (3, {"m": 11})]
    with pytest.raises(StaleWriterError):
        db.scans.note_rewind(scan, 3, writer="w:2")
    with pytest.raises(FieldError, match="negative"):
        db.scans.note_rewind(scan, -1)
    db.update_scan_status(scan, "completed")
    with pytest.raises(IllegalTransitionError, match="completed"):
        db.scans.note_rewind(scan, 0)


def test_how_far_a_scan_is_counts_from_where_it_went_back_to(db: DatabaseService, scan: str) -> None:
    record = StoredReadings(db, scan)
    other = replace(block(list(range(9))), measurement="n")
    db.readings.append(scan, [part(WALKS, 0, 6), other])
    assert record.steps(["m", "n"]) == 9
    db.scans.note_rewind(scan, 2)
    assert record.steps(["m", "n"]) == 2, "what the other read before does not count any more"
    db.readings.append(scan, [part(WALKS, 6, 8)])
    assert record.steps(["m", "n"]) == 4
    assert record.steps_of("m", 4, 8).tolist() == [4, 5, 2, 3]
    assert record.steps_of("m", 4, 4).tolist() == []
    [rewind] = record.rewinds()
    assert (rewind.step, rewind.counts) == (2, {"m": 6, "n": 9})


@pytest.fixture(scope="module")
def memory() -> Iterator[DatabaseService]:
    with DatabaseService("sqlite:///:memory:") as db:
        yield db


@tries(max_examples=60, deadline=None)
@given(st.lists(st.integers(-1, 30), min_size=1, max_size=30), st.sets(st.integers(1, 29)), st.data())
def test_cut_anywhere_it_says_the_same(
    memory: DatabaseService, wanted: list[int], cuts: set[int], data: Any
) -> None:
    named = [replaces if replaces < i else -1 for i, replaces in enumerate(wanted)]
    whole = block(list(range(len(named))), named)
    bounds = [0, *sorted(cut for cut in cuts if cut < len(named)), len(named)]
    db, scan = memory, memory.create_scan(scan_id=new_scan_id(), scan_name="s", status="running").scan_id
    for start, end in pairwise(bounds):
        db.readings.append(scan, [part(whole, data.draw(st.integers(0, start)), end)])
    start = data.draw(st.integers(0, len(named)))
    end = data.draw(st.integers(start, len(named)))
    found = db.readings.read(scan, "m", start, end).replaces
    assert ([-1] * (end - start) if found is None else found.tolist()) == named[start:end]
    gone = {i for i in named if i >= 0}
    shown = [i for i in range(start, end) if i not in gone]
    assert [
        p.sequence_index for p in db.get_measurement_data(db.readings.measurements(scan)[0].id, start, end)
    ] == shown
    pieces = db.readings.iter_blocks(scan, "m", start, end, newest=True)
    assert [i for piece in pieces for i in range(piece.first_index, piece.end_index)] == shown
    overview = db.readings.overview(scan, "m", 100, start=start, end=end, newest=True)
    assert overview.indexes.tolist() == shown
