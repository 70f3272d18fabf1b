"""The REST API's shapes, its data endpoint and its errors."""

from __future__ import annotations

import base64
import csv
import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from werkzeug.exceptions import ServiceUnavailable

from pybirch.events import Readings


@pytest.fixture
def get(lab: Any) -> Any:
    """GET as a reader; gives the answer."""
    client, headers = lab.app.test_client(), lab.token("read")
    return lambda path: client.get(path, headers=headers)


def test_overview_says_what_runs(lab: Any, get: Any) -> None:
    lab.queue("Q", station="bench")
    lab.scan("done", rows=0, state="completed")
    lab.scan("S", queue_id="Q")
    told = get("/api/overview").json
    assert set(told) == {"lab", "user", "queues", "scans", "instruments", "stations", "now"}
    assert [scan["scan_id"] for scan in told["scans"]] == ["S"]
    assert told["queues"][0]["total_scans"] == 1
    assert "scans" not in told["queues"][0]


def test_a_scan_in_a_list_and_whole(lab: Any, get: Any) -> None:
    lab.queue()
    lab.scan("S", rows=7, queue_id="Q", points_total=9, additional_tags=["new"])
    listed = get("/api/scans?state=running&queue_id=Q&search=scan&sort=-name").json
    assert listed["total"] == 1
    row = listed["items"][0]
    assert (row["scan_id"], row["status"], row["points_done"], row["points_total"]) == ("S", "running", 7, 9)
    assert row["created_at"].endswith("Z")
    assert not {"settings", "measurements"} & set(row)
    whole = get("/api/scan/S").json
    assert whole["measurements"][0]["count"] == 7
    assert whole["measurements"][0]["last_index"] == 6
    assert [c["name"] for c in whole["measurements"][0]["columns"]] == ["x", "voltage"]
    assert whole["settings"]["scan_name"] == "scan S"
    assert get("/api/scans?state=completed,failed").json == {"items": [], "total": 0}


def test_paging(lab: Any, get: Any) -> None:
    for number in range(5):
        lab.scan(f"S{number}", rows=0, state="queued")
    page = get("/api/scans?limit=2&offset=2&sort=scan_id").json
    assert [row["scan_id"] for row in page["items"]] == ["S2", "S3"]
    assert page["total"] == 5


def test_a_queue_with_its_scans_and_its_log(lab: Any, get: Any) -> None:
    lab.queue()
    for scan_id in ("A", "B"):
        lab.scan(scan_id, rows=0, state="completed" if scan_id == "A" else "queued", queue_id="Q")
    for number in range(3):
        lab.db.logs.add("Q", "INFO", f"line {number}", scan_id="A")
    queue = get("/api/queue/Q").json
    assert [scan["scan_id"] for scan in queue["scans"]] == ["A", "B"]
    assert (queue["completed_scans"], queue["total_scans"]) == (1, 2)
    assert get("/api/queues").json["total"] == 1
    lines = get("/api/queue/Q/logs").json["items"]
    assert [line["message"] for line in lines] == ["line 0", "line 1", "line 2"]
    later = get(f"/api/queue/Q/logs?after_id={lines[1]['id']}").json["items"]
    assert [line["message"] for line in later] == ["line 2"]


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/api/scan/none", 404, None),
        ("/api/queue/none", 404, None),
        ("/api/scan/S/data/none", 404, None),
        ("/api/nothing", 404, None),
        ("/api/scans?limit=0", 400, "limit"),
        ("/api/scans?state=hopeful", 400, "state"),
        ("/api/scans?sort=password", 400, "sort"),
        ("/api/scan/S/data/iv?format=pickle", 400, "format"),
        ("/api/scan/S/data/iv?columns=none", 400, "columns"),
        ("/api/scan/S/data/iv?start=-1", 400, "start"),
    ],
)
def test_errors_are_sentences_that_name_the_field(
    lab: Any, get: Any, path: str, status: int, field: str | None
) -> None:
    lab.scan()
    answer = get(path)
    assert answer.status_code == status
    assert answer.json["ok"] is False
    assert answer.json["error"].get("field") == field
    assert answer.json["error"]["message"]


