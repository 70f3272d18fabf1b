"""An app on a database of its own, people and tokens to use it, and a scan that has measured."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from flask_socketio.test_client import SocketIOTestClient

from database.web.app import create_app
from database.web.serve import WebServer, listen
from database.web.services import Services
from pybirch.events import Readings
from pybirch.states import ScanState

PASSWORD = "correct horse battery"


@dataclass
class Lab:
    """The app with everything a test does to it."""

    app: APIFlask
    sockets: list[SocketIOTestClient] = field(default_factory=list)

    @property
    def parts(self) -> Services:
        return self.app.extensions["pybirch"]

    @property
    def db(self) -> Any:
        return self.parts.db

    def token(self, *scopes: str) -> dict[str, str]:
        """Headers of a new token with these scopes."""
        _, secret = self.db.tokens.create("test", None, scopes=scopes)
        return {"Authorization": f"Bearer {secret}"}

    def user(self, role: str) -> Any:
        return self.db.users.create(f"{role}-person", PASSWORD, role)

    def browser(self, role: str = "operator") -> FlaskClient:
        """A signed-in browser."""
        client = self.app.test_client()
        self.user(role)
        sign_in(client, username=f"{role}-person", password=PASSWORD)
        return client

    def socket(self, client: FlaskClient | None = None, **options: Any) -> SocketIOTestClient:
        made = self.parts.sockets.test_client(self.app, flask_test_client=client, **options)
        self.sockets.append(made)
        return made

    def queue(self, queue_id: str = "Q", station: str | None = None) -> Any:
        return self.db.queues.create(queue_id=queue_id, name=f"queue {queue_id}", station=station)

    def scan(self, scan_id: str = "S", rows: int = 10, state: str = "running", **fields: Any) -> Any:
        """A scan with that many readings of "iv"."""
        self.db.scans.create(scan_id=scan_id, scan_name=f"scan {scan_id}", writer="bench:e1", **fields)
        if state != "queued":
            self.db.scans.set_status(scan_id, ScanState.RUNNING)
        if rows:
            self.db.readings.append(scan_id, [readings(scan_id, 0, rows)])
        if state not in ("queued", "running"):
            self.db.scans.set_status(scan_id, state)
        return self.db.scans.get(scan_id)


def readings(scan_id: str, first: int, count: int, measurement: str = "iv") -> Readings:
    index = np.arange(first, first + count)
    return Readings(
        scan_id=scan_id,
        measurement=measurement,
        first_index=first,
        steps=index,
        times=index * 0.5 + 1e9,
        positions={"x (mm)": index * 0.1},
        values={"voltage (V)": np.sin(index * 0.01)},
    )


def csrf_of(client: FlaskClient, page: str = "/login") -> str:
    """The token of a page's form or head."""
    text = client.get(page, follow_redirects=True).get_data(as_text=True)
    found = re.search(r'name="csrf[-_]token" (?:content|value)="([^"]+)"', text)
    assert found, text
    return found[1]


def sign_in(client: FlaskClient, **form: str) -> Any:
    return client.post("/login", data={"csrf_token": csrf_of(client), **form})


@pytest.fixture
def lab(tmp_path: Path, empty_record: Path) -> Iterator[Lab]:
    shutil.copy(empty_record, tmp_path / "lab.db")
    app = create_app(
        {
            "TESTING": True,
            "DATABASE_URL": f"sqlite:///{tmp_path / 'lab.db'}",
            "DATA_STORAGE_PATH": str(tmp_path / "data"),
            "SECRET_KEY": "only for tests",
        }
    )
    made = Lab(app)
    yield made
    for socket in made.sockets:
        if socket.is_connected():
            socket.disconnect()
    made.parts.close()


@pytest.fixture
def make_readings() -> Callable[..., Readings]:
    return readings


@pytest.fixture
def csrf() -> Callable[..., str]:
    return csrf_of


@pytest.fixture
def sign_in_with() -> Callable[..., Any]:
    return sign_in


@pytest.fixture
def served(lab: Lab) -> Iterator[WebServer]:
    """The app behind a real server on a free loopback port."""
    with listen("127.0.0.1", 0) as listener:
        server = WebServer(lab.app, listener)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def look(lab: Lab, served: WebServer, chromium: Any) -> Iterator[Callable[..., Any]]:
    """`look(path, width=1280)`: an operator's browser at that page; errors of the page fail the test."""
    errors: list[str] = []
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))

    def open_page(path: str, width: int = 1280) -> Any:
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(f"{served.url}{path}")
        if page.url.startswith(f"{served.url}/login"):
            lab.user("operator")
            page.fill("[name=username]", "operator-person")
            page.fill("[name=password]", PASSWORD)
            page.click("#sign-in")
        page.wait_for_selector(".connection-status.connected")
        return page

    yield open_page
    context.close()
    assert not errors, errors
