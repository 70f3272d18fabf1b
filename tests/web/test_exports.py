"""Exports over HTTP: streamed, built and fetched, for whom they are, and what becomes of their files."""

from __future__ import annotations

import io
import threading
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from werkzeug.exceptions import ServiceUnavailable

from database.web.export_jobs import EACH, KEPT, UNKNOWN, ExportJob, ExportJobs
from pybirch.database_integration.sync.connection import ConnectionState
from pybirch.database_integration.sync.remote_lab import RemoteLab
from pybirch.errors import NoRoomError, NotFoundError, PyBirchError
from pybirch.export import export
from pybirch.export.formats import FORMATS
from tests.conftest import until


class Api:
    """A program with a token."""

    def __init__(self, lab: Any, *scopes: str) -> None:
        self.client, self.headers = lab.app.test_client(), lab.token(*scopes)
        self.parts = lab.parts

    def get(self, path: str) -> Any:
        return self.client.get(path, headers=self.headers, buffered=True)

    def post(self, path: str, **content: Any) -> Any:
        return self.client.post(path, headers=self.headers, json=content)

    def built(self, path: str, **content: Any) -> dict[str, Any]:
        """Start an export and wait for its end."""
        started = self.post(path, **content)
        assert started.status_code == 202, started.json
        number = started.json["id"]
        assert self.parts.exports.wait(self.parts.exports.get(number), 10)
        return self.get(f"/api/exports/{number}").json


@pytest.fixture
def api(lab: Any) -> Api:
    return Api(lab, "read")


@pytest.mark.parametrize("name", list(FORMATS))
def test_every_format_is_one_request(name: str, lab: Any, api: Api) -> None:
    lab.scan(rows=50)
    answer = api.get(f"/api/scan/S/export?format={name}")
    assert answer.status_code == 200, answer.data
    assert answer.mimetype == FORMATS[name].mime
    assert f"scan_S-S{FORMATS[name].suffix}" in answer.headers["Content-Disposition"]
    assert len(answer.data) > 100
    answer.close()
    assert not list((lab.parts.settings.storage / "exports").glob("*/*")), "what was sent is gone"


def test_csv_streams_without_a_file(lab: Any, api: Api) -> None:
    lab.scan(rows=50)
    read = pd.read_csv(io.BytesIO(api.get("/api/scan/S/export").data))
    assert len(read) == 50
    assert not (lab.parts.settings.storage / "exports").exists()


def test_several_measurements_are_a_zip_or_one_is_named(lab: Any, api: Api, make_readings: Any) -> None:
    lab.scan(rows=5)
    lab.db.readings.append("S", [make_readings("S", 0, 7, "spec/tra")])
    answer = api.get("/api/scan/S/export?format=parquet")
    assert answer.mimetype == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert archive.namelist() == ["iv.parquet", "spec_tra.parquet"]
    one = api.get("/api/scan/S/export?format=csv&measurement=spec/tra")
    assert "scan_S-spec_tra-S.csv" in one.headers["Content-Disposition"]
    assert len(pd.read_csv(io.BytesIO(one.data))) == 7
    assert api.get("/api/scan/S/export?measurement=other").status_code == 404
    assert api.get("/api/scan/S/export?format=xls").status_code == 400
    assert api.get("/api/scan/none/export").status_code == 404


def test_an_export_is_built_asked_for_and_fetched(lab: Any, api: Api) -> None:
    lab.scan(rows=50)
    told = api.built("/api/scan/S/exports", format="hdf5")
    assert (told["state"], told["progress"], told["error"]) == ("ready", 1.0, None)
    file = api.get(f"/api/exports/{told['id']}/file")
    assert told["size"] == len(file.data)
    with h5py.File(io.BytesIO(file.data)) as root:
        assert np.allclose(root["iv/voltage (V)"], np.sin(np.arange(50) * 0.01))
    assert api.client.post(f"/api/exports/{told['id']}/cancel", headers=api.headers).json == {"ok": True}
    assert api.get(f"/api/exports/{told['id']}").status_code == 404


def test_a_project_is_an_archive(lab: Any, api: Api) -> None:
    lab.scan("A", rows=5, project_name="my flakes")
    told = api.built("/api/project/my flakes/exports")
    assert told["name"] == "my_flakes.eln"
    file = api.get(f"/api/exports/{told['id']}/file")
    with zipfile.ZipFile(io.BytesIO(file.data)) as archive:
        assert "my_flakes/scan_A-A/data.h5" in archive.namelist()
    assert api.post("/api/project/none/exports").status_code == 404


def test_an_export_is_for_who_asked_for_it_and_for_administrators(lab: Any, api: Api) -> None:
    lab.scan(rows=5)
    told = api.built("/api/scan/S/exports", format="hdf5")
    other, admin = Api(lab, "operate"), Api(lab, "admin")
    for path in (f"/api/exports/{told['id']}", f"/api/exports/{told['id']}/file"):
        assert other.get(path).status_code == 403
        assert admin.get(path).status_code == 200
        assert lab.app.test_client().get(path).status_code == 401
    assert other.client.post(f"/api/exports/{told['id']}/cancel", headers=other.headers).status_code == 403


