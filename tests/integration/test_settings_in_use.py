"""Settings that change what the record does."""

from __future__ import annotations

from pathlib import Path

import pytest

from database.services import DatabaseService
from pybirch.database_integration import DatabaseExtension, DataManager, ScanManager
from pybirch.scan.scan import ScanSettings


def test_the_flush_interval_is_the_recorders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUSH_INTERVAL_SECONDS", "0.2")
    with DatabaseService(tmp_path / "lab.db") as db:
        row = ScanManager(db).create_scan(ScanSettings("p", "n", "t", "j"))
        assert DatabaseExtension(db, row.scan_id).pull_every == 0.2


def test_the_buffer_size_is_the_data_managers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_BUFFER_SIZE", "2")
    with DatabaseService(tmp_path / "lab.db") as db:
        row = ScanManager(db).create_scan(ScanSettings("p", "n", "t", "j"))
        manager = DataManager(db)
        manager.save_data_point(row.scan_id, "m", {"a (V)": 1.0})
        assert db.get_data_point_count(row.scan_id) == 0
        manager.save_data_point(row.scan_id, "m", {"a (V)": 2.0})
        assert db.get_data_point_count(row.scan_id) == 2
