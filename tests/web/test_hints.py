"""What the pages say where there is nothing yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.browser


def test_an_empty_dashboard_says_how_to_get_a_lab(lab: Any, look: Callable[..., Any]) -> None:
    page = look("/")
    text = page.inner_text("#running-scans")
    assert "pybirch station my_lab.py" in text
    assert "docs/guide/first-steps.md" in text
    assert "quickstart" not in page.inner_text("main") + look("/scans").inner_text("main")


def test_where_scans_wait_the_dashboard_says_to_start_their_queue(lab: Any, look: Callable[..., Any]) -> None:
    lab.queue()
    for name in "AB":
        lab.scan(name, rows=0, state="queued", queue_id="Q")
    page = look("/")
    assert "2 scans wait in queue Q: open that queue and press Start." in page.inner_text("#running-scans")
    page.click("#running-scans a")
    page.wait_for_url("**/queues/Q")
