"""Templates over HTTP and in the browser, before a real station."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from database.web.serve import WebServer
from pybirch.queue.lab import Lab
from pybirch.samples import Sample
from pybirch.scan.measurements import MeasurementItem
from pybirch.scan.movements import MovementItem
from pybirch.scan.positions import linear
from pybirch.scan.scan import Scan
from pybirch.station import Station
from tests.lab import PATIENCE, Meter, Stage, settings


def sweep(name: str = "sweep") -> Scan:
    children = [MeasurementItem(Meter("meter"), {"nplc": 1, "auto": True})]
    tree = [MovementItem(Stage("stage", limits=(0, 100)), linear(0, 10, 11), children=children)]
    return Scan(settings(tree, name))


class Client:
    """A browser's calls to the API; `ok` are the codes it expects."""

    def __init__(self, client: Any, token: str) -> None:
        self._client, self._headers = client, {"X-CSRFToken": token}

    def post(self, path: str, code: int = 200, **body: Any) -> Any:
        answer = self._client.post(f"/api{path}", json=body, headers=self._headers)
        assert answer.status_code == code, answer.json
        return answer.json

    def get(self, path: str, code: int = 200) -> Any:
        answer = self._client.get(f"/api{path}")
        assert answer.status_code == code, answer.json
        return answer.json


@pytest.fixture
def api(lab: Any, csrf: Callable[..., str]) -> Callable[..., Client]:
    def of(role: str = "operator") -> Client:
        client = lab.browser(role)
        return Client(client, csrf(client, "/"))

    return of


@pytest.fixture
def stored(lab: Any) -> str:
    """A stored scan of a queue Q, by its scan_id."""
    lab.queue()
    return lab.db.scans.create_from_pybirch(sweep(), "Q").scan_id


def test_a_stored_scan_becomes_a_template_and_is_changed_with_its_versions(
    api: Callable[..., Client], stored: str, lab: Any
) -> None:
    operator = api()
    made = operator.post("/templates/scans", name="Sweep", description="weekly", source=stored)
    assert (made["version"], made["owner"], made["kind"]) == (1, "operator-person", "scan")
    at = f"/templates/scans/{made['id']}"
    changed = operator.post(f"{at}/change", changes={"scan_tree[0].positions.stop": 20})
    assert (changed["version"], changed["versions"][0]["by"]) == (2, "operator-person")
    first = operator.get(f"{at}?version=1")
    assert first["settings"]["scan_tree"][0]["positions"] == {"linear": [0.0, 10.0, 11]}
    assert [one["name"] for one in operator.get("/templates/scans?search=WEEKLY")["items"]] == ["Sweep"]
    assert operator.post(f"{at}/archive")["archived"]
    assert operator.get("/templates/scans")["total"] == 0
    assert not operator.post(f"{at}/archive", archived=False)["archived"]
    lab.parts.audit._errands.flush(PATIENCE)
    assert {row.action for row in lab.db.audit.list()} >= {"save_template", "archive_template"}


def test_a_stored_queue_becomes_a_template(api: Callable[..., Client], stored: str) -> None:
    made = api().post("/templates/queues", name="Night", source="Q")
    assert (made["kind"], made["scans"], made["settings"]["scans"][0]["scan_id"]) == ("queue", 1, stored)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "Sweep"}, "name"),
        ({"name": "new", "settings": {}}, "source"),
        ({"name": "new", "source": None}, "source"),
        ({"name": "new", "changes": {"scan_tree[0].positions.stop": "far"}}, "scan_tree[0].positions"),
        ({"name": "new", "changes": {"scan_tree[0].wings": 2}}, "scan_tree[0].wings"),
    ],
)
def test_what_is_wrong_is_named(
    api: Callable[..., Client], stored: str, body: dict[str, Any], field: str
) -> None:
    operator = api()
    operator.post("/templates/scans", name="Sweep", source=stored)
    answer = operator.post("/templates/scans", 400, **{"source": stored} | body)
    assert answer["error"]["field"] == field


