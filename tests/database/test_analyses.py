"""Analyses: from which readings, by which code, by whom."""

from __future__ import annotations

import getpass
import hashlib
import subprocess
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from database.services import DatabaseService
from database.services.provenance import code_of
from pybirch.errors import FieldError, NotFoundError


@pytest.fixture
def scans(db: DatabaseService, make_readings: Any) -> DatabaseService:
    """Scan S1 with 10 readings of "iv" and 4 of "pl", S2 with 3 of "iv", S3 that has not measured."""
    for scan_id in ("S1", "S2", "S3"):
        db.scans.create(scan_id=scan_id, writer="w")
    db.readings.append("S1", [make_readings(0, 10), make_readings(0, 4, measurement="pl")])
    db.readings.append("S2", [make_readings(0, 3, scan_id="S2")])
    return db


def ranges(row: Any) -> list[tuple[str, str, int, int]]:
    return [(one.scan.scan_id, one.measurement, one.first_index, one.end_index) for one in row.inputs]


def test_it_knows_what_it_was_made_from(scans: DatabaseService, make_readings: Any) -> None:
    made = scans.analyses.create(
        name="fit",
        inputs=["S1", {"scan_id": "S2", "measurement": "iv", "first_index": 1, "end_index": 3}, "S3"],
        parameters={"order": 2},
        results={"slope": 1.5},
        code_name="fit.py",
    )
    scans.readings.append("S1", [make_readings(10, 5)])  # what came later was not its input
    row = scans.analyses.get(made.id)
    assert ranges(row) == [("S1", "iv", 0, 10), ("S1", "pl", 0, 4), ("S2", "iv", 1, 3), ("S3", "", 0, 0)]
    assert (row.owner, row.parameters, row.results) == (getpass.getuser(), {"order": 2}, {"slope": 1.5})
    assert row.created_at.tzinfo is not None
    assert row.scan_id == scans.scans.get("S1").id
    for scan in ("S1", "S2", "S3", row.scan_id):
        assert [found.id for found in scans.analyses.list(scan_id=scan)] == [row.id]
        assert scans.analyses.count(scan_id=scan) == 1
    assert scans.analyses.list(scan_id="S9") == []


def test_one_scan_is_named_as_before(scans: DatabaseService) -> None:
    row = scans.create_analysis(name="fit", scan_id=scans.scans.get("S2").id)  # type: ignore[attr-defined]
    assert ranges(row) == [("S2", "iv", 0, 3)]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"scan_id": "S9"}, "scan_id"),
        ({}, "scan_id"),
        ({"scan_id": "S1", "measurement": "xy"}, "measurement"),
        ({"scan_id": "S1", "first_index": 2}, "measurement"),
        ({"scan_id": "S1", "measurement": "iv", "end_index": 11}, "end_index"),
        ({"scan_id": "S1", "measurement": "iv", "first_index": -1}, "first_index"),
        ({"scan_id": "S1", "measurement": "iv", "first_index": 5, "end_index": 4}, "end_index"),
        ({"scan_id": "S1", "measurement": "iv", "first_index": True}, "first_index"),
        ({"scan_id": "S1", "from": 5}, "from"),
    ],
)
def test_what_it_cannot_have_been_made_from_is_named(
    scans: DatabaseService, given: dict[str, Any], field: str
) -> None:
    with pytest.raises(FieldError) as caught:
        scans.analyses.create(name="fit", inputs=["S2", given])
    assert caught.value.field == f"inputs[1].{field}"
    assert scans.analyses.count() == 0


def test_one_is_derived_from_another(scans: DatabaseService) -> None:
    first = scans.analyses.create(name="background", inputs=["S1"])
    second = scans.analyses.create(name="fit", inputs=["S1"], derived_from_id=first.id)
    assert [row.name for row in scans.analyses.lineage(second.id)] == ["fit", "background"]
    with pytest.raises(NotFoundError, match="derived_from_id"):
        scans.analyses.create(name="fit", derived_from_id=99)


def test_where_it_comes_from_stays(scans: DatabaseService) -> None:
    row = scans.analyses.create(name="fit", inputs=["S1"])
    assert scans.analyses.update(row.id, notes="good").notes == "good"
    for fixed in ({"inputs": []}, {"scan_id": 1}, {"derived_from_id": row.id}):
        with pytest.raises(FieldError) as caught:
            scans.analyses.update(row.id, **fixed)
        assert caught.value.field == next(iter(fixed))
    with pytest.raises(IntegrityError), scans.database.write() as session:
        session.execute(text("DELETE FROM scans WHERE scan_id = 'S1'"))


def test_the_code_is_a_commit_or_a_hash(tmp_path: Path) -> None:
    program = tmp_path / "fit.py"
    program.write_text("slope = 1\n")
    by_hash = f"sha256:{hashlib.sha256(b'slope = 1' + chr(10).encode()).hexdigest()}"
    assert code_of(program, "1.2") == {
        "code_name": "fit.py",
        "code_version": "1.2",
        "code_revision": by_hash,
    }

    def git(*words: str) -> str:
        who = ("-c", "user.name=ada", "-c", "user.email=ada@lab", "-c", "commit.gpgsign=false")
        return subprocess.run(
            ["git", *who, *words], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init", "-q")
    assert code_of(program)["code_revision"] == by_hash
    git("add", "fit.py")
    git("commit", "-q", "-m", "fit", "--no-verify")
    assert code_of(program)["code_revision"] == f"git:{git('rev-parse', 'HEAD')}"
    program.write_text("slope = 2\n")
    assert code_of(program)["code_revision"].startswith("sha256:")
    with pytest.raises(OSError, match=r"none\.py"):
        code_of(tmp_path / "none.py")
