"""What changed between two scans, over HTTP and in the browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pybirch.states import ScanState

CONDITIONS = {
    "instruments": [
        {"name": "stage", "module": "lab", "settings": {"velocity": 1}, "driver": {"class": "S"}}
    ],
    "software": {"numpy": "2.0"},
    "sample": None,
    "operator": "",
}


def stored(lab: Any, scan_id: str, stop: float, state: str = "completed", **more: Any) -> None:
    """A scan "iv" of a stage from 0 to `stop`."""
    tree = [
        {
            "type": "movement",
            "instrument": {"name": "stage", "position_units": "mm"},
            "positions": {"linear": [0, stop, 11]},
        }
    ]
    lab.db.scans.create(
        scan_id=scan_id, **{"scan_name": "iv", "project_name": "P", "scan_tree_data": tree} | more
    )
    lab.db.scans.set_status(scan_id, ScanState.RUNNING)
    lab.db.conditions.keep(scan_id, {**CONDITIONS, "software": {"numpy": f"2.{stop:g}"}})
    lab.db.scans.set_status(scan_id, state)


@pytest.fixture
def three(lab: Any) -> Any:
    """Two good ones and one that failed."""
    stored(lab, "first", 10)
    stored(lab, "second", 11)
    stored(lab, "third", 12, "failed")
    return lab


def changes(lab: Any, query: str, code: int = 200) -> Any:
    answer = lab.app.test_client().get(f"/api/scan/{query}", headers=lab.token("read"))
    assert answer.status_code == code, answer.json
    return answer.json


def test_the_last_good_one_is_meant_where_none_is_named(three: Any) -> None:
    told = changes(three, "third/changes")
    assert (told["scan"]["scan_id"], told["since"]["scan_id"], told["remarks"]) == ("third", "second", [])
    assert [one["text"] for one in told["changes"]] == [
        "scan_tree[0] movement stage: positions.stop 11 -> 12 mm",
        "numpy 2.11 -> 2.12",
    ]
    one = told["changes"][0]
    assert (one["group"], one["place"], one["field"]) == (
        "tree",
        "scan_tree[0] movement stage",
        "positions.stop",
    )
    assert (one["before"], one["after"], one["unit"], one["kind"]) == (11, 12, "mm", "changed")


def test_another_may_be_named_and_one_that_is_not_there_is_said(three: Any) -> None:
    assert changes(three, "third/changes?since=first")["changes"][0]["before"] == 10
    assert changes(three, "first/changes")["since"] is None
    assert "'gone'" in changes(three, "third/changes?since=gone", 404)["error"]["message"]
    assert "'gone'" in changes(three, "gone/changes", 404)["error"]["message"]
    answer = three.app.test_client().get("/api/scan/third/changes")
    assert answer.status_code == 401


def test_what_a_scan_ran_under_can_be_read(three: Any) -> None:
    (told,) = changes(three, "third/conditions")["items"]
    assert (told["why"], told["conditions"]["software"]) == ("start", {"numpy": "2.12"})
    assert told["at"].endswith("Z")
    three.db.scans.create(scan_id="old", scan_name="old")
    assert changes(three, "old/conditions")["items"] == []


def test_a_name_that_looks_like_markup_is_text(lab: Any) -> None:
    name = "<script>alert(1)</script>"
    stored(lab, "odd", 1, scan_name=name)
    page = lab.browser("viewer").get("/scans/odd/changes").get_data(as_text=True)
    assert name not in page


@pytest.mark.browser
def test_a_failed_scans_page_leads_to_what_changed(three: Any, look: Callable[..., Any]) -> None:
    page = look("/scans/third")
    page.click(".error-panel >> text=What changed since the last good one")
    page.wait_for_selector("[data-group=tree]")
    words = page.inner_text("[data-group=tree] tbody tr").split()
    assert " ".join(words) == "scan_tree[0] movement stage positions.stop 11 mm 12 mm"
    assert "2.11\t2.12" in page.inner_text("[data-group=software] tbody tr")
    assert page.locator("#since-form option").all_inner_texts()[0].endswith(" – iv")
    page.select_option("#since-form select", "first")
    page.wait_for_url("**/scans/third/changes?since=first")
    page.wait_for_selector("[data-group=tree] >> text=10 mm")


@pytest.mark.browser
def test_nothing_changed_and_nothing_to_compare_are_said(three: Any, look: Callable[..., Any]) -> None:
    look("/scans/third/changes?since=third").wait_for_selector("#changes >> text=Nothing changed")
    look("/scans/first/changes").wait_for_selector("#changes >> text=No good one before")
    stored(three, "old", 12, scan_name="old")
    three.db.scans.create(scan_id="unkept", scan_name="old", project_name="P")
    look("/scans/unkept/changes").wait_for_selector("#change-remarks >> text=not kept")
