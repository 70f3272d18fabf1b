"""Runs of Weights & Biases: the files as they are, and what became of them on the way."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from database.importers.wandb_runs import import_runs
from database.services import DatabaseService
from pybirch.errors import FieldError

CONFIG = """wandb_version: 1

_wandb:
  desc: null
  value:
    python_version: 3.8.5
    start_time: 1714558500
sample:
  desc: null
  value: F-027
field:
  desc: in tesla
  value: 1.5
nested:
  value:
    list: [1, 2]
day:
  value: 2024-05-01
"""
HISTORY = [
    {"_step": 0, "_timestamp": 1714558500.5, "_runtime": 0.5, "voltage": 1.5, "lockin": {"x": 0.1},
     "note": "a"},
    {"_step": 1, "_timestamp": 1714558501.5, "_runtime": 1.5, "voltage": "NaN"},
    {"_step": 4, "_timestamp": 1714558503.5, "_runtime": 3.5, "voltage": "Infinity", "lockin": {"x": 0.3},
     "plot": {"_type": "image-file", "path": "media/x.png"}},
]  # fmt: skip


def make_run(folder: Path, name: str = "run-20240501_101500-3f9k2x1a", **files: str | None) -> Path:
    """A run's folder; `files` by name with ``_`` for the dot, None: not there."""
    told: dict[str, str | None] = {
        "config_yaml": CONFIG,
        "wandb-metadata_json": json.dumps(
            {
                "startedAt": "2024-05-01T10:15:00.123456",
                "username": "ada",
                "host": "lab-pc",
                "state": "finished",
            }
        ),
        "wandb-summary_json": json.dumps({"_runtime": 4.5, "voltage": 2.5, "_wandb": {"runtime": 4}}),
        "wandb-history_jsonl": "\n".join(json.dumps(row) for row in HISTORY) + "\n",
        "output_log": "measuring\x00 …\n",
    } | files
    place = folder / name / "files"
    place.mkdir(parents=True)
    for key, text in told.items():
        if text is not None:
            (place / key.replace("_", ".")).write_text(text, encoding="utf-8")
    return folder / name


def test_a_run_becomes_a_scan_with_readings(db: DatabaseService, tmp_path: Path) -> None:
    report = import_runs(db, make_run(tmp_path), project="Old")
    assert report.stored, report.entries
    scan = db.get_scan("wandb-3f9k2x1a")
    assert (scan.project_name, scan.owner, scan.status, scan.points_done, scan.points_total) == (
        "Old", "ada", "completed", 3, 3,
    )  # fmt: skip
    assert scan.started_at == datetime(2024, 5, 1, 10, 15, 0, 123456, tzinfo=UTC)
    assert (scan.finished_at - scan.started_at).total_seconds() == 4.5
    assert scan.settings["user_fields"] == {
        "sample": "F-027", "field": 1.5, "nested": {"list": [1, 2]}, "day": "2024-05-01",
    }  # fmt: skip
    assert scan.extra_data["wandb"]["summary"]["voltage"] == 2.5
    assert scan.extra_data["wandb"]["output"].startswith("measuring")
    readings = db.readings.read(scan.scan_id, "history")
    assert readings.steps.tolist() == [0, 1, 4]
    assert readings.times.tolist() == [row["_timestamp"] for row in HISTORY]
    np.testing.assert_array_equal(readings.values["voltage"], [1.5, math.nan, math.inf])
    np.testing.assert_array_equal(readings.values["lockin.x"], [0.1, math.nan, 0.3])
    assert report.notes == ["run-20240501_101500-3f9k2x1a: no numbers, so left out: note"]


def test_a_run_that_is_there_stays(db: DatabaseService, tmp_path: Path) -> None:
    run = make_run(tmp_path)
    import_runs(db, run)
    again = import_runs(db, run)
    assert [entry.verb for entry in again.entries] == ["same"]
    assert db.readings.measurements("wandb-3f9k2x1a")[0].count == 3


def test_a_dry_run_stores_nothing(db: DatabaseService, tmp_path: Path) -> None:
    report = import_runs(db, make_run(tmp_path), dry_run=True)
    assert (str(report.entries[0]).endswith("made: scan wandb-3f9k2x1a, 3 readings"), report.stored) == (
        True,
        False,
    )
    assert db.scans.count() == 0


