"""Repair and compaction killed at any step and at any moment: nothing is lost, and the next run ends it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from database.care import vacuum
from database.care.check import check
from database.care.compaction import compact_all, scattered
from database.care.findings import REPAIRABLE
from database.care.repair import repair
from database.services import DatabaseService
from database.session import Database
from tests.database.care.filling import MERGED, do, fill, found, require_readings
from tests.database.care.killing import every_kill, killed_after, moments
from tests.database.care.test_compaction import blocks_of


@contextmanager
def closing_database(place: str | Path) -> Iterator[Database]:
    database = Database(place)
    try:
        yield database
    finally:
        database.dispose()


def hurt(db: DatabaseService) -> None:
    """All that a repair can mend."""
    fill(db)
    do(db, "DELETE FROM measurement_summaries WHERE tier = 1 OR first_index IN (0, 128, 640)")
    do(db, "UPDATE measurement_objects SET open_blocks = 40, replaced = 7")
    do(db, "UPDATE scans SET points_done = points_done + 5")


def mend(place: str | Path) -> None:
    with closing_database(place) as database:
        repair(database, list(check(database)))


def require_hurt_at_most(place: str | Path) -> None:
    """Every reading is there, and what is wrong can be mended."""
    with DatabaseService(place, migrate=False) as db:
        assert {finding.kind for finding in found(db.database)} <= REPAIRABLE
        require_readings(db)


def require_mended(place: str | Path) -> None:
    require_hurt_at_most(place)
    assert found(place) == []


def spread(db: DatabaseService) -> None:
    """Small blocks to be merged, and room to be given back."""
    fill(db, "gone", count=200 * MERGED)
    do(db, "DELETE FROM analyses")
    do(db, "DELETE FROM scans")
    fill(db)
    do(db, "UPDATE measurement_blocks SET level = 0")
    do(db, "DELETE FROM measurement_summaries")


def tidy(place: str | Path) -> None:
    """What `pybirch db compact` does."""
    with closing_database(place) as database:
        compact_all(database, scattered(database), 512, lambda seconds: None)
        vacuum.give_back(database, lambda seconds: None)


def test_a_repair_killed_at_any_step(place: str) -> None:
    with DatabaseService(place, migrate=False) as db:
        hurt(db)
    kills = 0
    for step in every_kill(lambda: mend(place), stride=150):
        kills += bool(step)
        require_hurt_at_most(place)
    require_mended(place)
    assert kills > 1


def test_a_repair_killed_at_any_moment(empty_record: Path, tmp_path: Path) -> None:
    model = Path(shutil.copy(empty_record, tmp_path / "model.db"))
    with DatabaseService(model, migrate=False) as db:
        hurt(db)
    first = Path(shutil.copy(model, tmp_path / "first.db"))
    for number, moment in enumerate(moments(lambda: mend(first))):
        place = Path(shutil.copy(model, tmp_path / f"{number}.db"))
        killed_after(partial(mend, place), moment)
        require_hurt_at_most(place)
        mend(place)
        require_mended(place)


def test_a_compaction_killed_at_any_moment(empty_record: Path, tmp_path: Path) -> None:
    model = Path(shutil.copy(empty_record, tmp_path / "model.db"))
    with DatabaseService(model, migrate=False) as db:
        spread(db)
        many = len(blocks_of(db))
    first = Path(shutil.copy(model, tmp_path / "first.db"))
    for number, moment in enumerate(moments(lambda: tidy(first))):
        place = Path(shutil.copy(model, tmp_path / f"{number}.db"))
        killed_after(partial(tidy, place), moment)
        require_tidy_at_most(place)
        tidy(place)
        require_tidy_at_most(place)
        with DatabaseService(place, migrate=False) as db:
            assert len(blocks_of(db)) < many / 2
        assert place.stat().st_size < model.stat().st_size


def require_tidy_at_most(place: Path) -> None:
    with DatabaseService(place, migrate=False) as db:
        assert found(db.database) == []
        require_readings(db)