def test_data_exact_in_every_encoding(lab: Any, get: Any, make_readings: Any) -> None:
    lab.scan(rows=100)
    expected = make_readings("S", 10, 20).values["voltage (V)"]
    for encoding in ("json", "float64", "float32"):
        told = get(f"/api/scan/S/data/iv?start=10&end=30&format={encoding}&columns=voltage").json
        head = {
            key: told[key] for key in ("first_index", "end_index", "count", "total", "stride", "encoding")
        }
        assert head == {
            "first_index": 10, "end_index": 30, "count": 20, "total": 100, "stride": 1, "encoding": encoding,
        }  # fmt: skip
        assert [c["role"] for c in told["columns"]] == ["data", "time", "step"]
        values = told["columns"][0]["values"]
        kind = {"float64": "<f8", "float32": "<f4"}.get(encoding)
        found = np.frombuffer(base64.b64decode(values), kind) if kind else np.array(values)
        assert np.allclose(found, expected, rtol=1e-6)
        assert "indexes" not in told


def test_data_decimated_keeps_the_extremes(lab: Any, get: Any) -> None:
    lab.scan(rows=5_000)
    told = get("/api/scan/S/data/iv?max_points=100").json
    assert told["total"] == 5_000
    assert told["count"] <= 110
    assert told["stride"] > 1
    assert len(told["indexes"]) == told["count"]
    voltage = next(c for c in told["columns"] if c["name"] == "voltage")["values"]
    assert max(voltage) == pytest.approx(1.0, abs=1e-4)


