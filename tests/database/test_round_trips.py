"""What goes into the record comes out the same, whatever a driver or a person can think of."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from database.care.compaction import compact_scan
from database.services import DatabaseService
from database.services.readings import ReadingsService
from pybirch.errors import FieldError
from pybirch.events import Readings

wild = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
NUMBER = count()

planes = [st.characters(min_codepoint=a << 16 | 1, max_codepoint=(a << 16) + 0xFFFF) for a in range(17)]
texts = st.text(st.one_of(planes).filter(lambda c: not 0xD800 <= ord(c) <= 0xDFFF), max_size=12)
names = texts.map(str.strip).filter(bool)
leaves = st.one_of(
    texts,
    st.just("nul\x00"),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
)
trees = st.dictionaries(
    texts,
    st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner)),
    max_size=4,
)
extremes = [np.nan, np.inf, -np.inf, -0.0, 5e-324, -2.2e-310, 1.7976931348623157e308, 1e-300]
floats = st.one_of(st.sampled_from(extremes), st.floats(width=64))
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1900, 1, 2), datetime(2200, 1, 1), timezones=zones | st.just(UTC))


def new_scan(db: DatabaseService, **fields: Any) -> str:
    return db.scans.create(scan_id=f"scan {next(NUMBER)}", **fields).scan_id


@st.composite
def blocks(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Columns of a few consecutive blocks of one measurement: numbers, arrays, arrays of any length."""
    columns = draw(
        st.dictionaries(
            names.map(lambda n: n.replace("(", "")), st.sampled_from("nar"), min_size=1, max_size=3
        )
    )
    width = draw(st.integers(1, 4))

    def values(kind: str, rows: int) -> Any:
        match kind:
            case "n":
                return np.array(draw(st.lists(floats, min_size=rows, max_size=rows)))
            case "a":
                many = draw(st.lists(floats, min_size=rows * width, max_size=rows * width))
                return np.array(many).reshape(rows, width)
        return [np.array(draw(st.lists(floats, max_size=5))) for _ in range(rows)]

    sizes = draw(st.lists(st.integers(0, 70) | st.integers(0, 3), min_size=1, max_size=4))
    return [
        {
            "times": np.array(draw(st.lists(st.floats(0, 4e9), min_size=rows, max_size=rows))),
            "values": {name: values(kind, rows) for name, kind in columns.items()},
        }
        for rows in sizes
    ]


def cells(values: Any) -> list[bytes]:
    """Each reading's bits."""
    return [np.asarray(value, dtype="<f8").tobytes() for value in values]


@given(made=blocks())
@wild
def test_readings_come_back_bit_by_bit(db: DatabaseService, made: list[dict[str, Any]]) -> None:
    service, scan_id = ReadingsService(db.database, most_rows=64), new_scan(db)
    first = 0
    for block in made:
        rows = len(block["times"])
        steps = np.arange(first, first + rows)
        service.append(
            scan_id,
            [
                Readings(
                    scan_id=scan_id, measurement="m", first_index=first, steps=steps, positions={}, **block
                )
            ],
        )
        first += rows
    if not first:
        assert service.last_indexes(scan_id) == {}
        return
    for _ in range(2):
        found = service.read(scan_id, "m")
        assert cells(found.times) == [bits for block in made for bits in cells(block["times"])]
        for name in made[0]["values"]:
            wanted = [bits for block in made for bits in cells(block["values"][name])]
            assert cells(found.values[name]) == wanted, name
        compact_scan(db.database, scan_id)


@given(name=texts, owner=texts, tags=st.lists(texts, max_size=4), fields=trees)
@wild
def test_every_plane_of_unicode_in_scans(
    db: DatabaseService, name: str, owner: str, tags: list[str], fields: dict[str, Any]
) -> None:
    scan_id = new_scan(
        db, scan_name=name, owner=owner, additional_tags=tags, extra_data={"user_fields": fields}
    )
    row = db.scans.get(scan_id)
    assert (row.scan_name, row.owner, row.additional_tags) == (name, owner, tags)
    assert row.extra_data == {"user_fields": fields}
    assert [scan.scan_id for scan in db.scans.list(owner=owner, scan_name=name, limit=1)] == [scan_id]
    db.search(f"{name} {owner}")


