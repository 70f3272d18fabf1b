"""A migrated database for every test, quickly: a copy of one made once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from database.services import DatabaseService


@pytest.fixture
def db(empty_record: Path, tmp_path: Path) -> Iterator[DatabaseService]:
    path = tmp_path / "lab.db"
    shutil.copy(empty_record, path)
    with DatabaseService(path, migrate=False) as service:
        yield service