def test_what_cannot_be_written_is_told(lab: Any, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PyBirchError("cannot write it: no space left")

    lab.scan(rows=5)
    monkeypatch.setattr("database.web.api.exports.export", refuse)
    told = api.built("/api/scan/S/exports", format="hdf5")
    assert (told["state"], told["error"]) == ("failed", "cannot write it: no space left")
    answer = api.get(f"/api/exports/{told['id']}/file")
    assert answer.status_code == 409
    assert answer.json["error"]["message"] == "cannot write it: no space left"


def test_what_takes_long_goes_on_behind_the_request(
    lab: Any, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("database.web.api.exports.PATIENCE", 0.0)
    door = threading.Event()
    monkeypatch.setattr("database.web.api.exports._make", lambda *_: door.wait(5))
    lab.scan(rows=5)
    answer = api.get("/api/scan/S/export?format=hdf5")
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/api/exports/{answer.json['id']}"
    door.set()


def test_a_missing_library_is_named(lab: Any, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "event_model", None)
    lab.scan(rows=5)
    answer = api.get("/api/scan/S/export?format=bluesky")
    assert answer.status_code == 501
    assert "pybirch[export]" in answer.json["error"]["message"]


@pytest.fixture
def jobs(tmp_path: Path) -> Any:
    made = ExportJobs(tmp_path / "exports")
    yield made
    made.close()


def write(path: Path, tell: Any) -> None:
    path.write_text("data")


def start(jobs: ExportJobs, make: Any = write, person: str = "ana") -> ExportJob:
    return jobs.start(person, "a.h5", "application/x-hdf5", make)


def test_a_file_goes_after_an_hour(tmp_path: Path) -> None:
    now = [0.0]
    jobs = ExportJobs(tmp_path / "exports", clock=lambda: now[0])
    now[0] = 10.0
    job = start(jobs)
    assert jobs.wait(job, 5)
    now[0] += KEPT
    jobs.tidy()
    assert job.path.exists()
    now[0] += 1
    jobs.tidy()
    assert not job.path.exists()
    with pytest.raises(NotFoundError):
        jobs.get(job.id)
    jobs.close()


def test_what_an_earlier_server_left_is_removed_at_the_start(jobs: ExportJobs, tmp_path: Path) -> None:
    (tmp_path / "exports" / "old").mkdir(parents=True)
    jobs.clear()
    assert not (tmp_path / "exports").exists()


def test_one_person_has_a_few_at_a_time(jobs: ExportJobs) -> None:
    door = threading.Event()
    started = [start(jobs, lambda *_: door.wait(5)) for _ in range(EACH)]
    with pytest.raises(ServiceUnavailable, match="are being built"):
        start(jobs)
    assert sorted(job.state for job in started).count("waiting") == EACH - 2
    ben = start(jobs, person="ben")
    door.set()
    assert jobs.wait(ben, 5)


def test_cancelled_it_leaves_nothing(jobs: ExportJobs, tmp_path: Path) -> None:
    begun, door = threading.Event(), threading.Event()

    def slow(path: Path, tell: Any) -> None:
        path.write_text("half")
        begun.set()
        assert door.wait(5)
        tell(0.5)

    job = start(jobs, slow)
    assert begun.wait(5)
    jobs.remove(job)
    door.set()
    jobs.wait(job, 5)
    jobs.close()
    assert not list((tmp_path / "exports").iterdir())
    assert job.error == "The export was cancelled."


def test_a_full_disk_is_said_before_and_while(jobs: ExportJobs, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoRoomError, match=r"has \d+\.\d GB left, and this export wants about 1000000\.0 GB"):
        jobs.start("ana", "a.h5", "", write, size=10**15)


def test_what_nobody_foresaw_is_logged_and_said_calmly(
    jobs: ExportJobs, caplog: pytest.LogCaptureFixture
) -> None:
    job = start(jobs, lambda *_: 1 / 0)
    jobs.wait(job, 5)
    jobs.close()
    assert job.error == UNKNOWN
    assert "ZeroDivisionError" in caplog.text


def test_a_window_on_a_server_exports_from_it(lab: Any, served: Any, tmp_path: Path) -> None:
    lab.scan(rows=50)
    _, secret = lab.db.tokens.create("window", None, scopes=("read",))
    remote = RemoteLab(served.url, secret)
    try:
        until(lambda: remote.connection.state is ConnectionState.LIVE)
        file = export(remote.data("S"), tmp_path / "a.parquet")
    finally:
        remote.close()
    assert pd.read_parquet(file)["voltage (V)"].tolist() == np.sin(np.arange(50) * 0.01).tolist()
