"""Fixtures of the system tests: the demo, a browser, and a person signed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import until
from tests.system.running import RunningLab

DEMO_SCANS = 5
QUICK = "0.04"
"""PYBIRCH_DEMO_PACE that runs the demo's bench in some seconds."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/system" in item.nodeid:
            item.add_marker(pytest.mark.system)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., RunningLab]]:
    """Starts laboratories that end with the test."""
    running: list[RunningLab] = []

    def start_lab(*arguments: str, **options: str) -> RunningLab:
        folder = tmp_path / f"lab{len(running)}"
        folder.mkdir()
        lab = RunningLab(folder, *arguments, **options)
        running.append(lab)
        if "--demo" in arguments:
            until(
                lambda: lab.get("/api/scans")["total"] >= DEMO_SCANS, 30, "the station has queued its scans"
            )
        return lab

    yield start_lab
    for lab in running:
        lab.close()


@pytest.fixture
def demo(start: Callable[..., RunningLab]) -> RunningLab:
    """The demo in half its time: its first scan takes 15 s, enough to act on."""
    return start("--demo", data="data/demo", PYBIRCH_DEMO_PACE="0.5")


@pytest.fixture
def person(chromium: Any) -> Iterator[Callable[[RunningLab], Any]]:
    """Signs somebody in by a fresh link and gives their browser window; page errors fail the test."""
    contexts: list[Any] = []
    errors: list[str] = []

    def sign_in(lab: RunningLab) -> Any:
        context = chromium.new_context(viewport={"width": 1280, "height": 800})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(lab.link())
        page.click("button[type=submit]")
        page.wait_for_selector(".connection-status.connected")
        return page

    yield sign_in
    for context in contexts:
        context.close()
    assert not errors, errors
