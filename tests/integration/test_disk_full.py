"""A disk that is full to the brim: the scan is paused and says so, nothing is lost, and Resume goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from database.services import DatabaseService
from pybirch.database_integration import DatabaseQueue
from pybirch.queue.queue import ScanState
from pybirch.scan.settings import ScanSettings
from pybirch.states import PausePolicy
from tests.conftest import need, until
from tests.integration.test_spool import WAIT, assert_whole
from tests.lab import Doorway, Ear, Meter, Stage, line, line_scan


class Disk:
    """A small disk of one's own."""

    def __init__(self, path: Path, megabytes: int) -> None:
        self.path = path
        path.mkdir()
        size = f"size={megabytes}m"
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", size, "pybirch", str(path)], capture_output=True, text=True
        )
        need(done.returncode == 0, f"a tmpfs cannot be mounted here ({done.stderr.strip()})", "be root")

    def fill(self) -> None:
        """Leave not a byte."""
        with (self.path / "filling").open("ab", buffering=0) as filling:
            for size in (2**20, 4096, 1):
                try:
                    while True:
                        filling.write(b"x" * size)
                except OSError:
                    pass
        assert shutil.disk_usage(self.path).free == 0

    def clear(self) -> None:
        (self.path / "filling").unlink()

    def close(self) -> None:
        subprocess.run(["umount", "-l", str(self.path)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    need(hasattr(os, "getuid") and os.getuid() == 0 and shutil.which("mount"), "only root may mount a tmpfs")
    made = Disk(tmp_path / "disk", 64)
    yield made
    made.close()


@pytest.fixture
def full(disk: Disk, empty_record: Path) -> Iterator[DatabaseService]:
    """A database on the small disk."""
    shutil.copy(empty_record, disk.path / "lab.db")
    with DatabaseService(disk.path / "lab.db", migrate=False) as db:
        yield db


def wide(doors: dict[int, Doorway], trouble: Any = None) -> Meter:
    """A kilobyte a reading, which no disk is small enough to hide."""
    noise = np.random.default_rng(0)
    return Meter(answer=lambda n: noise.normal(size=(128, 1)), doors=doors)


@pytest.mark.parametrize("policy", [PausePolicy.HOLD, PausePolicy.SAFE])
def test_a_scan_is_paused_and_goes_on_when_there_is_room(
    full: DatabaseService, disk: Disk, monkeypatch: pytest.MonkeyPatch, policy: PausePolicy
) -> None:
    monkeypatch.setenv("DATA_STORAGE_PATH", str(disk.path))
    door, stage, half = Doorway(), Stage(), Doorway()
    meter = wide({20: door, 1000: half})
    tree = line(stage, meter, 2000)
    scan = line_scan(stage, meter, 1)
    scan = type(scan)(ScanSettings("P", "s", "t", "j", tree, on_pause=policy))
    queue = DatabaseQueue(full, "Q", scans=[scan])
    ear = Ear(queue.bus)
    queue.start()
    door.wait_until_entered()
    scan.flush()
    disk.fill()
    door.open()
    said = until(lambda: "Resume" in str(scan.message) and scan.message, 20)
    half.open()
    assert scan.wait_for(lambda s: s.state is ScanState.PAUSED, WAIT)
    assert "is full: 0.0 MB are free" in said
    assert str(disk.path) in said
    until(lambda: ear.states()[-1] is ScanState.PAUSED, what="everybody sees it, though no record takes it")
    assert ("shutdown" in stage.life) is (policy is PausePolicy.SAFE)
    seen = ear.indexes()
    assert seen == list(range(len(seen)))
    assert full.readings.last_indexes(scan.scan_id) == {"meter": len(seen) - 1}, "no more seen than kept"
    disk.clear()
    queue.resume()
    assert queue.wait_for_completion(WAIT)
    assert scan.state is ScanState.COMPLETED, scan.error
    assert queue._store.drain(WAIT), queue._store._carrier.why
    assert_whole(full, scan, 2000)
    assert queue.bus.flush(WAIT)
    assert ear.indexes() == list(range(2000))
    assert "full" not in str(full.scans.get(scan.scan_id).message)
    assert stage.is_safe


def test_an_abort_is_heard_though_nothing_can_be_written(
    full: DatabaseService, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_STORAGE_PATH", str(disk.path))
    door, stage = Doorway(), Stage()
    scan = line_scan(stage, wide({20: door}), 2000)
    queue = DatabaseQueue(full, "Q", scans=[scan])
    queue.start()
    door.wait_until_entered()
    scan.flush()
    disk.fill()
    door.open()
    until(lambda: "Resume" in str(scan.message), 20)
    queue.abort()
    until(lambda: stage.is_safe and stage.life, what="the stage is safe")
    assert queue.wait_for_completion(WAIT)
    assert scan.state is ScanState.FAILED
    assert "is full" in str(scan.error)
    disk.clear()
    until(lambda: full.scans.get(scan.scan_id).status is ScanState.FAILED, WAIT)


def test_a_spool_on_another_disk_takes_over(full: DatabaseService, disk: Disk, storage: Path) -> None:
    doors = {20: Doorway(), 1900: Doorway()}
    scan = line_scan(Stage(), wide(doors), 2000)
    queue = DatabaseQueue(full, "Q", scans=[scan])
    queue.start()
    doors[20].wait_until_entered()
    scan.flush()
    disk.fill()
    doors[20].open()
    doors[1900].wait_until_entered()
    said = until(lambda: "sent" in str(scan.message) and scan.message, 20)
    assert said.startswith("the database cannot write: its disk is full; ")
    assert list((storage / "spool").glob("*.db"))
    doors[1900].open()
    assert queue.wait_for_completion(WAIT)
    disk.clear()
    assert queue._store.drain(WAIT)
    assert_whole(full, scan, 2000)
