"""A migrated database for every test, quickly: a copy of one made once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from database.services import DatabaseService


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("contract") / "empty.db"
    DatabaseService(path).close()
    return path


@pytest.fixture
def db(empty_database: Path, tmp_path: Path) -> Iterator[DatabaseService]:
    path = tmp_path / "lab.db"
    shutil.copy(empty_database, path)
    with DatabaseService(path, migrate=False) as service:
        yield service
