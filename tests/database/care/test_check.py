"""A check names what is damaged or missing, finds nothing where all is well; a repair mends what it can."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tracemalloc
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from database.care.check import check
from database.care.findings import Kind
from database.care.repair import repair
from database.services import DatabaseService
from database.services.readings import ReadingsService
from tests.database.care.filling import FULL, MERGED, do, fill, found, readings, require_readings


@pytest.fixture
def filled(db: DatabaseService) -> DatabaseService:
    fill(db, "S0")
    fill(db, "S1")
    return db


def said(db: DatabaseService) -> list[str]:
    return [str(one) for one in found(db.database)]


def flip(db: DatabaseService, table: str, number: int, byte: int = -20) -> None:
    """One bit of one row's payload."""
    with db.database.write() as session:
        query = text(f"SELECT payload FROM {table} WHERE id = :id")
        payload = bytearray(session.execute(query, {"id": number}).scalar_one())
        payload[byte] ^= 0x10
        change = text(f"UPDATE {table} SET payload = :payload WHERE id = :id")
        session.execute(change, {"payload": bytes(payload), "id": number})


def number_of(db: DatabaseService, table: str, where: str = "1 = 1") -> int:
    """A row of the second scan."""
    inside = "measurement_object_id IN (SELECT id FROM measurement_objects WHERE scan_id = "
    query = f"SELECT id FROM {table} WHERE {inside}(SELECT id FROM scans WHERE scan_id = 'S1')) AND {where}"
    with db.database.read() as session:
        return session.execute(text(f"{query} ORDER BY id LIMIT 1")).scalar_one()


def test_nothing_is_found_where_all_is_well(filled: DatabaseService) -> None:
    seen: list[tuple[int, int]] = []
    assert list(check(filled.database, lambda done, whole: seen.append((done, whole)), thorough=True)) == []
    whole = 2 * (FULL + 6 + 13)
    assert seen[-1] == (whole, whole)
    assert seen == sorted(seen)


@pytest.mark.parametrize("byte", [0, 20, -1])
def test_a_flipped_bit_in_a_block_is_named(filled: DatabaseService, byte: int) -> None:
    flip(filled, "measurement_blocks", number_of(filled, "measurement_blocks", "first_index = 128"), byte)
    assert said(filled) == ["scan S1, measurement 'iv', readings 128 to 191: damaged"]
    assert [str(left) for left in repair(filled.database, found(filled.database))] == said(filled)


@pytest.mark.parametrize("tier", [0, 1])
def test_a_flipped_bit_in_a_summary_is_named_and_mended(filled: DatabaseService, tier: int) -> None:
    flip(filled, "measurement_summaries", number_of(filled, "measurement_summaries", f"tier = {tier}"))
    beginning = "" if tier == 0 else "tier 1: "
    end = MERGED if tier == 0 else 16 * MERGED
    assert said(filled) == [
        f"scan S1, measurement 'iv', readings 0 to {end - 1}: {beginning}the summary is damaged"
    ]
    assert repair(filled.database, found(filled.database)) == []
    assert said(filled) == []
    require_readings(filled)


def test_a_flipped_bit_in_an_array_is_named(filled: DatabaseService) -> None:
    number = number_of(filled, "measurement_data_arrays")
    flip(filled, "measurement_data_arrays", number)
    (told,) = said(filled)
    assert told.startswith(f"scan S1, measurement 'iv': array 'image' ({number}) is damaged")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("first_index = 9999999", ["readings 128 to 191: missing"]),
        ("count = count + 1", ["readings 128 to 191: damaged"]),
        ("count = count - 1", ["readings 128 to 190: damaged", "readings 191 to 191: missing"]),
        ("count = 0", ["readings 128 to 128: damaged", "readings 128 to 191: missing"]),
        ("codec = 0", ["readings 128 to 191: damaged"]),
        ("checksum = checksum + 1", ["readings 128 to 191: damaged"]),
    ],
)
def test_a_changed_identity_is_named(filled: DatabaseService, change: str, expected: list[str]) -> None:
    number = number_of(filled, "measurement_blocks", "first_index = 128")
    do(filled, f"UPDATE measurement_blocks SET {change} WHERE id = :id", id=number)
    told = said(filled)
    for sentence in expected:
        assert f"scan S1, measurement 'iv', {sentence}" in told
    assert all(one.startswith("scan S1, measurement 'iv'") for one in told)


