"""A database, and the real server on a free loopback port that can go away and come back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from database.services import DatabaseService
from database.web.app import create_app
from database.web.serve import WebServer, listen


@pytest.fixture(autouse=True)
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The lab's data folder; spools are in it."""
    monkeypatch.setenv("DATA_STORAGE_PATH", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def place(empty_record: Path, tmp_path: Path) -> Path:
    """A migrated database file without rows."""
    path = tmp_path / "lab.db"
    shutil.copy(empty_record, path)
    return path


@pytest.fixture
def db(place: Path) -> Iterator[DatabaseService]:
    with DatabaseService(place, migrate=False) as service:
        yield service


class Server:
    """The real app; `stop` and `start` are a restart on the same port, with the same database."""

    def __init__(self, place: Path, storage: Path) -> None:
        self._config = {
            "TESTING": True,
            "DATABASE_URL": f"sqlite:///{place}",
            "DATA_STORAGE_PATH": str(storage),
            "SECRET_KEY": "only for tests",
        }
        self._running: WebServer | None = None
        self._port = 0
        self.start()
        _, self.token = self.db.tokens.create("station", None, scopes=("station",))

    @property
    def parts(self) -> Any:
        assert self._running is not None
        return self._running.app.extensions["pybirch"]

    @property
    def db(self) -> DatabaseService:
        return self.parts.db

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        listener = listen("127.0.0.1", self._port)
        with closing(listener):
            self._port = listener.getsockname()[1]
            self._running = WebServer(create_app(self._config), listener)
        self._running.start()

    def move(self) -> None:
        """At its next start it takes another port."""
        self._port = 0

    def stop(self) -> None:
        if self._running is not None:
            self._running.stop()
            self._running = None


@pytest.fixture
def server(place: Path, tmp_path: Path) -> Iterator[Server]:
    made = Server(place, tmp_path / "data")
    yield made
    made.stop()
