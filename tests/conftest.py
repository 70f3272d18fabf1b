"""What every test may ask for: a browser, patience for a fact, and a way to say what is missing."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest

T = TypeVar("T")
_CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_CHROMIUM_APPS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


class Require(Protocol):
    def __call__(self, condition: object, reason: str, hint: str = "") -> None: ...


class WaitFor(Protocol):
    def __call__(self, fact: Callable[[], T | None], timeout: float = 15.0, what: str = "") -> T: ...


def need(condition: object, reason: str, hint: str = "") -> None:
    """Go on if the condition holds; else skip with reason and hint, or fail where CI=true."""
    if condition:
        return
    text = f"{reason} ({hint})" if hint else reason
    if os.environ.get("CI", "").lower() in ("1", "true", "yes"):
        pytest.fail(f"nothing may be skipped here: {text}", pytrace=False)
    pytest.skip(text)


def until(fact: Callable[[], T | None], timeout: float = 15.0, what: str = "") -> T:
    """The first true value of `fact()`, looked at every 10 ms; fails after `timeout` seconds."""
    pause = threading.Event()
    deadline = time.monotonic() + timeout
    while True:
        value = fact()
        if value:
            return value
        if time.monotonic() > deadline:
            pytest.fail(f"not within {timeout:g} s: {what or getattr(fact, '__name__', 'the fact')}")
        pause.wait(0.01)


@pytest.fixture(scope="session")
def require() -> Require:
    """`require(condition, reason, hint)`: skips on a user's machine, fails in CI."""
    return need


@pytest.fixture(scope="session")
def wait_for() -> WaitFor:
    """`wait_for(fact, timeout=15, what="")`: patience with a deadline, for tests that must not sleep."""
    return until


@pytest.fixture(scope="session")
def empty_record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file without rows: copied much faster than migrated."""
    from database.services import DatabaseService

    path = tmp_path_factory.mktemp("record") / "empty.db"
    DatabaseService(path).close()
    return path


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Hashed at the least cost in the tests' own process; at its full one in the programs they start."""
    from database.services import passwords

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "COST", (16, 8, 1))
        yield


@pytest.fixture(scope="session")
def chromium_path(require: Require) -> Path:
    """The system's Chromium or Chrome."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _CHROMIUM_NAMES)), None)
    found = found or next((app for app in _CHROMIUM_APPS if Path(app).exists()), None)
    require(found, "no Chromium found", "apt install chromium, or set CHROMIUM to its path")
    return Path(str(found))


@pytest.fixture(scope="session")
def chromium(chromium_path: Path, require: Require) -> Iterator[Any]:
    """One Chromium for all tests."""
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        require(False, "no playwright", "pip install playwright")
        raise
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(chromium_path),
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--no-first-run",
            ],
        )
        yield browser
        browser.close()
