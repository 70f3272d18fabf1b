"""`pybirch spool`: what lies in a lab's folder is listed, sent, written out and thrown away."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from database.services import DatabaseService
from database.web.app import create_app
from database.web.serve import WebServer, listen
from pybirch.cli.command import pybirch
from pybirch.database_integration.spool import Folder, Spool, encoded
from pybirch.database_integration.store import place_of
from pybirch.events import Readings, ScanStatus
from pybirch.states import ScanState
from pybirch.wire import to_block, to_wire


@pytest.fixture
def db(tmp_path: Path, empty_record: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DatabaseService]:
    """The database of the lab in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", "sqlite:///lab.db")
    for name in ("DATA_STORAGE_PATH", "PYBIRCH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with DatabaseService(shutil.copy(empty_record, tmp_path / "lab.db"), migrate=False) as service:
        yield service


def call(*words: str, typed: str = "") -> Result:
    return CliRunner().invoke(pybirch, ["spool", *words], input=typed)


def readings(count: int) -> dict[str, Any]:
    index = np.arange(count)
    made = Readings(scan_id="S", measurement="m", first_index=0, steps=index, times=index * 1.0,
                    positions={}, values={"v (V)": index * 2.0})  # fmt: skip
    return {"kind": "data_block", "payload": to_wire(to_block(made, "float64"))}


def status(state: ScanState) -> dict[str, Any]:
    return {"kind": "scan_status", "payload": to_wire(ScanStatus(scan_id="S", status=state))}


@pytest.fixture
def leave(db: DatabaseService, tmp_path: Path) -> Callable[..., Path]:
    """A program's spool with a scan's three readings, after the program has gone."""

    def make(
        place: str = "", refused: str = "", held: bool = False, writer: str = "w:1", **about: str
    ) -> Path:
        folder = Folder(tmp_path / "data" / "spool", place or place_of(db), about=about)
        spool = folder.new()
        items = [status(ScanState.RUNNING), readings(3)]
        spool.add(writer, [(item["kind"], encoded(item), item["payload"]) for item in items])
        if refused:
            for entries in iter(lambda: spool.first(1), []):
                spool.refuse(entries, refused)
            spool.remove()
            return spool.path.with_suffix(".refused")
        if held:
            held_open.append(spool)
        else:
            spool.close()
        return spool.path

    held_open: list[Spool] = []
    yield make  # type: ignore[misc]
    for spool in held_open:
        spool.close()


def running(db: DatabaseService, writer: str = "w:1") -> None:
    db.scans.create(scan_id="S", scan_name="s", writer=writer)


def test_nothing_lies_there(db: DatabaseService) -> None:
    assert call("list").output == "Nothing waits here, and nothing was refused.\n"


def test_what_lies_there_is_listed(db: DatabaseService, leave: Any) -> None:
    path = leave(refused="scan S is written by other:e9", url="http://bench:5000", station="script Q")
    waits = leave()
    alive = leave(held=True)
    (path.parent / "0-broken.db").write_text("no database")
    text = call("list").output
    assert f"{path.name}  2 items, 3 readings, 0 min old" in text
    assert "for the server http://bench:5000, station script Q; refused, and kept apart" in text
    assert "    of S\n    refused: scan S is written by other:e9" in text
    assert f"{waits.name}  2 items" in text
    assert f"for {place_of(db)}; waits for its program to come back" in text
    assert alive.name in text
    assert "its program lives and sends it" in text
    assert "0-broken.db" in text
    assert "cannot be read" in text


def test_what_waits_is_sent_to_this_labs_database(db: DatabaseService, leave: Any) -> None:
    running(db)
    path = leave()
    result = call("send", path.name[:14])
    assert (result.exit_code, result.output) == (0, "2 items are sent.\n")
    row = db.scans.get("S")
    assert (row.status, row.points_done) == ("interrupted", 3), "its program is gone"
    assert list(path.parent.iterdir()) == []


def test_what_was_refused_is_sent_again_and_kept_if_it_is_again(db: DatabaseService, leave: Any) -> None:
    path = leave(refused="there is no scan 'S'")
    result = call("send", path.name)
    assert "2 were refused, and are kept" in result.output
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    running(db)
    assert call("send", path.name).output == "2 items are sent.\n"
    assert (db.scans.get("S").status, db.scans.get("S").points_done) == ("running", 3)
    assert list(path.parent.iterdir()) == []


def test_it_is_asked_before_another_store_gets_it(db: DatabaseService, leave: Any) -> None:
    running(db)
    path = leave(place="sqlite /elsewhere/lab.db")
    asked = call("send", path.name, typed="n\n")
    assert asked.exit_code == 1
    assert "It is for sqlite /elsewhere/lab.db. Send it to the database" in asked.output
    assert path.exists()
    assert call("send", path.name, "--yes").exit_code == 0
    assert db.scans.get("S").points_done == 3


def test_what_a_living_program_sends_is_left_to_it(db: DatabaseService, leave: Any) -> None:
    path = leave(held=True)
    for word in ("send", "discard"):
        result = call(word, path.name, "--yes")
        assert result.exit_code == 1
        assert "a program that lives" in result.output
    assert path.exists()


def test_it_is_written_out_as_json_lines(db: DatabaseService, leave: Any, tmp_path: Path) -> None:
    path = leave(refused="no")
    assert call("export", path.name, str(tmp_path / "out.jsonl")).exit_code == 0
    items = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [(i["number"], i["writer"], i["kind"], i["refused"]) for i in items] == [
        (1, "w:1", "scan_status", "no"),
        (2, "w:1", "data_block", "no"),
    ]
    assert items[1]["payload"]["count"] == 3
    assert call("export", path.name).output == (tmp_path / "out.jsonl").read_text()


def test_it_is_thrown_away_after_a_question(db: DatabaseService, leave: Any) -> None:
    path = leave(refused="no")
    assert call("discard", path.name, typed="n\n").exit_code == 1
    assert path.exists()
    asked = call("discard", path.name, typed="y\n")
    assert "2 items with 3 readings are lost" in asked.output
    assert list(path.parent.iterdir()) == []
    assert "there is no spool 'x'" in call("discard", "x").output


@pytest.fixture
def server(db: DatabaseService, tmp_path: Path) -> Iterator[WebServer]:
    config = {"TESTING": True, "DATABASE_URL": f"sqlite:///{tmp_path / 'lab.db'}", "SECRET_KEY": "for tests",
              "DATA_STORAGE_PATH": str(tmp_path / "data")}  # fmt: skip
    with closing(listen("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        made = WebServer(create_app(config), listener)
    made.start()
    made.url = f"http://127.0.0.1:{port}"  # type: ignore[attr-defined]
    yield made
    made.stop()


def test_what_is_for_a_server_goes_there_unless_its_station_is_there(
    db: DatabaseService, leave: Any, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = db.tokens.create("bench", None, scopes=("station",))[1]
    monkeypatch.setenv("PYBIRCH_TOKEN", token)
    identity = server.app.extensions["pybirch"].settings.identity
    path = leave(f"{identity} script Q", writer="e0", url="http://127.0.0.1:1", station="script Q")
    running(db, "script Q:e0")
    db.scans.set_status("S", "running")
    nowhere = call("send", path.name)
    assert nowhere.exit_code == 1
    assert "127.0.0.1:1" in nowhere.output
    stations = server.app.extensions["pybirch"].stations
    stations.attach("script Q", "e1", None)
    refused = call("send", path.name, "--server", server.url)
    assert "station script Q is connected" in refused.output
    stations.exited("script Q", "e1", in_order=True)
    result = call("send", path.name, "--server", server.url)
    assert (result.exit_code, result.output) == (0, "2 items are sent.\n")
    assert (db.scans.get("S").status, db.scans.get("S").points_done) == ("interrupted", 3)
