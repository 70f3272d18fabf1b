"""Commands on the lab's database: create-admin, token, export."""

from __future__ import annotations

import json
import shutil
import socket
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from database.services import DatabaseService
from database.web.runtime import local_token
from pybirch.cli.command import pybirch
from pybirch.events import Readings


@pytest.fixture
def db(tmp_path: Path, empty_record: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DatabaseService]:
    """The database of the lab in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", "sqlite:///lab.db")
    monkeypatch.delenv("DATA_STORAGE_PATH", raising=False)
    with DatabaseService(shutil.copy(empty_record, tmp_path / "lab.db"), migrate=False) as service:
        yield service


def call(*words: str, typed: str = "") -> Result:
    return CliRunner().invoke(pybirch, words, input=typed)


def readings(name: str, count: int) -> Readings:
    return Readings(
        scan_id="scan-1",
        measurement=name,
        first_index=0,
        steps=np.arange(count),
        times=np.arange(count, dtype=np.float64) + 1.5,
        positions={"x (mm)": np.linspace(0, 1, count)},
        values={"current (A)": np.arange(count) * 1e-9},
    )


@pytest.fixture
def scan(db: DatabaseService) -> DatabaseService:
    db.scans.create(scan_id="scan-1", scan_name="a scan")
    db.readings.append("scan-1", [readings("iv", 3)])
    return db


def test_an_admin_may_sign_in(db: DatabaseService) -> None:
    result = call("create-admin", "--username", "ada", typed="a long password\n")
    assert result.exit_code == 0, result.output
    user = db.users.verify("ada", "a long password")
    assert user is not None
    assert user.role == "admin"


def test_a_short_password_is_refused_in_a_sentence(db: DatabaseService) -> None:
    result = call("create-admin", "--username", "ada", typed="short\n")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: password: ")
    assert db.users.find("ada") is None


def test_a_token_is_shown_once_listed_and_revoked(db: DatabaseService) -> None:
    secret = call("token", "create", "my script", "--scope", "station", "--scope", "read").stdout.strip()
    row = db.tokens.find(secret)
    assert row is not None
    listed = call("token", "list").stdout
    assert "my script  station,read" in listed
    assert secret not in listed
    assert call("token", "revoke", str(row.id)).exit_code == 0
    assert db.tokens.find(secret) is None
    assert "(revoked)" in call("token", "list").stdout


def test_a_token_that_is_not_there_cannot_be_revoked(db: DatabaseService) -> None:
    result = call("token", "revoke", "77")
    assert result.exit_code == 1
    assert result.stderr == "error: there is no token 77\n"
    assert call("token", "revoke", "nobody").stderr.startswith("error: there is no token 'nobody'; ")


def test_a_token_is_revoked_by_its_name_unless_several_have_it(db: DatabaseService) -> None:
    first, second = (call("token", "create", "plotter").stdout.strip() for _ in range(2))
    refused = call("token", "revoke", "plotter")
    assert refused.stderr == "error: token: several are called 'plotter'; give the number of one: 1, 2\n"
    assert call("token", "revoke", "1").stdout == "Token 1 (plotter) is revoked.\n"
    assert call("token", "revoke", "plotter").stdout == "Token 2 (plotter) is revoked.\n"
    assert db.tokens.find(first) is db.tokens.find(second) is None


def test_the_servers_own_token_is_not_revoked_by_mistake(db: DatabaseService, tmp_path: Path) -> None:
    secret = local_token(db, tmp_path / "run")
    refused = call("token", "revoke", "1")
    assert refused.exit_code == 1
    assert "1 (this computer) is what the server" in refused.stderr
    assert "--yes" in refused.stderr
    assert local_token(db, tmp_path / "run") == secret, "a server that starts again goes on with it"

    done = call("token", "revoke", "1", "--yes")
    assert "Restart the server: it makes itself a new one." in done.stdout
    assert db.tokens.find(secret) is None
    renewed = local_token(db, tmp_path / "run")
    assert db.tokens.find(renewed) is not None
    assert local_token(db, tmp_path / "run") == renewed


def test_a_scan_is_exported(scan: DatabaseService) -> None:
    lines = call("export", "scan-1").stdout.splitlines()
    assert lines[0] == "index,time (s),step,x (mm),current (A)"
    assert lines[1:] == ["0,1.5,0,0.0,0.0", "1,2.5,1,0.5,1e-09", "2,3.5,2,1.0,2e-09"]


def test_a_scan_is_exported_to_a_file(scan: DatabaseService, tmp_path: Path) -> None:
    result = call("export", "scan-1", "-m", "iv", "-o", "out.csv")
    assert result.exit_code == 0, result.output
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 4
    assert not (tmp_path / "out.csv.part").exists()


def test_an_export_has_the_newest_readings_or_all(scan: DatabaseService) -> None:
    again = replace(readings("iv", 2), first_index=3, replaces=np.array([0, 1]))
    scan.readings.append("scan-1", [again])
    assert [line.split(",")[0] for line in call("export", "scan-1").stdout.splitlines()[1:]] == list("234")
    everything = call("export", "scan-1", "--all").stdout.splitlines()[1:]
    assert [line.split(",")[0] for line in everything] == list("01234")


def test_several_measurements_want_a_choice(scan: DatabaseService) -> None:
    scan.readings.append("scan-1", [readings("spectrum", 2)])
    result = call("export", "scan-1")
    assert result.exit_code == 1
    assert result.stderr == (
        "error: scan scan-1 has several measurements: choose one of 'iv', 'spectrum' with --measurement\n"
    )
    assert call("export", "scan-1", "-m", "spectrum").exit_code == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("export", "no-scan"), "no-scan"),
        (("export", "scan-1", "-m", "xy"), "has no measurement 'xy'; it has 'iv'"),
        (("export", "scan-1", "-o", "no/folder/out.csv"), "cannot write"),
    ],
)
def test_what_cannot_be_exported_is_a_sentence(
    scan: DatabaseService, words: tuple[str, ...], sentence: str
) -> None:
    result = call(*words)
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.fixture
def two_scans(db: DatabaseService) -> DatabaseService:
    """Two scans of one name, the second finer."""
    for number, state in enumerate(("completed", "failed")):
        tree = [{"type": "movement", "instrument": {"name": "x", "position_units": "mm"},
                 "positions": {"linear": [0, 10, 11 + 10 * number]}}]  # fmt: skip
        scan_id = f"scan-{number + 1}"
        db.scans.create(scan_id=scan_id, scan_name="iv", project_name="P", scan_tree_data=tree)
        db.scans.set_status(scan_id, "running")
        db.scans.set_status(scan_id, state)
    return db


def test_what_is_different_between_two_scans_is_told(two_scans: DatabaseService) -> None:
    line = "tree\n  scan_tree[0] movement x: positions.num 11 -> 21\n"
    for words in (["scan-1", "scan-2"], ["scan-2"]):
        result = call("diff", *words)
        assert result.exit_code == 0, result.output
        assert result.output.startswith(f"from scan-1 to scan-2\n{line}")
        assert "note: What either scan ran under is not kept" in result.output
    assert "nothing is different" in call("diff", "scan-1", "scan-1").output
    assert "completed before scan-1" in call("diff", "scan-1").output


def test_differences_are_given_as_json_too(two_scans: DatabaseService) -> None:
    told = json.loads(call("diff", "scan-2", "--json").output)
    assert (told["before"], told["after"], told["changes"][0]["after"]) == ("scan-1", "scan-2", 21)
    assert json.loads(call("diff", "scan-1", "--json").output)["before"] is None


def test_a_scan_that_is_not_there_is_named(two_scans: DatabaseService) -> None:
    result = call("diff", "scan-1", "gone")
    assert result.exit_code == 1
    assert "there is no scan 'gone'" in result.output


def test_what_commands_do_is_noted_with_who_and_where(db: DatabaseService) -> None:
    call("create-admin", "--username", "ada", typed="a long password\n")
    call("token", "create", "bench")
    call("token", "revoke", "bench")
    lines = db.audit.list()
    assert [(line.action, line.thing) for line in lines] == [
        ("create_user", "user:ada"),
        ("create_token", "token:1"),
        ("revoke_token", "token:1"),
    ]
    assert {line.address for line in lines} == {f"{lines[0].actor}@{socket.gethostname()}"}


def test_other_formats_go_to_a_file(scan: DatabaseService, tmp_path: Path) -> None:
    for suffix in (".parquet", ".h5", ".nc", ".nxs", ".jsonl", ".eln"):
        result = call("export", "scan-1", "-o", f"out{suffix}")
        assert result.exit_code == 0, result.output
        assert (tmp_path / f"out{suffix}").stat().st_size
    assert call("export", "scan-1", "--format", "bluesky").stdout.startswith('["start"')
    refused = call("export", "scan-1", "--format", "hdf5")
    assert refused.stderr == "error: output: HDF5 needs a file: -o NAME.h5\n"
    assert "the suffix of 'a.xls' tells none" in call("export", "scan-1", "-o", "a.xls").stderr


def test_a_project_and_several_scans_are_an_archive(scan: DatabaseService, tmp_path: Path) -> None:
    scan.scans.create(scan_id="scan-2", scan_name="another", project_name="flakes")
    assert call("export", "scan-1", "scan-2", "-o", "two.eln").exit_code == 0
    assert call("export", "--project", "flakes", "-o", "flakes.eln").exit_code == 0
    with zipfile.ZipFile(tmp_path / "flakes.eln") as archive:
        assert "flakes/another-scan-2/scan.json" in archive.namelist()
    assert call("export", "--project", "none", "-o", "x.eln").stderr == "error: there is no project 'none'\n"
    assert call("export").exit_code == 2


def test_on_a_terminal_an_export_shows_how_far_it_is(
    scan: DatabaseService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pybirch.cli.export.is_terminal", lambda: True)
    assert "Exporting" in call("export", "scan-1", "-o", "out.h5").stderr


def test_queues_and_stations_are_given_to_a_token(db: DatabaseService) -> None:
    old, new = (db.tokens.create(name, None, scopes=("station",))[0] for name in ("old", "new"))
    db.queues.attach("Q", "bench")
    db.queue_keepers.take_up("Q", old.id)
    db.keepers.take_up("bench", old.id)
    assert "keeps station bench, queue Q" in call("token", "list").output
    assert call("token", "give", "new").exit_code == 2
    result = call("token", "give", "new", "--queue", "Q", "--station", "bench")
    assert result.exit_code == 0, result.output
    assert (db.queue_keepers.of(new.id), db.keepers.of(new.id)) == (["Q"], ["bench"])
    noted = [(entry.action, entry.thing, entry.detail) for entry in db.audit.list()]
    assert noted == [
        ("give_queue", "queue:Q", {"to": "new"}),
        ("give_station", "station:bench", {"to": "new"}),
    ]
    assert "no queue 'X'" in call("token", "give", "new", "--queue", "X").output
