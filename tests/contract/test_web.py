"""URLs, templates, static classes and hooks of the web application."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from database import web
from database.web.app import create_app

WEB = Path(web.__file__).parent
STATIC = WEB / "static" / "js"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("web")
    config = {"DATABASE_URL": f"sqlite:///{folder / 'lab.db'}", "DATA_STORAGE_PATH": str(folder)}
    made = create_app({"TESTING": True} | config)
    yield made
    made.extensions["pybirch"].close()


PAGES = ["/", "/scans", "/scans/<>", "/queues", "/queues/<>", "/instruments", "/instruments/<>", "/login"]
GETS = ["/api/scan/<>", "/api/queue/<>", "/api/instruments/status", "/api/scan/<>/data/<>"]
POSTS = [
    *(f"/api/queue/<>/{verb}" for verb in ("start", "pause", "resume", "abort", "stop")),
    *(f"/api/scan/<>/{verb}" for verb in ("pause", "resume", "abort", "restart")),
    "/api/ingest",
]


@pytest.mark.parametrize(
    ("method", "url"), [*(("GET", url) for url in [*PAGES, *GETS]), *(("POST", url) for url in POSTS)]
)
def test_a_url_is_there(app: Any, method: str, url: str) -> None:
    rules = {
        (verb, re.sub(r"<[^>]*>", "<>", rule.rule))
        for rule in app.url_map.iter_rules()
        for verb in rule.methods
    }
    choices = {url, re.sub(r"/[a-z]+$", "/<>", url)}  # a verb may be a part of the rule
    assert any((method, choice) in rules for choice in choices)


@pytest.mark.parametrize("verb", ["start", "pause", "resume", "abort", "stop"])
def test_a_queues_verbs_are_known_and_closed_to_strangers(app: Any, verb: str) -> None:
    assert app.test_client().post(f"/api/queue/Q/{verb}").status_code in (400, 401, 403)
    assert app.test_client().post(f"/api/queue/Q/{verb}ish").status_code in (400, 401, 403, 404, 405)


def test_a_bearer_needs_no_csrf_token_and_hears_503_where_no_station_is(app: Any) -> None:
    db = app.extensions["pybirch"].db
    _, secret = db.tokens.create("test", None, scopes=("operate",))
    db.queues.attach("Q")
    headers = {"Authorization": f"Bearer {secret}"}
    assert app.test_client().post("/api/queue/Q/start", headers=headers).status_code == 503
    assert app.test_client().get("/api/queue/Q", headers=headers).get_json()["queue_id"] == "Q"
    assert app.test_client().get("/api/instruments/status", headers=headers).get_json() == []


def test_the_whole_api_is_described(app: Any) -> None:
    described = {re.sub(r"{[^}]*}", "<>", path) for path in app.spec["paths"]}
    rules = {re.sub(r"<[^>]*>", "<>", rule.rule) for rule in app.url_map.iter_rules()}
    own = {rule for rule in rules if rule.startswith("/api/") and not rule.endswith((".json", "/docs"))}
    assert own <= described


TEMPLATES = (
    "index queues queue_detail scans scan_detail instruments instrument_detail samples equipment login base"
)


@pytest.mark.parametrize("name", TEMPLATES.split())
def test_a_template_is_there(name: str) -> None:
    assert (WEB / "templates" / f"{name}.html").is_file()


@pytest.mark.parametrize(
    ("file", "name", "parameters"),
    [
        ("pybirch-realtime.js", "PyBirchRealtime", ""),
        ("queue-realtime.js", "QueueRealtimeManager", "queueId"),
        ("scan-realtime.js", "ScanRealtimeManager", "scanId, chartConfig"),
        ("instrument-realtime.js", "InstrumentRealtimeManager", "instrumentId"),
    ],
)
def test_a_class_of_the_browser_is_there(file: str, name: str, parameters: str) -> None:
    text = (STATIC / file).read_text(encoding="utf-8")
    body = text.split(f"export class {name} ", 1)[1]
    constructor = re.search(r"constructor\((.*)\) \{$", body, re.MULTILINE)
    assert constructor is not None
    given = [part.split("=")[0].strip() for part in constructor[1].split(",")]
    wanted = [part.strip() for part in parameters.split(",") if part]
    assert given[: len(wanted)] == wanted


def test_the_realtime_client_has_its_methods_and_delays() -> None:
    text = (STATIC / "pybirch-realtime.js").read_text(encoding="utf-8")
    for method in ("connect()", "disconnect()", "subscribe(room", "unsubscribe(room)"):
        assert re.search(rf"^  (async )?{re.escape(method)}", text, re.MULTILINE), method
    for listener in ["onScanStatus", "onQueueStatus", "onDataPoint", "onInstrumentStatus"]:
        assert f"{listener}:" in text
    assert "[1, 2, 4, 8, 16, 30]" in text


HOOKS = (
    "connection-status connected connecting disconnected status-updated status-badge position-panel "
    "position-axis position-value position-moving live-activity-panel running-queues running-scans "
    "instrument-status-summary"
)


@pytest.mark.parametrize("hook", HOOKS.split())
def test_a_hook_for_styling_is_used(hook: str) -> None:
    files = [*WEB.glob("templates/*.html"), *STATIC.rglob("*.js")]
    assert any(hook in file.read_text(encoding="utf-8") for file in files)