def test_more_than_one_answer_holds_is_fetched_in_pieces(
    lab: Any, get: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("database.web.api.data.MOST_VALUES", 100)
    lab.scan(rows=60)
    first = get("/api/scan/S/data/iv").json
    assert (first["count"], first["end_index"], first["total"]) == (25, 25, 60)
    assert get(f"/api/scan/S/data/iv?start={first['end_index']}").json["first_index"] == 25


def test_an_answer_is_bounded_though_decimated(lab: Any, get: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("database.web.api.data.MOST_VALUES", 400)
    lab.scan(rows=5_000)
    assert get("/api/scan/S/data/iv?max_points=1000").json["count"] <= 110


def test_large_answers_are_made_few_at_a_time(lab: Any, get: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("database.web.turns.PATIENCE", 0.01)
    lab.scan()
    turns = lab.parts.turns
    with turns.one("ana"), turns.one("ana"):
        with pytest.raises(ServiceUnavailable), turns.one("ana"):
            pytest.fail("one person had them all")
        assert get("/api/scan/S/data/iv").status_code == 200
        with turns.one("ben"):
            refused = get("/api/scan/S/data/iv")
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
            assert "again" in refused.json["error"]["message"]
            assert get("/api/scan/S/data/iv?format=csv").status_code == 200, "a stream takes no turn"
    assert get("/api/scan/S/data/iv").status_code == 200


def test_nan_is_null_and_says_so(lab: Any, get: Any) -> None:
    lab.scan(rows=0)
    nan = Readings(
        scan_id="S", measurement="iv", first_index=0, steps=np.array([0]), times=np.array([1.0]),
        positions={}, values={"voltage (V)": np.array([np.nan])},
    )  # fmt: skip
    lab.db.readings.append("S", [nan])
    answer = get("/api/scan/S/data/iv")
    assert "NaN" not in answer.get_data(as_text=True)
    column = answer.json["columns"][0]
    assert (column["name"], column["values"], column["nonfinite"]) == ("voltage", [None], {"0": "nan"})


def test_csv_streams_exact_numbers(lab: Any, get: Any, make_readings: Any) -> None:
    lab.scan(rows=500)
    answer = get("/api/scan/S/data/iv?format=csv&start=5")
    assert answer.mimetype == "text/csv"
    assert 'filename="scan_S-S.csv"' in answer.headers["Content-Disposition"]
    rows = list(csv.reader(io.StringIO(answer.get_data(as_text=True))))
    assert rows[0] == ["index", "time (s)", "step", "x (mm)", "voltage (V)"]
    assert len(rows) == 1 + 495
    assert [float(row[4]) for row in rows[1:]] == make_readings("S", 5, 495).values["voltage (V)"].tolist()


def test_csv_files_of_one_scan_have_names_of_their_own(lab: Any, get: Any, make_readings: Any) -> None:
    lab.scan("2026-11-21_ab", rows=5)
    lab.db.readings.append("2026-11-21_ab", [make_readings("2026-11-21_ab", 0, 5, "spectra")])
    for measurement in ("iv", "spectra"):
        answer = get(f"/api/scan/2026-11-21_ab/data/{measurement}?format=csv")
        name = f'filename="scan_2026-11-21_ab-{measurement}-2026-11-21_ab.csv"'
        assert name in answer.headers["Content-Disposition"]


def test_no_session_is_open_while_csv_streams(lab: Any) -> None:
    lab.scan(rows=2_000)
    client, headers = lab.app.test_client(), lab.token("read")
    answer = client.get("/api/scan/S/data/iv?format=csv", headers=headers, buffered=False)
    lab.parts.errands.flush(5)
    chunks = iter(answer.response)
    next(chunks)
    next(chunks)
    pool = lab.db.database.engine.pool if hasattr(lab.db, "database") else None
    assert pool is None or pool.checkedout() == 0
    answer.close()


def test_instruments(lab: Any, get: Any) -> None:
    described = {"name": "stage", "kind": "movement", "adapter": "fake", "pybirch_class": "FakeStage"}
    row = lab.db.equipment.register(described)
    lab.db.equipment.set_status(row.id, "moving", position={"x": 1.5})
    (told,) = get("/api/instruments/status").json
    assert (told["instrument_id"], told["status"], told["position"]) == (row.id, "moving", {"x": 1.5})
    assert get("/api/equipment").json["total"] == 1


def test_the_api_describes_itself_without_help_from_elsewhere(lab: Any, get: Any) -> None:
    spec = get("/api/openapi.json").json
    for path in (
        "/api/overview", "/api/scans", "/api/scan/{scan_id}", "/api/queues", "/api/queue/{queue_id}",
        "/api/queue/{queue_id}/logs", "/api/instruments/status", "/api/scan/{scan_id}/data/{measurement}",
        "/api/queue/{queue_id}/{action}", "/api/scan/{scan_id}/{action}", "/api/stop", "/api/ingest",
        "/api/station/exited", "/api/link", "/api/scan/{scan_id}/changes", "/api/templates/{kind}",
        "/api/templates/{kind}/{template_id}/change", "/api/queue/{queue_id}/add",
    ):  # fmt: skip
        assert path in spec["paths"], path
    page = get("/api/docs").get_data(as_text=True)
    assert "/api/scan/{scan_id}" in page
    assert "<script" not in page
    assert "http://" not in page.replace("http://localhost", "")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/queues",
        "/queues/Q",
        "/scans",
        "/scans?state=running",
        "/scans/S",
        "/instruments",
        "/samples",
        "/equipment",
    ],
)
def test_every_page_renders_with_its_first_json(lab: Any, path: str) -> None:
    lab.queue()
    lab.scan(queue_id="Q", additional_tags=["</script><script>alert(1)</script>"])
    answer = lab.browser("viewer").get(path)
    text = answer.get_data(as_text=True)
    assert answer.status_code == 200, text
    assert 'id="initial-data"' in text
    assert "<script>alert" not in text


def test_an_instrument_has_a_page(lab: Any) -> None:
    row = lab.db.equipment.register({"name": "stage", "kind": "movement", "adapter": "fake"})
    client = lab.browser("viewer")
    assert client.get(f"/instruments/{row.id}").status_code == 200
    missing = client.get("/instruments/99")
    assert missing.status_code == 404
    assert "99" in missing.get_data(as_text=True)


def test_a_fault_of_ours_is_a_sentence_and_a_log_line(
    lab: Any, get: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise ZeroDivisionError("inside")

    monkeypatch.setattr("database.web.api.lists.overview", broken)
    answer = get("/api/overview")
    assert answer.status_code == 500
    assert "inside" not in answer.get_data(as_text=True)
    assert "ZeroDivisionError" in caplog.text


def test_a_link_signs_in(lab: Any, sign_in_with: Any) -> None:
    client = lab.app.test_client()
    url = client.post("/api/link", headers=lab.token("admin")).json["url"]
    assert url.startswith("http://localhost/login?code=")
    code = url.partition("code=")[2]
    assert sign_in_with(lab.app.test_client(), code=code).status_code == 303


def test_who_did_what_is_noted(lab: Any, csrf: Any) -> None:
    client = lab.browser("operator")
    client.post("/api/stop", headers={"X-CSRFToken": csrf(client, "/")})
    assert lab.parts.errands.flush(5)
    noted = [(entry.actor, entry.action) for entry in lab.db.audit.list()]
    assert noted == [("operator-person", "sign_in"), ("operator-person", "stop_everything")]


def test_a_locked_record_keeps_no_stop_from_its_stations(
    lab: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[tuple[str, str]] = []

    def command(_stations: Any, name: str, action: str, **_what: Any) -> dict[str, Any]:
        told.append((name, action))
        return {"ok": True, "command_id": "c"}

    monkeypatch.setattr(type(lab.parts.stations), "command", command)
    caplog.set_level("INFO")
    headers, client = lab.token("operate"), lab.app.test_client()
    lab.queue("Q", station="bench")
    lab.parts.stations.attach("bench", "e1", "sid")
    with closing(sqlite3.connect(tmp_path / "lab.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert client.post("/api/stop", headers=headers).json["ok"]
        assert client.post("/api/queue/Q/abort", headers=headers, json={}).status_code == 200
        assert told == [("bench", "stop_everything"), ("bench", "abort")]
        assert "test: stop_everything" in caplog.text
        assert not lab.parts.errands.flush(0.01), "not noted yet, and nobody waited for it"
        other.execute("ROLLBACK")
    assert lab.parts.errands.flush(10)
    assert [entry.action for entry in lab.db.audit.list()] == ["stop_everything", "abort"]


@pytest.mark.parametrize(
    "where",
    [
        "/api/scans?offset={}",
        "/api/queues?offset={}",
        "/api/queue/Q/logs?after_id={}",
        "/api/scan/S/data/iv?start={}",
        "/api/scan/S/data/iv?end={}",
    ],
)
def test_a_number_no_database_can_hold_is_refused_by_name(lab: Any, where: str) -> None:
    lab.queue()
    lab.scan()
    client, headers = lab.app.test_client(), lab.token("read")
    for number in ("9" * 23, "-" + "9" * 23, str(2**63)):
        answer = client.get(where.format(number), headers=headers)
        assert answer.status_code == 400
        assert answer.json["error"]["field"] in where


@pytest.mark.parametrize("name", ["", "x" * 101, "a\x00b", "\ud800"])
def test_a_station_has_a_name_that_can_be_kept(lab: Any, name: str) -> None:
    client, headers = lab.app.test_client(), lab.token("station")
    for wrong in ({"station": name, "epoch": "e1"}, {"station": "bench", "epoch": name}):
        for where, more in (("/api/ingest", {"seq": 0, "items": []}), ("/api/station/exited", {})):
            body = json.dumps({**wrong, **more})
            answer = client.post(where, data=body, content_type="application/json", headers=headers)
            assert answer.status_code == 400