def test_who_may_only_look_changes_nothing(api: Callable[..., Client], stored: str, lab: Any) -> None:
    kept = lab.db.templates.scans.save("Sweep", stored)
    viewer = api("viewer")
    assert viewer.get(f"/templates/scans/{kept.id}")["name"] == "Sweep"
    viewer.post("/templates/scans", 403, name="x", source=stored)
    viewer.post(f"/templates/scans/{kept.id}/change", 403, name="x")
    viewer.post(f"/templates/scans/{kept.id}/archive", 403)
    viewer.post("/queue/Q/add", 403, template=kept.id)
    assert viewer.get("/templates/scans/999", 404)["error"]["message"]


def test_without_a_station_nothing_is_queued(api: Callable[..., Client], stored: str, lab: Any) -> None:
    kept = lab.db.templates.scans.save("Sweep", stored)
    assert "nothing was done" in api().post("/queue/Q/add", 503, template=kept.id)["error"]["message"]


def test_an_archived_template_is_not_queued(api: Callable[..., Client], stored: str, lab: Any) -> None:
    kept = lab.db.templates.scans.save("Sweep", stored)
    lab.db.templates.scans.archive(kept.id)
    refused = api().post("/queue/Q/add", 409, template=kept.id)["error"]
    assert (refused["field"], "archived" in refused["message"]) == ("template", True)


@pytest.fixture
def queue(lab: Any, served: WebServer, tmp_path: Path) -> Iterator[Any]:
    """The queue "main" of a station that is connected, with one scan "sweep"; the lab has a sample S-1."""
    scan = sweep()
    lab.db.samples.take_up(Sample("S-1", "GaAs"))
    _, token = lab.db.tokens.create("station", None, scopes=("station",))
    mine = Lab("Lab", scan.instruments, {"main": lambda: [scan]})
    station = Station(mine, lab.db, name="bench", data_dir=tmp_path, server_url=served.url, token=token)
    station.open()
    assert station._link is not None
    assert station._link.wait_connected(PATIENCE)
    yield station.queues[0]
    station.close()


def test_a_station_queues_it_with_its_own_instruments(
    api: Callable[..., Client], queue: Any, lab: Any
) -> None:
    kept = lab.db.templates.scans.save("Sweep", queue.get_handle(0).scan_id)
    operator = api()
    changes = {"scan_name": "finer", "scan_tree[0].positions.num": 3}
    answer = operator.post("/queue/main/add", template=kept.id, changes=changes, sample="S-1")
    scan = queue.get_handle_by_id(answer["added"][0]).scan
    assert scan.instruments == queue.get_handle(0).scan.instruments
    assert [one["name"] for one in answer["queue"]["scans"]] == ["sweep", "finer"]
    assert answer["queue"]["scans"][1]["sample"]["ID"] == "S-1"
    wrong = operator.post(
        "/queue/main/add", 400, template=kept.id, changes={"scan_tree[0].positions.stop": 500}
    )
    assert wrong["error"]["field"].startswith("scan_tree[0].positions")
    assert "outside" in wrong["error"]["message"]
    wrong = operator.post("/queue/main/add", 400, template=kept.id, sample="S-9")
    assert wrong["error"]["field"] == "sample"
    lab.db.templates.scans.change("Sweep", {"scan_tree[0].instrument.name": "gone"})
    wrong = operator.post("/queue/main/add", 400, template=kept.id)
    assert wrong["error"]["field"] == "scan_tree[0].instrument.name"
    assert len(operator.post("/queue/main/add", template=kept.id, version=1)["added"]) == 1
    night = lab.db.templates.queues.save("Night", "main")
    answer = operator.post("/queue/main/add", kind="queue", template=night.id)
    assert len(answer["added"]) == 3
    assert queue.size() == 6


def submit(page: Any) -> None:
    page.click("dialog button[type=submit]")


