"""Settings that change what the record does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from database.models.block import MeasurementBlock
from database.services import DatabaseService
from pybirch.blocks import part
from pybirch.database_integration import DatabaseExtension, DataManager, ScanManager
from pybirch.database_integration.store import DatabaseStore
from pybirch.database_integration.storing import Storing
from pybirch.events import Event, Readings, ScanStatus
from pybirch.scan.scan import ScanSettings
from pybirch.states import ScanState


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


def blocks_of(db: DatabaseService) -> list[int]:
    with db.database.read() as session:
        return list(session.scalars(select(MeasurementBlock.count).order_by(MeasurementBlock.first_index)))


def readings(scan_id: str, count: int) -> Readings:
    index = np.arange(count)
    return Readings(
        scan_id=scan_id,
        measurement="m",
        first_index=0,
        steps=index,
        times=index * 1.0,
        positions={},
        values={"a (V)": index * 0.5},
    )


@pytest.mark.parametrize(
    ("rows", "merged", "expected"),
    [
        (10, "65536", [640, *[10] * 6]),  # 64 blocks of ten became one
        (10, "100", [100] * 7),
        (700, "65536", [700]),
        (700, "300", [300, 300, 100]),
    ],
)
def test_the_chunk_sizes_are_the_stores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int, merged: str, expected: list[int]
) -> None:
    monkeypatch.setenv("MERGED_BLOCK_ROWS", merged)
    with DatabaseService(tmp_path / "lab.db") as db:
        db.scans.create(scan_id="S1", writer="w", status="running")
        status = ScanStatus(scan_id="S1", status=ScanState.RUNNING, progress=0.5)
        whole, store = readings("S1", 700), DatabaseStore(db, "w")
        for first in range(0, 700, rows):
            store.save_readings([part(whole, first, first + rows)], status)
        assert blocks_of(db) == expected
        np.testing.assert_array_equal(db.readings.read("S1", "m").steps, np.arange(700))


def test_the_chunk_sizes_are_the_ingests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERGED_BLOCK_ROWS", "300")
    with DatabaseService(tmp_path / "lab.db") as db:
        db.scans.create(scan_id="S1", writer="w", status="running")
        block = readings("S1", 700)
        Storing(db, "bench", "w").store([Item("data_block", {}, block)], "origin")
        assert blocks_of(db) == [300, 300, 100]


@dataclass
class Item:
    """What the ingest takes out of a frame."""

    kind: str
    payload: dict[str, Any]
    event: Event | None
