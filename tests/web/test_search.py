from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect


@pytest.fixture
def full(lab: Any) -> Any:
    lab.queue("gold-night")
    sample = lab.db.samples.create(sample_id="W-1", material="gold on GaAs")
    for number in range(8):
        lab.scan(
            f"S{number}",
            rows=0,
            state="running" if number == 3 else "queued",
            owner="ada" if number % 2 else "grace",
            project_name="gold wires",
            sample_id=sample.id if number < 2 else None,
            created_at=f"2024-03-0{number + 1}T12:00:00Z",
        )
    lab.db.equipment.create(name="gold gauge", type="measurement")
    return lab


@pytest.fixture
def get(full: Any) -> Callable[..., Any]:
    client, headers = full.app.test_client(), full.token("read")
    return lambda address, **query: client.get(address, headers=headers, query_string=query)


def test_found_by_words_page_by_page(get: Callable[..., Any]) -> None:
    told = get("/api/search", q="gold wires ada").json
    assert [hit["id"] for hit in told["items"]] == ["S7", "S5", "S3", "S1"]
    assert told["more"] is False
    assert told["items"][2] == {
        "kind": "scan",
        "number": told["items"][2]["number"],
        "id": "S3",
        "title": "scan S3",
        "note": "gold wires",
        "status": "running",
        "created_at": "2024-03-04T12:00:00.000000Z",
        "archived": False,
    }
    page = get("/api/search", q="wires", limit=3, offset=3).json
    assert ([hit["id"] for hit in page["items"]], page["more"]) == (["S4", "S3", "S2"], True)


def test_so_many_of_each_kind(get: Callable[..., Any]) -> None:
    told = get("/api/search", q="gold", limit=2, each=True).json
    assert [(hit["kind"], hit["id"]) for hit in told["items"]][:4] == (
        [("scan", "S7"), ("scan", "S6"), ("sample", "W-1"), ("queue", "gold-night")]
    )
    assert told["items"][4]["kind"] == "instrument"
    assert get("/api/search", q="gold", kinds="sample,queue").json["items"][0]["kind"] in ("sample", "queue")


def test_odd_queries_are_answered_and_wrong_ones_named(get: Callable[..., Any]) -> None:
    for words in ("", '"', "((", "a\x00b", "%00", "'; drop table scans", "🧪", "x" * 3000):
        assert get("/api/search", q=words).status_code == 200
    wrong = get("/api/search", q="x", kinds="person")
    assert wrong.status_code == 422 or wrong.status_code == 400
    assert "kinds" in wrong.get_data(as_text=True)


def test_nobody_unknown_searches(full: Any) -> None:
    assert full.app.test_client().get("/api/search?q=gold").status_code == 401


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"owner": "grace", "state": "queued"}, ["S6", "S4", "S2", "S0"]),
        ({"sample": "W-1"}, ["S1", "S0"]),
        ({"sample": "nobody's"}, []),
        ({"since": "2024-03-03", "until": "2024-03-05"}, ["S3", "S2"]),
        ({"project": "gold wires", "search": "ada", "sort": "created_at"}, ["S1", "S3", "S5", "S7"]),
        ({"search": "!!"}, []),
        ({"search": "", "owner": "", "since": "", "state": "running"}, ["S3"]),
    ],
)
def test_scans_filtered_on_page_and_api(
    full: Any, get: Callable[..., Any], query: dict[str, str], found: list[str]
) -> None:
    told = get("/api/scans", **query).json
    assert ([scan["scan_id"] for scan in told["items"]], told["total"]) == (found, len(found))
    assert get("/scans", **query).status_code == 200


def test_a_day_that_is_none_is_named(get: Callable[..., Any]) -> None:
    wrong = get("/api/scans", since="yesterday")
    assert wrong.status_code in (400, 422)
    assert "since" in wrong.get_data(as_text=True)


@pytest.mark.browser
def test_keys_lead_to_what_is_found(full: Any, look: Callable[..., Any]) -> None:
    page = look("/queues")
    page.keyboard.press("Control+k")
    page.fill(".palette input", "gold")
    page.wait_for_selector(".palette .group:has-text('Samples')")
    assert page.locator(".palette .group").all_inner_texts() == ["Scans", "Samples", "Queues", "Instruments"]
    assert "scan S7" in page.locator('.palette [aria-selected="true"]').inner_text()
    for _ in range(7):
        page.keyboard.press("ArrowDown")
    assert "W-1" in page.locator('.palette [aria-selected="true"]').inner_text()
    page.keyboard.press("Enter")
    page.wait_for_url("**/samples/1")
    expect(page.locator("h1")).to_contain_text("W-1")
    page.goto(page.url.replace("/samples/1", "/scans?sample=W-1"))
    expect(page.locator("#scans-table tbody tr")).to_have_count(2)
    assert page.input_value("[name=sample]") == "W-1"


@pytest.mark.browser
def test_words_typed_in_a_hurry_are_looked_up_before_going(full: Any, look: Callable[..., Any]) -> None:
    page = look("/queues")
    page.keyboard.press("Control+k")
    page.wait_for_selector(".palette .group")
    page.evaluate("""() => {
      const input = document.querySelector(".palette input");
      input.value = "gold-night";
      input.dispatchEvent(new Event("input", { bubbles: true }));
      input.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    }""")
    page.wait_for_url("**/queues/gold-night")


@pytest.mark.browser
def test_filters_and_sort_stand_in_the_address(full: Any, look: Callable[..., Any]) -> None:
    page = look("/scans?owner=ada&sort=-owner")
    expect(page.locator("#scans-table tbody tr")).to_have_count(4)
    assert page.input_value("[name=owner]") == "ada"
    page.fill("[name=owner]", "grace")
    page.keyboard.press("Enter")
    page.fill("[name=since]", "2024-03-05")
    expect(page.locator("#scans-table tbody tr")).to_have_count(2)
    assert "owner=grace" in page.url
    assert "since=2024-03-05" in page.url
    page.click("th button:has-text('Owner')")
    page.wait_for_url("**sort=owner**")
    page.fill("[name=since]", "2030-01-01")
    page.wait_for_selector("text=Nothing fits")
