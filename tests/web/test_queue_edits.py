"""Editing a queue in the browser, before a real station."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from database.web.serve import WebServer
from pybirch.queue.lab import Lab
from pybirch.queue.terms import Terms
from pybirch.scan.scan import Scan
from pybirch.station import Station
from tests.lab import PATIENCE, Meter, Stage, line, settings

pytestmark = pytest.mark.browser


def named(name: str) -> Scan:
    return Scan(settings(line(Stage(f"x of {name}"), Meter(f"meter of {name}"), 3), name))


@pytest.fixture
def queue(lab: Any, served: WebServer, tmp_path: Path) -> Iterator[Any]:
    """The queue "main" of a station that is connected, with scans a, b and c."""
    scans = [named(name) for name in "abc"]
    _, token = lab.db.tokens.create("station", None, scopes=("station",))
    mine = Lab("Lab", [one for scan in scans for one in scan.instruments], {"main": lambda: scans})
    station = Station(mine, lab.db, name="bench", data_dir=tmp_path, server_url=served.url, token=token)
    station.open()
    assert station._link is not None
    assert station._link.wait_connected(PATIENCE)
    yield station.queues[0]
    station.close()


def names(page: Any) -> list[str]:
    return page.locator("#queue-scans td.name-cell a").all_inner_texts()


def stands(page: Any, place: int, name: str) -> None:
    page.wait_for_selector(f"#queue-scans tbody tr:nth-child({place}) td.name-cell a >> text=/^{name}$/")


def choose(page: Any, name: str, entry: str) -> None:
    row = page.locator("#queue-scans tr", has=page.get_by_role("link", name=name, exact=True))
    row.locator(".row-menu summary").click()
    page.get_by_role("menuitem", name=entry).click()


def submit(page: Any) -> None:
    page.click("dialog button[type=submit]")


def test_scans_are_moved_and_taken_out(queue: Any, look: Callable[..., Any]) -> None:
    page = look("/queues/main")
    choose(page, "c", "Run first")
    stands(page, 1, "c")
    choose(page, "a", "Move down")
    stands(page, 2, "b")
    assert names(page) == ["c", "b", "a"]
    choose(page, "b", "Take out")
    page.get_by_role("button", name="Take out", exact=True).click()
    page.wait_for_selector("#queue-scans tbody tr:nth-child(3)", state="detached")
    assert [handle.scan.settings.scan_name for handle in queue.handles] == ["c", "a"]
    page.wait_for_selector("#queue-log >> text=b taken out by operator-person")


def test_when_a_scan_runs_is_set_and_what_is_wrong_is_said_at_its_field(
    queue: Any, look: Callable[..., Any]
) -> None:
    page = look("/queues/main")
    a, b, _ = (handle.scan_id for handle in queue.handles)
    choose(page, "b", "When it runs")
    page.fill("[name=priority]", "5000")
    submit(page)
    wrong = page.locator(".form-row.wrong .form-error")
    wrong.wait_for()
    assert "from -1000 to 1000" in wrong.inner_text()
    page.fill("[name=priority]", "5")
    page.fill("[name=not_before]", "2099-01-01T08:30")
    page.check("dialog >> text=/^ ?a$/ >> input")
    submit(page)
    page.wait_for_selector("#queue-scans .terms >> text=/priority 5 · not before .*2099.* · after a/")
    terms = queue.get_handle_by_id(b).terms
    assert (terms.priority, terms.after, terms.not_before.year) == (5, (a,), 2099)


def test_scans_are_repeated_together(queue: Any, look: Callable[..., Any]) -> None:
    page = look("/queues/main")
    choose(page, "a", "Repeat")
    page.fill("[name=rounds]", "2")
    page.fill("[name=group]", "cycle")
    page.check("dialog >> text=/^ ?c$/ >> input")
    submit(page)
    page.wait_for_selector("#queue-scans .terms >> text=group cycle · round 1 of 2")
    assert [handle.terms for handle in queue.handles] == [
        Terms(group="cycle", rounds=2), Terms(), Terms(group="cycle", rounds=2)
    ]  # fmt: skip
    page.click("#queue-start")
    page.wait_for_selector("#queue-scans tr:nth-child(5) .status-badge.status-completed")
    assert names(page) == ["a", "b", "c", "a", "c"]


def test_a_duplicate_has_the_tree_that_was_edited(queue: Any, look: Callable[..., Any]) -> None:
    page = look("/queues/main")
    choose(page, "a", "Duplicate")
    page.fill("[name=scan_name]", "finer")
    tree = page.input_value("[name=scan_tree]")
    page.fill("[name=scan_tree]", "[{")
    submit(page)
    page.wait_for_selector(".form-row.wrong >> text=This is no JSON")
    page.fill("[name=scan_tree]", tree.replace('"range"', '"rage"'))
    submit(page)
    page.wait_for_selector(".form-row.wrong .form-error >> text=/./")
    page.evaluate(
        "document.querySelector('[name=scan_tree]').value = JSON.stringify(JSON.parse("
        f"{tree!r}).map((item) => ({{...item, positions: [0.5, 1.5]}})))"
    )
    submit(page)
    page.get_by_role("link", name="finer").wait_for()
    new = queue.handles[-1].scan
    assert (new.settings.scan_name, new.points_total) == ("finer", 2)


def test_the_rules_are_shown_and_changed(queue: Any, look: Callable[..., Any]) -> None:
    page = look("/queues/main")
    page.wait_for_selector("#queue-facts >> text=go on with the next")
    page.click("#queue-rules")
    page.fill("[name=retries]", "2")
    page.select_option("[name=on_failure]", "stop")
    page.select_option("[name=on_interrupted]", "resume")
    submit(page)
    page.wait_for_selector("#queue-facts >> text=try again 2 times, then stop the queue")
    page.wait_for_selector("#queue-facts >> text=resume and go on")
    assert (queue.policy.retries, queue.policy.on_failure, queue.policy.on_interrupted) == (
        2,
        "stop",
        "resume",
    )


def test_who_was_overtaken_is_told_and_sees_the_queue_anew(queue: Any, look: Callable[..., Any]) -> None:
    page = look("/queues/main")
    late = [True]  # until it is answered, this page hears nothing of what others do
    page.on("response", lambda response: late.clear() if response.url.endswith("/remove") else None)
    page.route("**/api/queue/main", lambda route: route.abort() if late else route.continue_())
    a, _, c = (handle.scan_id for handle in queue.handles)
    queue.move_before(c, a, by="ada")
    choose(page, "b", "Take out")
    page.get_by_role("button", name="Take out", exact=True).click()
    page.wait_for_selector(".toast-box.error >> text=edited since you looked: c moved before a by ada")
    stands(page, 1, "c")
    assert names(page) == ["c", "a", "b"]
    assert queue.size() == 3


def test_two_pages_see_each_others_edits(queue: Any, look: Callable[..., Any]) -> None:
    page = look("/queues/main")
    other = page.context.new_page()
    other.goto(page.url)
    other.wait_for_selector(".connection-status.connected")
    choose(page, "c", "Run first")
    stands(other, 1, "c")
    choose(other, "b", "Run first")
    stands(page, 1, "b")


def test_a_question_is_answered_once(lab: Any, queue: Any, look: Callable[..., Any]) -> None:
    """The queue of another life has an interrupted scan: resume it, run it again, or leave it."""
    page = look("/queues/main")
    handle = queue.handles[0]
    handle.scan._course.state = "running"
    lab.db.scans.set_status(handle.scan_id, "running")
    lab.db.scans.mark_interrupted([handle.scan_id], "the power failed")
    handle.scan._course.end_as(type(queue.handles[1].state)("interrupted"))
    page.reload()
    notice = page.locator("#queue-error .notice")
    notice.wait_for()
    assert notice.locator("button").all_inner_texts() == ["Resume", "Run again", "Leave it"]
    notice.get_by_text("Leave it").click()
    notice.wait_for(state="detached")
    page.reload()
    page.wait_for_selector("#queue-scans .status-interrupted")
    assert notice.count() == 0
    assert handle.terms.left


def test_who_is_no_member_is_told_so_in_a_sentence(lab: Any, queue: Any, look: Callable[..., Any]) -> None:
    lab.db.users.create("ada", full_name="Ada Lovelace")
    lab.db.projects.create(name="project")
    lab.db.projects.add_member("project", "ada", "lead")
    page = look("/queues/main")
    page.click("#queue-start")
    page.wait_for_selector(
        ".toast-box.error >> text=/operator-person is not a member of project project, so may not/"
    )
    assert all(handle.state == "queued" for handle in queue.handles)
    lab.db.projects.archive("project")
    lab.db.projects.add_member("project", "operator-person")
    page.click("#queue-start")
    page.wait_for_selector(".toast-box.error >> text=/project 'project' is archived/")
    choose(page, "a", "Duplicate")
    page.fill("[name=scan_name]", "finer")
    submit(page)
    page.locator(
        ".form-row.wrong, .toast-box.error, dialog .form-error", has_text="is archived"
    ).first.wait_for()
    assert queue.size() == 3
