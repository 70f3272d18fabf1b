"""The pages of templates: found, renamed, changed with versions, archived, and started into a queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from pybirch.scan.measurements import MeasurementItem
from pybirch.scan.movements import MovementItem
from pybirch.scan.positions import linear
from pybirch.scan.scan import Scan
from tests.lab import Meter, Stage, settings

pytestmark = pytest.mark.browser

LONG = 30_000
"""Milliseconds that a busy computer is given."""


def counted(rows: Any, count: int) -> None:
    expect(rows).to_have_count(count, timeout=LONG)


def submit(page: Any) -> None:
    page.click("dialog button[type=submit]")


@pytest.fixture
def sweep(lab: Any) -> Any:
    """The template "Sweep" of a scan, in its second version, and "Night" of the queue Q."""
    lab.queue("Q", station="bench")
    tree = [MovementItem(Stage("stage"), linear(0, 10, 11), children=[MeasurementItem(Meter("meter"))])]
    scan = lab.db.scans.create_from_pybirch(Scan(settings(tree, "sweep")), "Q")
    lab.db.templates.queues.save("Night", "Q")
    made = lab.db.templates.scans.save("Sweep", scan.scan_id, description="every Monday")
    return lab.db.templates.scans.change(made.id, {"scan_tree[0].positions.stop": 20}, by="ada")


def test_templates_of_both_kinds_are_found(lab: Any, sweep: Any, look: Callable[..., Any]) -> None:
    page = look("/templates")
    page.wait_for_url("**/templates/scans")
    page.wait_for_selector("#templates-table tr:has-text('Sweep') >> text=every Monday")
    page.fill("[name=search]", "tuesday")
    page.wait_for_selector("text=Nothing fits")
    page.click("text=Of queues")
    page.wait_for_selector("#templates-table >> text=Night")
    page.click("#templates-table .row-link")
    page.wait_for_selector("#template-plan >> text=1. sweep")


def test_a_template_is_renamed_and_archived(lab: Any, sweep: Any, look: Callable[..., Any]) -> None:
    lab.db.templates.scans.create(name="taken")
    page = look(f"/templates/scans/{sweep.id}")
    page.click("#template-rename")
    page.fill("dialog [name=name]", "taken")
    submit(page)
    page.wait_for_selector(".form-row.wrong .form-error >> text=already")
    page.fill("dialog [name=name]", "Monday")
    page.fill("dialog [name=description]", "before anything else")
    submit(page)
    page.wait_for_selector("#template-name >> text=Monday")
    page.wait_for_selector("#template-description >> text=before anything else")
    page.click("#template-archive")
    page.click("dialog >> text=/^Archive$/")
    page.wait_for_selector("#template-archived >> text=archived")
    assert not page.is_visible("#template-start")
    page = look("/templates/scans?archived=true")
    page.wait_for_selector("#templates-table tr:has-text('Monday') >> text=archived")
    page.click("text=Monday")
    page.click("#template-archive >> text=Bring back")
    page.wait_for_selector("#template-archived >> text=archived", state="detached")


def test_a_template_is_changed_and_an_earlier_version_taken_up_again(
    lab: Any, sweep: Any, look: Callable[..., Any]
) -> None:
    page = look(f"/templates/scans/{sweep.id}")
    page.click("#template-change")
    tree = page.locator("dialog [name=scan_tree]")
    told = tree.input_value()
    page.fill("dialog [name=scan_name]", "finer")
    tree.fill(told[:-1])
    submit(page)
    page.wait_for_selector(".form-row.wrong >> text=This is no JSON")
    tree.fill(told.replace('"linear"', '"bent"'))
    submit(page)
    page.wait_for_selector(".form-row.wrong:has([name=scan_tree])")
    tree.fill(told.replace("20", "30"))
    submit(page)
    page.wait_for_selector("#template-plan >> text=/30.mm/")
    page.wait_for_selector("#template-facts >> text=finer")
    page.click("[aria-label='Look at version 1']")
    page.wait_for_selector("#template-old >> text=This is version 1.")
    page.wait_for_selector("#template-plan >> text=/10.mm/")
    page.click("text=Show version 3 again")
    page.wait_for_selector("#template-plan >> text=/30.mm/")
    page.click("[aria-label='Take up version 1 again']")
    page.click("dialog >> text=Take it up")
    page.wait_for_selector("#template-plan >> text=/10.mm/")
    counted(page.locator("#template-versions li"), 4)
    assert lab.db.templates.scans.versions(sweep.id)[-1].by == "operator-person"


def test_who_was_overtaken_is_told(lab: Any, sweep: Any, look: Callable[..., Any]) -> None:
    page = look(f"/templates/scans/{sweep.id}")
    page.click("#template-change")
    lab.db.templates.scans.change(sweep.id, {"scan_name": "theirs"})
    submit(page)
    page.wait_for_selector("dialog .form-error >> text=somebody has changed this template meanwhile")
    assert lab.db.templates.scans.get(sweep.id).settings["scan_name"] == "theirs"


def test_a_queues_template_is_changed_as_a_whole(lab: Any, sweep: Any, look: Callable[..., Any]) -> None:
    page = look("/templates/queues/1")
    page.click("#template-change")
    text = page.locator("dialog [name=settings]")
    told = text.input_value()
    text.fill(told.replace('"linear"', '"bent"'))
    submit(page)
    page.wait_for_selector(".form-row.wrong >> text=scans[0].scan_tree[0].positions")
    text.fill(told.replace('"sweep"', '"slow sweep"'))
    submit(page)
    page.wait_for_selector("#template-plan >> text=1. slow sweep")


def test_a_template_is_started_into_a_queue(
    lab: Any, sweep: Any, look: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: dict[str, Any] = {}

    def command(_station: str, _action: str, **what: Any) -> dict[str, Any]:
        told.update(what)
        return {"ok": True, "command_id": "c", "added": ["new"]}

    monkeypatch.setattr(lab.parts.stations, "command", command)
    lab.queue("other", station="far")
    page = look(f"/templates/scans/{sweep.id}")
    page.click("#template-start")
    page.select_option("dialog [name=queue]", label="queue Q, of station bench")
    submit(page)
    page.fill('dialog [name="scan_tree[0].positions.stop"]', "15")
    submit(page)
    page.wait_for_url("**/queues/Q")
    assert (told["queue_id"], told["edit"]["changes"]) == ("Q", {"scan_tree[0].positions.stop": 15})


def test_who_may_only_look_changes_nothing(lab: Any, sweep: Any, look: Callable[..., Any]) -> None:
    look("/")
    lab.db.users.update("operator-person", role="viewer")
    page = look(f"/templates/scans/{sweep.id}")
    page.wait_for_selector("[aria-label='Look at version 1']")
    assert not page.is_visible("#template-actions")
    assert not page.is_visible("[aria-label='Take up version 1 again']")


def test_a_phone_shows_all_of_it(lab: Any, sweep: Any, look: Callable[..., Any]) -> None:
    lab.db.templates.scans.update(sweep.id, name="A sweep " * 20)
    for path in ("/templates/scans", f"/templates/scans/{sweep.id}", "/templates/queues/1"):
        page = look(path, 390)
        page.wait_for_selector(".row-link, #template-plan .icon")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
