"""Readings that were measured again, at the API, from stations, and on the scan's page."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from database.web.stations import Stations
from pybirch.errors import IllegalTransitionError
from pybirch.events import DataBlock, Readings, ScanStatus
from pybirch.states import ScanState
from pybirch.wire import from_block, to_block, to_wire
from tests.conftest import until

NEWEST = [0, 1, 5, 6, 7, 8]


def walk(first: int, steps: list[int], named: list[int] | None = None, width: int = 0) -> Readings:
    """Readings of these steps; the value is 100 + the index."""
    index = 100.0 + np.arange(first, first + len(steps))
    return Readings(
        scan_id="S",
        measurement="iv",
        first_index=first,
        steps=np.array(steps),
        times=1e9 + index,
        positions={"x (mm)": np.array(steps, dtype=float)},
        values={"voltage (V)": index if not width else np.repeat(index[:, None], width, axis=1)},
        replaces=None if named is None else np.array(named),
    )


FIRST = walk(0, [0, 1, 2, 3, 4])
AGAIN = walk(5, [2, 3, 4, 5], [2, 3, 4, -1])


@pytest.fixture
def rewound(lab: Any) -> Any:
    """The lab with a running scan that went back from step 5 to step 2."""
    lab.scan(rows=0, points_total=10)
    lab.db.readings.append("S", [FIRST])
    lab.db.scans.note_rewind("S", 2)
    lab.db.readings.append("S", [AGAIN])
    return lab


@pytest.fixture
def get(rewound: Any) -> Any:
    client, headers = rewound.app.test_client(), rewound.token("read")
    return lambda path: client.get(path, headers=headers)


def values(told: dict[str, Any]) -> list[float]:
    return next(c["values"] for c in told["columns"] if c["name"] == "voltage")


def test_data_is_the_newest_unless_all_is_asked_for(get: Any) -> None:
    told = get("/api/scan/S/data/iv").json
    assert (told["first_index"], told["end_index"], told["count"], told["total"]) == (0, 9, 6, 9)
    assert told["indexes"] == NEWEST
    assert values(told) == [100 + i for i in NEWEST]
    assert told["replaces"] == [[5, 3, 2]]
    everything = get("/api/scan/S/data/iv?all=1").json
    assert values(everything) == [100 + i for i in range(9)]
    assert "indexes" not in everything
    assert everything["replaces"] == [[5, 3, 2]]
    keys = ("first_index", "count", "columns", "encoding", "replaces")
    block = DataBlock(scan_id="S", measurement="iv", **{key: everything[key] for key in keys})
    named = from_block(block).replaces
    assert named is not None
    assert named.tolist() == [-1] * 5 + [2, 3, 4, -1]


def test_a_range_without_such_readings_is_told_as_ever(get: Any) -> None:
    told = get("/api/scan/S/data/iv?end=2").json
    assert not {"indexes", "replaces"} & set(told)
    assert get("/api/scan/S/data/iv?start=2&end=5").json["indexes"] == []
    assert get("/api/scan/S/data/iv?start=6&end=9").json["replaces"] == [[6, 2, 3]]
    assert [m["replaced"] for m in get("/api/scan/S").json["measurements"]] == [3]
    [listed] = get("/api/scans").json["items"]
    assert (listed["points_done"], listed["points_replaced"]) == (9, 3)


def test_decimated_the_newest_too(get: Any) -> None:
    told = get("/api/scan/S/data/iv?max_points=4").json
    assert not set(told["indexes"]) & {2, 3, 4}
    assert told["replaces"] == [[5, 3, 2]]
    assert min(values(told)) == 100
    assert max(values(told)) == 108


@pytest.mark.parametrize(("query", "indexes"), [("", NEWEST), ("&all=1", range(9)), ("&start=3", NEWEST[2:])])
def test_csv(get: Any, query: str, indexes: Any) -> None:
    text = get(f"/api/scan/S/data/iv?format=csv{query}").get_data(as_text=True)
    rows = list(csv.reader(io.StringIO(text)))[1:]
    assert [int(row[0]) for row in rows] == list(indexes)
    assert [float(row[4]) for row in rows] == [100.0 + i for i in indexes]


@pytest.fixture
def send(lab: Any) -> Any:
    client, headers = lab.app.test_client(), lab.token("station")

    def post(seq: int, *items: tuple[str, dict[str, Any]]) -> Any:
        told = [{"kind": kind, "payload": payload} for kind, payload in items]
        frame = {"station": "script", "epoch": "e1", "seq": seq, "store": True, "items": told}
        return client.post("/api/ingest", json=frame, headers=headers)

    return post


def test_a_scripts_rewind_is_recorded_and_shown(lab: Any, send: Any) -> None:
    viewer = lab.socket(lab.browser("viewer"))
    status = to_wire(ScanStatus(scan_id="S", status=ScanState.RUNNING, progress=0.0))
    opened = ("scan_opened", {"scan_id": "S", "settings": {"scan_name": "s"}})
    items = (
        ("data_block", to_wire(to_block(FIRST, "float64"))),
        ("scan_rewound", {"scan_id": "S", "step": 2}),
        ("data_block", to_wire(to_block(AGAIN, "float64"))),
    )
    assert send(0, opened, ("scan_status", status)).status_code == 200
    assert viewer.emit("subscribe_scan", {"scan_id": "S", "blocks": True}, callback=True)["ok"]
    for _ in range(2):
        assert send(1, *items).status_code == 200
    stored = lab.db.readings.read("S", "iv")
    assert stored.replaces.tolist() == [-1] * 5 + [2, 3, 4, -1]
    assert [(row.step, row.counts) for row in lab.db.scans.rewinds("S")] == [(2, {"iv": 5})]
    heard: list[dict[str, Any]] = []

    def all_heard() -> bool:
        heard.extend(one["args"][0] for one in viewer.get_received() if one["name"] == "data_block")
        return sum(block["count"] for block in heard) == 9

    until(all_heard)
    assert [run for block in heard for run in block.get("replaces", ())] == [[5, 3, 2]]


@pytest.mark.parametrize("step", [-1, "2", None, True, 1.5])
def test_a_rewind_that_names_no_step_is_refused(lab: Any, send: Any, step: Any) -> None:
    send(0, ("scan_opened", {"scan_id": "S", "settings": {"scan_name": "s"}}))
    answer = send(1, ("scan_rewound", {"scan_id": "S", "step": step}))
    assert answer.status_code == 400
    assert lab.db.scans.rewinds("S") == []


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, dict[str, Any]]]:
    """What stations are told; they do it and say so."""
    heard: list[tuple[str, str, dict[str, Any]]] = []

    def command(_stations: Any, name: str, action: str, **what: Any) -> dict[str, Any]:
        heard.append((name, action, {key: value for key, value in what.items() if value is not None}))
        if what.get("step") == 99:
            raise IllegalTransitionError("step: must be a whole number from 0 to 9, the steps done; not 99")
        return {"ok": True, "command_id": "c", "scan": {"scan_id": "S", "status": "running", "progress": 0.2}}

    monkeypatch.setattr(Stations, "command", command)
    return heard


def test_the_command(rewound: Any, told: list[Any], csrf: Any) -> None:
    client = rewound.browser("operator")
    headers = {"X-CSRFToken": csrf(client, "/scans")}
    answer = client.post("/api/scan/S/rewind", json={"step": 2, "why": "a spike"}, headers=headers).json
    assert (answer["scan"]["status"], answer["scan"]["progress"]) == ("running", 0.2)
    assert client.post("/api/scan/S/rewind", json={}, headers=headers).status_code == 200
    who = {"scan_id": "S", "by": "operator-person"}
    assert told == [
        ("bench", "rewind", who | {"step": 2, "why": "a spike"}),
        ("bench", "rewind", who),
    ]
    refused = client.post("/api/scan/S/rewind", json={"step": 99}, headers=headers)
    assert refused.status_code == 409
    assert "0 to 9" in refused.json["error"]["message"]
    wrong = client.post("/api/scan/S/rewind", json={"step": -1}, headers=headers)
    assert (wrong.status_code, wrong.json["error"]["field"]) == (400, "step")


def test_a_viewer_may_not(rewound: Any, told: list[Any], csrf: Any) -> None:
    client = rewound.browser("viewer")
    headers = {"X-CSRFToken": csrf(client, "/scans")}
    assert client.post("/api/scan/S/rewind", json={}, headers=headers).status_code == 403
    assert told == []


# On the page

STORE = """() => {
    const store = window.pybirch.scan.stores.get('iv');
    const { isArray, data } = store.column('data:voltage');
    const values = isArray ? data.map((reading) => reading[0]) : Array.from(data.all());
    return [store.indexes(), values, store.end, store.repeated];
}"""


def table_is(page: Any, indexes: list[int]) -> None:
    """The table has these readings, newest first, and so has the store that the chart draws."""
    texts = [str(i) for i in reversed(indexes)]
    script = f"""() => JSON.stringify([...document.querySelectorAll('#scan-data tbody tr')]
        .map((row) => row.cells[0].textContent)) === JSON.stringify({texts!r})"""
    page.wait_for_function(script, timeout=5_000)
    shown, values, _, _ = page.evaluate(STORE)
    assert shown == indexes
    assert values == [100 + i for i in indexes]


@pytest.mark.browser
def test_after_a_reload_only_the_newest_are_drawn(rewound: Any, look: Callable[..., Any]) -> None:
    page = look("/scans/S")
    table_is(page, NEWEST)
    assert page.evaluate(STORE)[2:] == [9, 3]
    page.wait_for_selector("#data-note >> text=/^6 readings, 3 measured again$/")
    assert page.inner_text("#measurement-tabs .muted") == "6"
    figures = page.locator("#scan-progress .figure").all_inner_texts()
    assert figures[0].split() == ["Points", "6", "of", "10"]
    assert page.evaluate("window.pybirch.scan.counts.gaps") == 0


@pytest.mark.browser
@pytest.mark.parametrize("width", [0, 3])
def test_live_the_points_measured_again_take_the_place_of_the_earlier(
    lab: Any, look: Callable[..., Any], width: int
) -> None:
    lab.scan(rows=0, points_total=10)
    page = look("/scans/S")
    page.wait_for_selector("#scan-chart >> text=Waiting for the first point.")

    def measure(block: Readings) -> None:
        lab.db.readings.append("S", [block])
        lab.parts.updates.publish(block)

    measure(walk(0, [0, 1, 2, 3, 4], None, width))
    table_is(page, [0, 1, 2, 3, 4])
    measure(walk(5, [2, 3], [2, 3], width))
    table_is(page, [0, 1, 4, 5, 6])
    measure(walk(7, [4, 5, 1], [4, -1, 1], width))
    table_is(page, [0, 5, 6, 7, 8, 9])
    page.reload()
    table_is(page, [0, 5, 6, 7, 8, 9])


@pytest.mark.browser
def test_a_long_scan_is_drawn_without_what_was_measured_again(lab: Any, look: Callable[..., Any]) -> None:
    lab.scan(rows=0)
    count = 25_000
    lab.db.readings.append("S", [walk(0, list(range(count)))])
    again = list(range(10_000, 12_000))
    lab.db.readings.append("S", [walk(count, again, again)])
    page = look("/scans/S")
    page.wait_for_function("() => window.pybirch.scan.stores.get('iv')?.end === 27000")
    shown, _, end, repeated = page.evaluate(STORE)
    assert not [i for i in shown if 10_000 <= i < 12_000]
    assert (end, repeated) == (27_000, 2_000)
    assert len(shown) < 5_000


@pytest.mark.browser
def test_the_menu_asks_where_to(rewound: Any, told: list[Any], look: Callable[..., Any]) -> None:
    page = look("/scans/S")
    table_is(page, NEWEST)

    def rewind(*clicks: str) -> None:
        page.click("#scan-more summary")
        page.click("#scan-rewind")
        for one in clicks:
            page.click(f"dialog {one}")
        page.click("dialog [data-answer=yes]")
        page.wait_for_selector("dialog", state="detached")

    rewind()
    rewind("[value=beginning]")
    page.click("#scan-more summary")
    page.click("#scan-rewind")
    assert page.input_value("dialog .step-number") == "5"
    page.fill("dialog .step-number", "3")
    page.fill("dialog .reason", "a spike")
    page.click("dialog [data-answer=yes]")
    page.wait_for_selector("dialog", state="detached")
    page.click("#scan-more summary")
    page.click("#scan-rewind")
    page.click("dialog [data-answer=no]")
    page.wait_for_selector("dialog", state="detached")
    who = {"scan_id": "S", "by": "operator-person"}
    page.wait_for_function("!document.querySelector('#scan-rewind').disabled")
    assert [what for _, _, what in told] == [who, who | {"step": 0}, who | {"step": 3, "why": "a spike"}]
    rewound.db.scans.set_status("S", "completed")
    page.reload()
    table_is(page, NEWEST)
    page.click("#scan-more summary")
    assert not page.is_visible("#scan-rewind")