@given(message=texts, at=moments)
@wild
def test_logs_and_their_moments_in_any_zone(db: DatabaseService, message: str, at: datetime) -> None:
    queue = db.queues.create(queue_id=f"queue {next(NUMBER)}")
    for given_as in (at, at.isoformat()):
        db.logs.add(queue.id, "INFO", message, timestamp=given_as)
    for line in db.logs.list(queue_id=queue.id):
        assert (line.message, line.timestamp) == (message, at)
        assert line.timestamp.utcoffset() == timedelta(0)


@given(at=moments)
@wild
def test_moments_of_scans_in_any_zone(db: DatabaseService, at: datetime) -> None:
    scan_id = new_scan(db, created_at=at, started_at=at.isoformat())
    row = db.scans.get(scan_id)
    assert (row.created_at, row.started_at) == (at, at)
    assert scan_id in [scan.scan_id for scan in db.scans.list(since=at, until=at + timedelta(microseconds=1))]


BROKEN = ["nul\x00", "\x00", "half \ud800", "\udfff", "\udc00\ud800"]


@pytest.mark.parametrize("text", BROKEN)
def test_what_text_cannot_hold_is_refused_by_name(db: DatabaseService, text: str) -> None:
    scan_id = new_scan(db)
    readings = Readings(
        scan_id=scan_id,
        measurement="m",
        first_index=0,
        steps=np.zeros(1, dtype=np.int64),
        times=np.zeros(1),
        positions={},
        values={"v": np.zeros(1)},
    )

    def append(**changed: Any) -> Any:
        return db.readings.append(scan_id, [replace(readings, **changed)])

    refused = {
        "scan_name": lambda: db.scans.update(scan_id, scan_name=text),
        "scan_id": lambda: db.scans.create(scan_id=text),
        "description": lambda: db.samples.create(sample_id="W", description=text),
        "measurement": lambda: append(measurement=text),
        "columns": lambda: append(values={text: np.zeros(1)}),
        "name": lambda: db.measurements.create(scan_id, text),
    }
    for field, attempt in refused.items():
        with pytest.raises(FieldError) as caught:
            attempt()
        assert caught.value.field == field
    assert db.readings.measurements(scan_id) == []


@pytest.mark.parametrize("text", BROKEN)
def test_json_keeps_nul_and_refuses_half_characters(db: DatabaseService, text: str) -> None:
    for field, value in {"additional_tags": [text], "extra_data": {"user_fields": {text: text}}}.items():
        if any(0xD800 <= ord(c) <= 0xDFFF for c in text):
            with pytest.raises(FieldError) as caught:
                new_scan(db, **{field: value})
            assert caught.value.field == field
        else:
            assert getattr(db.scans.get(new_scan(db, **{field: value})), field) == value


@pytest.mark.parametrize("text", BROKEN)
def test_messages_of_broken_drivers_are_kept_as_far_as_they_can(db: DatabaseService, text: str) -> None:
    queue = db.queues.create(queue_id="Q")
    db.logs.add(queue.id, "ERROR", text)
    scan_id = new_scan(db)
    db.scans.set_status(scan_id, "running")
    db.scans.set_status(scan_id, "failed", message=text)
    for kept in (db.logs.list()[0].message, db.scans.get(scan_id).message, db.scans.get(scan_id).error):
        assert kept is not None
        assert "\N{REPLACEMENT CHARACTER}" in kept


def test_a_name_too_long_for_one_is_so_for_both(db: DatabaseService) -> None:
    scan_id = new_scan(db, scan_name="😀" * 255, owner="😀" * 255, project_name="😀" * 255)
    assert db.scans.get(scan_id).owner == "😀" * 255
    with pytest.raises(FieldError, match="255"):
        db.measurements.create(scan_id, "m" * 256)


@pytest.mark.parametrize(
    "at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2024-02-30", "", "now"]
)
def test_moments_that_are_none_are_named(db: DatabaseService, at: str) -> None:
    with pytest.raises(FieldError) as caught:
        new_scan(db, started_at=at)
    assert caught.value.field == "started_at"
