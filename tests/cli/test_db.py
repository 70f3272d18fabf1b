"""`pybirch db`: what it says, and its exit codes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner, Result

from database.services import DatabaseService
from pybirch.cli import db as module
from pybirch.cli.command import pybirch
from pybirch.cli.runtime import write_private
from tests.database.care.filling import do, fill, require_readings


@pytest.fixture
def lab(tmp_path: Path, empty_record: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The database of the lab in the current folder, with a scan in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", "sqlite:///lab.db")
    monkeypatch.delenv("DATA_STORAGE_PATH", raising=False)
    with DatabaseService(shutil.copy(empty_record, tmp_path / "lab.db")) as db:
        fill(db)
    return tmp_path / "lab.db"


def call(*words: str) -> Result:
    return CliRunner().invoke(pybirch, ("db", *words))


def test_check_says_what_is_wrong_and_repairs_it(lab: Path) -> None:
    whole = call("check")
    assert (whole.exit_code, whole.output) == (0, "Nothing is damaged or missing.\n")
    with DatabaseService(lab) as db:
        do(db, "UPDATE scans SET points_done = 3")
    wrong = call("check")
    assert wrong.exit_code == 1
    assert wrong.output.startswith("scan S1: points_done is 3, and its measurements have ")
    mended = call("check", "--repair")
    assert (mended.exit_code, mended.output.splitlines()[0]) == (0, "1 of 1 findings were repaired.")
    assert call("check", "--thorough").exit_code == 0


def test_lost_readings_stay_an_error(lab: Path) -> None:
    with DatabaseService(lab) as db:
        do(db, "DELETE FROM measurement_blocks WHERE first_index = 128")
    for words in (("check",), ("check", "--repair")):
        result = call(*words)
        assert result.exit_code == 1
        assert "scan S1, measurement 'iv', readings 128 to 191: missing" in result.output


def test_backup_and_restore(lab: Path) -> None:
    assert call("backup", "copy.db").exit_code == 0
    with DatabaseService(lab) as db:
        fill(db, "S2")
    refused = call("restore", "copy.db")
    assert refused.exit_code == 1
    assert "--even-if-newer" in refused.stderr
    done = call("restore", "copy.db", "--even-if-newer")
    assert done.exit_code == 0, done.output
    assert "What it was before is in " in done.output
    with DatabaseService(lab) as db:
        require_readings(db)
        assert db.scans.find("S2") is None


def test_restore_refuses_while_the_server_lives(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call("backup", "copy.db")
    run = lab.parent / "data" / "run"
    run.mkdir(parents=True)
    write_private(run / "server.json", {"url": "http://x", "pid": os.getpid(), "token": "t"})
    monkeypatch.setattr(module, "is_ours", psutil.pid_exists)
    refused = call("restore", "copy.db")
    assert refused.exit_code == 1
    assert f"the server of this folder runs (process {os.getpid()}): end it first" in refused.stderr


def test_compact_says_what_it_saved(lab: Path) -> None:
    result = call("compact")
    assert result.exit_code == 0, result.output
    assert "3 blocks fewer; " in result.output
    assert call("check").exit_code == 0


def test_archive_and_unarchive(lab: Path) -> None:
    assert call("archive", "old.db").exit_code == 2, "which scans?"
    assert call("archive", "--before", "2000-01-01", "old.db").output == "0 scans moved to old.db.\n"
    assert call("archive", "old.db", "S1").output == "S1\n1 scans moved to old.db.\n"
    gone = CliRunner().invoke(pybirch, ("export", "S1", "-m", "iv"))
    assert gone.exit_code == 1
    assert "were archived to old.db; `pybirch db unarchive S1` brings them back" in gone.stderr
    assert call("unarchive", "S1").output == "S1\n1 scans brought back.\n"
    with DatabaseService(lab) as db:
        require_readings(db)


@pytest.mark.parametrize("words", [("check",), ("backup", "copy.db"), ("compact",), ("unarchive", "S1")])
def test_without_a_database_nothing_is_made(lab: Path, words: tuple[str, ...]) -> None:
    lab.unlink()
    result = call(*words)
    assert result.exit_code == 1
    assert "there is no database" in result.stderr
    assert not lab.exists()