def test_missing_blocks_are_ranges(filled: DatabaseService) -> None:
    mine = "measurement_object_id = :owner AND first_index"
    owner = filled.readings.measurements("S1")[0].id
    do(filled, f"DELETE FROM measurement_blocks WHERE {mine} IN (0, 640, 704)", owner=owner)
    assert said(filled) == [
        "scan S1, measurement 'iv', readings 0 to 63: missing",
        "scan S1, measurement 'iv', readings 640 to 767: missing",
    ]
    do(filled, f"DELETE FROM measurement_blocks WHERE {mine} > 768", owner=owner)
    assert f"scan S1, measurement 'iv', readings 832 to {FULL + 5}: missing" in said(filled)
    do(filled, "DELETE FROM measurement_blocks WHERE measurement_object_id = :owner", owner=owner)
    assert f"scan S1, measurement 'iv', readings 0 to {FULL + 5}: missing" in said(filled)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE scans SET points_done = points_done + 5",
        "UPDATE scans SET points_replaced = 0",
        "UPDATE measurement_objects SET open_blocks = 0, open_from = 0",
        "UPDATE measurement_objects SET open_from = open_from + 1 WHERE open_blocks > 0",
        "UPDATE measurement_objects SET replaced = 7",
        "UPDATE measurement_objects SET next_index = next_index - 1",
        "DELETE FROM measurement_summaries",
        "DELETE FROM measurement_summaries WHERE tier = 1",
        "DELETE FROM measurement_summaries WHERE first_index = 64",
        "UPDATE measurement_summaries SET bin = bin + 1",
    ],
)
def test_what_follows_from_the_rest_is_mended(filled: DatabaseService, statement: str) -> None:
    do(filled, statement)
    wrong = found(filled.database)
    assert {one.scan_id for one in wrong} == {"S0", "S1"}
    assert all(one.is_repairable for one in wrong)
    assert repair(filled.database, wrong) == []
    assert said(filled) == []
    for scan_id in ("S0", "S1"):
        require_readings(filled, scan_id)
        assert filled.scans.get(scan_id).points_done == FULL + 6 + 13
        assert filled.scans.get(scan_id).points_replaced == 3
        assert filled.readings.overview(scan_id, "map", max_points=5).first_index == 0


def test_a_mended_scan_can_go_on(db: DatabaseService) -> None:
    fill(db, status="interrupted")
    do(db, "UPDATE measurement_objects SET open_blocks = 40, next_index = next_index - 1")
    repair(db.database, found(db.database))
    service = ReadingsService(db.database, MERGED)
    for first in range(FULL + 6, 30 * MERGED, 6):
        service.append("S1", [readings("S1", "iv", first, 6)])
    assert said(db) == []
    require_readings(db, count=30 * MERGED)


def test_a_lost_block_keeps_its_summary_and_the_rest_is_mended(filled: DatabaseService) -> None:
    owner, mine = filled.readings.measurements("S1")[0].id, "measurement_object_id = :o AND"
    do(filled, f"DELETE FROM measurement_blocks WHERE {mine} first_index = 64", o=owner)
    do(filled, f"DELETE FROM measurement_summaries WHERE {mine} tier = 1", o=owner)
    left = repair(filled.database, found(filled.database))
    assert [str(one) for one in left] == ["scan S1, measurement 'iv', readings 64 to 127: missing"]


def test_a_row_that_refers_to_none_is_told(empty_record: Path, tmp_path: Path) -> None:
    with DatabaseService(tmp_path / "lab.db") as db:
        fill(db)
        with closing(sqlite3.connect(tmp_path / "lab.db")) as connection:
            connection.execute("UPDATE scans SET sample_id = 77")
            connection.commit()
        assert said(db) == ["database: 1 rows of scans refer to rows of samples that are not there"]


def test_a_broken_page_is_told_and_the_rest_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "lab.db"
    with DatabaseService(path) as db:
        fill(db, count=400 * MERGED)
    size = path.stat().st_size
    with path.open("rb+") as stream:
        stream.seek(size // 2)
        stream.write(b"\xff" * 8192)
    assert found(path), "a page of noise in the middle"


def test_an_archive_that_is_gone_is_told(filled: DatabaseService) -> None:
    do(filled, "UPDATE scans SET archive = 'gone.db' WHERE scan_id = 'S1'")
    told = found(filled.database)
    assert {one.kind for one in told} == {Kind.FILE, Kind.LEFTOVER}
    assert "its archive" in str(told[0])


ROOT = Path(__file__).parents[3]
WRITER = """
import sys
from database.services import DatabaseService
from database.services.readings import ReadingsService
from tests.database.care.filling import readings
db = DatabaseService(sys.argv[1], migrate=False)
db.scans.create(scan_id="L", writer="w", status="running")
service = ReadingsService(db.database, 64)
print("begun", flush=True)
for first in range(0, 1 << 30, 3):
    service.append("L", [readings("L", "iv", first, 3)], writer="w")
"""


def test_nothing_is_found_while_a_station_measures(filled: DatabaseService, place: str) -> None:
    command = [sys.executable, "-c", WRITER, place]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "begun\n"
        try:
            for _ in range(8):
                before = filled.scans.get("L").points_done
                assert said(filled) == []
                while filled.scans.get("L").points_done <= before:
                    assert writer.poll() is None, "the writer goes on"
        finally:
            writer.kill()


def test_memory_does_not_grow_with_the_database(tmp_path: Path) -> None:
    peaks = []
    for factor in (1, 3):
        with DatabaseService(tmp_path / f"{factor}.db") as db:
            fill(db, count=260 * factor * MERGED)
            found(db.database)
            tracemalloc.start()
            assert found(db.database) == []
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0], peaks