def test_a_folder_of_runs_all_or_none(db: DatabaseService, tmp_path: Path) -> None:
    for i in range(3):
        make_run(tmp_path, f"run-20240501_10150{i}-id{i}")
    (tmp_path / "latest-run").symlink_to(tmp_path / "run-20240501_101502-id2")
    (tmp_path / "debug.log").write_text("")
    broken = tmp_path / "run-20240501_101501-id1" / "files" / "wandb-history.jsonl"
    good = broken.read_text()
    broken.write_text(good + '{"_step": 5, "vol')
    report = import_runs(db, tmp_path)
    assert [entry.verb for entry in report.entries] == ["made", "refused", "made"]
    assert "wandb-history.jsonl, line 4" in str(report.entries[1])
    assert db.scans.count() == 0
    broken.write_text(good)
    assert import_runs(db, tmp_path).count("made") == 3
    assert db.scans.count() == 3


@pytest.mark.parametrize(
    "history",
    [
        "_step,_runtime,_timestamp,voltage,note\n0,0.5,1714558500.5,1.5,a\n1,1.5,1714558501.5,,b\n",
        '"Step","sun - voltage","sun - voltage__MIN","sun - voltage__MAX"\n0,1.5,1.5,1.5\n1,,,\n',
    ],
    ids=["history().to_csv()", "a chart's export"],
)
def test_a_history_that_was_exported_as_csv(db: DatabaseService, tmp_path: Path, history: str) -> None:
    run = make_run(tmp_path, **{"wandb-history_jsonl": None})
    (run / "history.csv").write_text(history)
    assert import_runs(db, run).stored
    readings = db.readings.read("wandb-3f9k2x1a", "history")
    np.testing.assert_array_equal(readings.values["voltage"], [1.5, math.nan])
    assert set(readings.values) == {"voltage"}


def test_a_run_without_history_is_kept_without_readings(db: DatabaseService, tmp_path: Path) -> None:
    run = make_run(tmp_path, **{"wandb-history_jsonl": None, "wandb-metadata_json": '{"exitcode": 1}'})
    (run / "run-3f9k2x1a.wandb").write_bytes(b":W&B\x00")
    report = import_runs(db, run)
    assert (report.stored, "no history" in report.notes[0]) == (True, True)
    scan = db.get_scan("wandb-3f9k2x1a")
    assert (scan.status, scan.points_done) == ("failed", 0)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("config_yaml", "a: &a [1]\nb: [*a, *a]\n"),
        ("config_yaml", "a: !!python/object/apply:os.system ['touch /tmp/no']\n"),
        ("config_yaml", "a: [\n"),
        ("config_yaml", "- a\n"),
        ("config_yaml", "[" * 5_000),
        ("wandb-metadata_json", "{"),
        ("wandb-metadata_json", '{"startedAt": "yesterday"}'),
        ("wandb-summary_json", "[1]"),
        ("wandb-history_jsonl", "[1]\n"),
        ("wandb-history_jsonl", '{"_timestamp": 1e300, "v": 1}\n'),
    ],
)
def test_damaged_and_wicked_files_are_refused(
    db: DatabaseService, tmp_path: Path, file: str, text: str
) -> None:
    report = import_runs(db, make_run(tmp_path, **{file: text}))
    assert [entry.verb for entry in report.entries] == ["refused"], report.entries
    assert db.scans.count() == 0


def test_what_is_no_run_is_refused(db: DatabaseService, tmp_path: Path) -> None:
    with pytest.raises(FieldError, match="neither"):
        import_runs(db, tmp_path)


def test_numbers_no_database_takes_are_kept_as_text(db: DatabaseService, tmp_path: Path) -> None:
    config = 'big:\n  value: 123456789012345678901234567890\nnan:\n  value: .nan\nnul:\n  value: "a\\0b"\n'
    assert import_runs(db, make_run(tmp_path, config_yaml=config)).stored
    fields: dict[str, Any] = db.get_scan("wandb-3f9k2x1a").settings["user_fields"]
    assert (fields["big"], fields["nan"], fields["nul"]) == (
        "123456789012345678901234567890",
        "nan",
        "a\ufffdb",
    )
