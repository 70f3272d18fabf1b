"""Projects in the browser: made, described, their members, scans and archive; what is archived says so."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

LONG = 30_000
"""Milliseconds that a busy computer is given."""


def counted(rows: Any, count: int) -> None:
    expect(rows).to_have_count(count, timeout=LONG)


def submit(page: Any) -> None:
    page.click("dialog button[type=submit]")


@pytest.fixture
def graphene(lab: Any) -> Any:
    """A project without members, with twenty scans and a sample."""
    made = lab.db.projects.create(name="Graphene", description="Contacts on flakes")
    for number in range(20):
        lab.scan(f"S{number:02}", rows=0, state="completed", project_name="Graphene")
    lab.db.samples.create(sample_id="F-1", project_id=made.id)
    return made


def test_a_project_is_made_described_and_archived(lab: Any, look: Callable[..., Any]) -> None:
    page = look("/projects")
    page.wait_for_selector("text=No projects yet")
    page.click("#project-new")
    submit(page)
    page.wait_for_selector(".form-row.wrong .form-error")
    page.fill("dialog [name=name]", "Graphene")
    page.select_option("dialog [name=lead]", "true")
    submit(page)
    page.wait_for_selector("#project-name >> text=Graphene")
    page.wait_for_selector("#project-members >> text=operator-person")
    page.click("#project-edit")
    page.fill("dialog [name=description]", "Contacts on flakes")
    page.select_option("dialog [name=status]", "on_hold")
    submit(page)
    page.wait_for_selector("#project-description >> text=Contacts on flakes")
    page.wait_for_selector("#project-marks >> text=on hold")
    page.click("#project-archive")
    page.wait_for_selector("dialog >> text=No new scan begins for it.")
    page.click("dialog >> text=/^Archive$/")
    page.wait_for_selector("#project-marks >> text=archived")
    page = look("/projects")
    page.wait_for_selector("text=No projects yet")
    page.select_option("[name=archived]", "true")
    page.wait_for_selector("#projects-table tr:has-text('Graphene') >> text=archived")
    page.click("#projects-table .row-link")
    page.click("#project-archive >> text=Bring back")
    page.wait_for_selector("#project-archive >> text=/^Archive$/")
    assert lab.db.projects.get("Graphene").archived_at is None


def test_members_come_change_and_go(lab: Any, graphene: Any, look: Callable[..., Any]) -> None:
    lab.db.users.create("ada", None, "operator", full_name="Ada Lovelace")
    page = look(f"/projects/{graphene.id}")
    page.wait_for_selector("#members-note >> text=every operator may run its scans")
    page.click("#member-add")
    page.wait_for_selector("dialog >> text=From the first member on")
    page.select_option("dialog [name=username]", "operator-person")
    submit(page)
    page.wait_for_selector("#project-members li:has-text('operator-person')")
    page.click("#member-add")
    submit(page)
    page.select_option("#project-members li:has-text('Ada') select", "viewer")
    expect(page.locator("#project-members li:has-text('Ada') select")).to_have_value("viewer", timeout=LONG)
    page.click("#project-members li:has-text('Ada') button")
    page.click("dialog >> text=/^Take out$/")
    page.wait_for_selector("#project-members li:has-text('Ada')", state="detached")
    assert [(one.user.username, one.role) for one in lab.db.projects.members("Graphene")] == [
        ("operator-person", "lead")
    ]


def test_who_does_not_lead_it_is_offered_nothing_to_change(
    lab: Any, graphene: Any, look: Callable[..., Any]
) -> None:
    lab.db.users.create("ada", None, "operator", full_name="Ada Lovelace")
    lab.db.projects.add_member("Graphene", "ada", "lead")
    page = look(f"/projects/{graphene.id}")
    page.wait_for_selector("#project-members >> text=Ada Lovelace")
    page.wait_for_selector("#project-export")
    for button in ("#project-edit", "#project-archive", "#member-add", "#project-members button"):
        assert not page.is_visible(button), button


def test_its_scans_are_paged_and_searched_and_its_samples_listed(
    lab: Any, graphene: Any, look: Callable[..., Any]
) -> None:
    lab.scan("other", rows=0)
    page = look(f"/projects/{graphene.id}")
    rows = page.locator("#project-scans-table tbody tr")
    counted(rows, 15)
    page.click("text=Next page")
    counted(rows, 5)
    page.wait_for_selector("#project-samples .row-link >> text=F-1")
    page.click("#project-all-scans")
    page.wait_for_selector(".only >> text=Graphene")
    counted(page.locator("#scans-table tbody tr"), 20)
    page.fill("[name=search]", "S07")
    counted(page.locator("#scans-table tbody tr"), 1)
    page.click(".only >> text=Show all")
    counted(page.locator("#scans-table tbody tr"), 21)


def test_its_archive_comes_down(lab: Any, graphene: Any, look: Callable[..., Any], tmp_path: Path) -> None:
    page = look(f"/projects/{graphene.id}")
    with page.expect_download() as coming:
        page.click("#project-export")
    coming.value.save_as(tmp_path / "p.eln")
    assert coming.value.suggested_filename == "Graphene.eln"
    with zipfile.ZipFile(tmp_path / "p.eln") as archive:
        assert "Graphene/ro-crate-metadata.json" in archive.namelist()
    page.wait_for_selector("#export-line >> text=Graphene.eln is ready; it is kept for an hour.")


def test_a_sample_is_put_into_a_project(lab: Any, graphene: Any, look: Callable[..., Any]) -> None:
    number = lab.db.samples.create(sample_id="F-2").id
    page = look(f"/samples/{number}")
    page.click("#sample-edit")
    page.select_option("dialog [name=project]", "Graphene")
    submit(page)
    page.click("#sample-facts >> text=Graphene")
    page.wait_for_selector("#project-samples >> text=F-2")


def test_an_archived_scan_says_so_and_is_found_among_archived_ones(
    lab: Any, graphene: Any, look: Callable[..., Any]
) -> None:
    lab.db.samples.create(sample_id="broken")
    lab.scan("mine", rows=0, state="completed", sample_id="broken", project_name="Graphene")
    lab.db.samples.archive("broken")
    lab.db.projects.archive("Graphene")
    page = look("/scans/mine")
    expect(page.locator("#scan-facts .tag.quiet")).to_have_text(["archived", "archived"], timeout=LONG)
    page.click("#scan-more summary")
    page.click("#scan-archive")
    page.click("dialog >> text=/^Archive$/")
    page.wait_for_selector("#scan-archived >> text=archived")
    page = look("/scans?search=mine")
    page.wait_for_selector("text=Nothing fits")
    page.click(".filters-more summary")
    page.select_option("[name=archived]", "true")
    page.wait_for_selector("#scans-table tr:has-text('scan mine') >> text=archived")
    page.click("#scans-table .row-link")
    page.click("#scan-more summary")
    page.click("text=Bring back into the lists")
    page.wait_for_selector("#scan-archived >> text=archived", state="detached")


def test_a_scan_that_runs_is_not_archived(lab: Any, look: Callable[..., Any]) -> None:
    lab.scan("S", rows=0, state="running")
    page = look("/scans/S")
    page.click("#scan-more summary")
    page.wait_for_selector("#scan-template")
    assert not page.is_visible("#scan-archive")


def test_a_phone_shows_all_of_it(lab: Any, graphene: Any, look: Callable[..., Any]) -> None:
    lab.db.projects.update("Graphene", name="Graphene " + "for ever and ever " * 10)
    page = look("/projects", 390)
    page.click("#projects-table .row-link")
    page.wait_for_selector("#project-samples .row-link")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
