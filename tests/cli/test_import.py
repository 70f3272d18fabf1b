"""`pybirch import`: what it prints, what it stores, how it ends."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from database.services import DatabaseService
from pybirch.cli.command import pybirch


@pytest.fixture
def db(tmp_path: Path, empty_record: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DatabaseService]:
    """The database of the lab in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", "sqlite:///lab.db")
    monkeypatch.delenv("DATA_STORAGE_PATH", raising=False)
    with DatabaseService(shutil.copy(empty_record, tmp_path / "lab.db"), migrate=False) as service:
        yield service


def call(*words: str) -> Result:
    return CliRunner().invoke(pybirch, ["import", *words])


def test_samples_of_a_table(db: DatabaseService) -> None:
    Path("lab.csv").write_text("Probe;Stoff\nA;Si\nB;Ge\n")
    Path("map.toml").write_text('things = "samples"\n[columns]\nProbe = "sample_id"\nStoff = "material"\n')
    dry = call("lab.csv", "--mapping", "map.toml", "--dry-run")
    assert dry.output.splitlines() == [
        "line 2: made A", "line 3: made B", "2 made, 0 changed, 0 same, 0 refused; nothing was stored",
    ]  # fmt: skip
    assert (dry.exit_code, db.samples.count()) == (0, 0)
    wet = call("lab.csv", "--mapping", "map.toml")
    assert wet.output.splitlines()[-1] == "2 made, 0 changed, 0 same, 0 refused; stored"
    assert [row.material for row in db.list_samples()] == ["Si", "Ge"]


def test_what_is_refused_ends_with_an_error(db: DatabaseService) -> None:
    Path("lab.csv").write_text("sample_id,parents\nA,nobody\n")
    result = call("lab.csv", "--things", "samples")
    assert result.exit_code == 1
    assert "line 2: refused A: parents: there is no sample 'nobody'" in result.output
    assert "error: nothing was stored: 1 entry was refused" in result.output
    assert db.samples.count() == 0


@pytest.mark.parametrize(
    ("name", "words", "problem"),
    [
        ("lab.csv", (), "say what the file holds"),
        ("lab.docx", (), "is neither"),
        ("lab.csv", ("-t", "samples", "--encoding", "klingon"), "klingon"),
        ("lab.pkl", (), "lab.pkl"),
    ],
)
def test_what_cannot_be_taken_is_said_in_a_sentence(
    db: DatabaseService, name: str, words: tuple[str, ...], problem: str
) -> None:
    Path(name).write_text("sample_id\nA\n")
    result = call(name, *words)
    assert (result.exit_code, result.output.startswith("error: ")) == (1, True)
    assert problem in result.output
    assert "Traceback" not in result.output


def test_a_pickle_and_a_run_find_their_importers(db: DatabaseService) -> None:
    from pybirch.samples import Sample

    Path("samples.pkl").write_bytes(pickle.dumps([Sample("A", "Si", ["x"])]))
    result = call("samples.pkl")
    assert (result.exit_code, db.get_sample("A").additional_tags) == (0, ["x"]), result.output
    Path("run-20240501_101500-abc").mkdir()
    Path("run-20240501_101500-abc/config.yaml").write_text("a:\n  value: 1\n")
    result = call("run-20240501_101500-abc", "--project", "Old")
    assert (result.exit_code, db.get_scan("wandb-abc").project_name) == (0, "Old"), result.output
    assert "note: run-20240501_101500-abc: no history" in result.output