@pytest.mark.browser
def test_a_scan_is_saved_and_queued_anew_in_the_browser(
    queue: Any, lab: Any, look: Callable[..., Any]
) -> None:
    page = look(f"/scans/{queue.get_handle(0).scan_id}")
    page.click("#scan-more summary")
    page.click("#scan-template")
    page.fill("dialog [name=name]", "")
    submit(page)
    page.wait_for_selector(".form-row.wrong .form-error >> text=needs a name")
    page.fill("dialog [name=name]", "Weekly sweep")
    submit(page)
    page.wait_for_selector(".toast-box >> text=Weekly sweep")

    page = look("/queues/main")
    page.click("#queue-add")
    submit(page)
    page.fill('dialog [name="scan_name"]', "finer")
    page.select_option("dialog [name=sample]", "S-1")
    page.fill('dialog [name="scan_tree[0].positions.stop"]', "500")
    page.fill('dialog [name="scan_tree[0].children[0].settings.nplc"]', "10")
    page.select_option('dialog [name="scan_tree[0].children[0].settings.auto"]', "false")
    submit(page)
    wrong = page.locator(".form-row.wrong")
    wrong.wait_for()
    assert "stage: to" in wrong.inner_text()
    assert "outside" in wrong.inner_text()
    page.fill('dialog [name="scan_tree[0].positions.stop"]', "50")
    submit(page)
    page.wait_for_selector("#queue-scans td.name-cell a >> text=finer")
    scan = queue.get_handle(1).scan
    (item,) = scan.settings.scan_tree
    assert (item.positions.tolist()[-1], item.children[0].settings) == (50.0, {"nplc": 10, "auto": False})
    assert scan.sample.ID == "S-1"


@pytest.mark.browser
def test_a_queue_is_saved_and_queued_anew_in_the_browser(
    queue: Any, lab: Any, look: Callable[..., Any]
) -> None:
    page = look("/queues/main")
    page.click("#queue-add")
    page.wait_for_selector(".toast-box >> text=There is no template yet")
    page.click("#queue-template")
    page.fill("dialog [name=name]", "Night")
    submit(page)
    page.wait_for_selector("dialog", state="detached")
    page.click("#queue-add")
    submit(page)
    page.fill('dialog [name="scans[0].scan_name"]', "again")
    submit(page)
    page.wait_for_selector("#queue-scans td.name-cell a >> text=again")
    assert [handle.scan.settings.scan_name for handle in queue.handles] == ["sweep", "again"]


@pytest.mark.browser
def test_who_may_only_look_is_offered_no_templates(
    lab: Any, stored: str, look: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = look("/queues/Q")
    assert page.is_visible("#queue-add")
    lab.db.users.update("operator-person", role="viewer")
    page = look("/queues/Q")
    page.wait_for_selector("#queue-scans tbody tr")
    assert not page.is_visible("#queue-add")
    assert not page.is_visible("#queue-template")


def test_only_members_queue_what_a_template_makes_for_their_project(
    lab: Any, csrf: Callable[..., str]
) -> None:
    lab.queue("Q", station="bench")
    lab.db.projects.create(name="theirs")
    lab.db.projects.add_member("theirs", lab.user("admin").id, "lead")
    kept = lab.db.templates.scans.create(name="T", settings={"scan_name": "t", "project_name": "theirs"})
    wanted = {"kind": "scan", "template": kept.id}
    client = lab.browser()
    headers = {"X-CSRFToken": csrf(client, "/")}
    answer = client.post("/api/queue/Q/add", json=wanted, headers=headers)
    assert answer.status_code == 403
    assert "theirs" in answer.json["error"]["message"]
    lab.db.projects.archive("theirs")
    lab.db.projects.add_member("theirs", "operator-person", "member")
    answer = client.post("/api/queue/Q/add", json=wanted, headers=headers)
    assert answer.status_code == 409
    assert answer.json["error"]["field"] == "project_name"


@pytest.mark.parametrize("scans", [[1], 5, [{"settings": [1]}], []])
def test_scans_that_are_none_are_refused_by_name(api: Callable[..., Client], scans: Any) -> None:
    answer = api().post("/templates/queues", 400, name="a", settings={"scans": scans})
    assert answer["error"]["field"].startswith("scans")
