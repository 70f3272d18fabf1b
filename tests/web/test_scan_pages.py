"""A scan in the browser: empty, drawn, as a table, and failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pybirch.events import Readings
from pybirch.states import InstrumentState

pytestmark = pytest.mark.browser

TREE = [
    {
        "type": "movement",
        "instrument": {"name": "stage"},
        "children": [{"type": "measurement", "instrument": {"name": "meter"}}],
    }
]


def measured(lab: Any, position: list[float], value: list[float], unit: str = "V") -> None:
    """A scan S with these readings."""
    lab.db.scans.create(scan_id="S", scan_name="scan S")
    lab.db.scans.set_status("S", "running")
    steps = np.arange(len(position))
    block = Readings(
        scan_id="S",
        measurement="iv",
        first_index=0,
        steps=steps,
        times=steps + 1e9,
        positions={"x (mm)": np.array(position)},
        values={f"value ({unit})": np.array(value)},
    )
    lab.db.readings.append("S", [block])
    lab.db.scans.set_status("S", "completed")


def table_of(page: Any) -> list[list[str]]:
    """Head and rows, newest first, without the first three columns."""
    page.wait_for_selector("#scan-data tbody tr")
    rows = page.locator("#scan-data tr").all()
    return [row.locator("th, td").all_inner_texts()[3:] for row in rows]


def test_a_scan_that_waits_shows_a_small_calm_box(lab: Any, look: Callable[..., Any]) -> None:
    lab.scan(rows=0, state="queued")
    page = look("/scans/S")
    page.wait_for_selector("#scan-chart >> text=Not started yet.")
    assert page.locator(".chart-panel").bounding_box()["height"] < 120
    assert not page.is_visible("#chart-x")
    assert not page.is_visible(".axis-word >> nth=0")
    assert not page.is_visible("#data-panel")


def test_a_scan_that_begins_keeps_the_place_of_its_chart(lab: Any, look: Callable[..., Any]) -> None:
    lab.scan(rows=0)
    page = look("/scans/S")
    page.wait_for_selector("#scan-chart >> text=Waiting for the first point.")
    assert page.locator("#scan-chart").bounding_box()["height"] == 400
    assert not page.is_visible("#chart-x")


def test_the_first_and_the_last_dot_are_whole(lab: Any, look: Callable[..., Any]) -> None:
    measured(lab, [0.0, 1.0, 2.0], [1.0, 2.0, 1.5])
    page = look("/scans/S")
    page.wait_for_selector("#scan-chart canvas")
    beside = """() => {
        const canvas = document.querySelector('#scan-chart canvas');
        const frame = document.querySelector('#scan-chart .u-over');
        const [red, green, blue] = getComputedStyle(document.documentElement).getPropertyValue('--series-1')
            .trim().match(/[0-9a-f]{2}/g).map((pair) => parseInt(pair, 16));
        const ratio = canvas.width / canvas.clientWidth;
        const left = (frame.offsetLeft - 2) * ratio;
        const { data } = canvas.getContext('2d').getImageData(left, 0, 1, canvas.height);
        for (let i = 0; i < data.length; i += 4)
            if (data[i] === red && data[i + 1] === green && data[i + 2] === blue) return true;
        return false;
    }"""
    page.wait_for_function(beside, timeout=3_000)


def test_the_choice_of_x_keeps_clear_of_its_arrow(lab: Any, look: Callable[..., Any]) -> None:
    measured(lab, [0.0, 1.0], [1.0, 2.0])
    style = look("/scans/S").locator("#chart-x").evaluate_handle("one => getComputedStyle(one)")
    names = ("paddingRight", "backgroundPositionX", "backgroundSize")
    told = [style.evaluate(f"style => style.{name}") for name in names]
    padding, place, size = (float(text.split("px")[0].split()[-1]) for text in told)
    assert padding >= place + size + 6


def test_one_reading_is_one_reading(lab: Any, look: Callable[..., Any]) -> None:
    measured(lab, [0.0], [1.0])
    page = look("/scans/S")
    page.wait_for_selector("#data-note >> text=/^1 reading$/")


def test_a_column_has_one_unit_in_its_head_and_can_be_read_down(lab: Any, look: Callable[..., Any]) -> None:
    measured(lab, [0.1, 0.2, 0.30000000000000004], [-0.45, 1.1102e-16, 0.9])
    assert table_of(look("/scans/S")) == [
        ["x (mm)", "value (mV)"],
        ["0.3", "900.00"],
        ["0.2", "0.00"],
        ["0.1", "\u2212450.00"],
    ]


def test_a_column_over_many_decades_keeps_its_small_values(lab: Any, look: Callable[..., Any]) -> None:
    measured(lab, [0.0, 0.5, 12.0], [1e-2, 2.5e-7, 1.234e-10], unit="A")
    assert table_of(look("/scans/S")) == [
        ["x (mm)", "value (mA)"],
        ["12.0", "1.23e\u22127"],
        ["0.5", "0.00025"],
        ["0.0", "10.000"],
    ]


def failed(lab: Any, error: str) -> None:
    lab.scan(rows=1, scan_tree_data=TREE)
    lab.db.scans.set_status("S", "failed", message=error)


def card(look: Callable[..., Any], until: str) -> dict[str, str]:
    """The failure's card once it says this."""
    page = look("/scans/S")
    page.wait_for_selector(f"#scan-error >> text={until}")
    words = page.locator("#scan-error dt").all_inner_texts()
    return dict(zip(words, page.locator("#scan-error dd").all_inner_texts(), strict=True))


def test_a_failure_names_the_instrument_only_where_the_error_does(lab: Any, look: Callable[..., Any]) -> None:
    failed(lab, "stage did not answer within 2 s")
    told = card(look, "none of them reports an error")
    assert told["What to do"].startswith("Look at stage, then Run again")
    assert told["What is safe"].startswith("1 point measured before is stored.")
    lab.db.scans.update("S", error="float division by zero; backstage, too")
    told = card(look, "float division")
    assert "stage" not in told["What to do"]
    assert "instrument" not in told["What to do"]


def test_a_failure_says_which_instrument_may_not_be_safe(lab: Any, look: Callable[..., Any]) -> None:
    for name in ("stage", "meter", "another"):
        row = lab.db.equipment.register({"name": name, "adapter": name, "kind": "movement"})
        if name != "meter":
            lab.db.equipment.set_status(row.id, InstrumentState.ERROR, error="no answer")
    failed(lab, "float division by zero")
    told = card(look, "Not safe")
    assert "Not safe: stage reported an error and may not be in its safe state." in told["What is safe"]
    assert "told to go" not in told["What is safe"]
    assert told["What to do"].startswith("Go and look at stage first.")


def test_an_error_about_a_safe_state_is_believed(lab: Any, look: Callable[..., Any]) -> None:
    failed(lab, "while putting meter in its safe state: no answer")
    told = card(look, "Not safe")
    assert "Not safe: meter reported an error" in told["What is safe"]
