"""The window's parts that need no lab."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from GUI import format
from GUI.record import MOST_ARRAYS, Record, Taken
from GUI.tokens import DARK, LIGHT, load_tokens, read_tokens
from GUI.widgets import curve
from GUI.widgets.control_buttons import allowed_of_queue, allowed_of_scan
from pybirch.events import Readings


def block(first, count, **columns):
    values = columns or {"current (A)": np.arange(first, first + count, dtype=float)}
    return Readings(
        scan_id="s",
        measurement="m",
        first_index=first,
        steps=np.arange(first, first + count),
        times=np.arange(count, dtype=float),
        positions={"source (V)": np.arange(first, first + count, dtype=float)},
        values=values,
    )


def test_a_record_takes_each_reading_once():
    record = Record()
    assert record.take(block(0, 10)) is Taken.NEW
    assert record.take(block(5, 5)) is Taken.DOUBLE
    assert record.take(block(5, 10)) is Taken.NEW
    assert record.take(block(20, 5)) is Taken.GAP
    np.testing.assert_array_equal(record.scalars()["current (A)"], np.arange(15.0))


def test_of_spectra_the_newest_are_held():
    record = Record()
    for first in range(0, MOST_ARRAYS + 100, 100):
        record.take(block(first, 100, **{"trace (V)": np.full((100, 4), float(first))}))
    assert len(record.arrays["trace (V)"]) == MOST_ARRAYS
    assert record.arrays["trace (V)"][-1][0] == MOST_ARRAYS


def test_many_points_are_thinned_and_outliers_stay():
    record = Record()
    many = np.zeros(100_000)
    many[54_321] = 9.0
    many[10] = np.nan
    record.take(replace(block(0, 100_000), values={"current (A)": many}))
    x, y = curve.points(record, "source (V)", "current (A)")
    assert len(x) <= curve.MOST_DRAWN + 20
    assert y[np.argmax(np.nan_to_num(y))] == 9.0
    assert x[np.argmax(np.nan_to_num(y))] == 54_321


def test_sweeps_that_begin_again_are_not_joined():
    across = np.tile(np.linspace(0, 1, 10), 3)
    assert (curve.breaks(across) == 0).sum() == 2
    assert curve.breaks(np.linspace(0, 1, 30)) is None


def test_tokens_are_those_of_the_web_page():
    css = ":root { --text: #111; --gap: 4px; }\n@media (x) { :root:not(y) { --text: #999; } }\n"
    css += '[data-theme="dark"] { --text: #eee; }'
    assert read_tokens(css, dark=False) == {"text": "#111", "gap": "4px"}
    assert read_tokens(css, dark=True)["text"] == "#eee"
    assert set(LIGHT) <= set(load_tokens(dark=False))
    assert set(DARK) <= set(LIGHT)


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.00123, "V", "1.23 mV"),
        (0.1 + 0.2, "mm", "0.3 mm"),
        (-4.2e-9, "A", "−4.2 nA"),
        (999.99e-6, "A", "1 mA"),
        (0, "V", "0 V"),
        (float("nan"), "V", "not a number"),
        (None, "V", "–"),
    ],
)
def test_numbers_read_well(value, unit, shown):
    assert format.quantity(value, unit) == shown


def test_durations_and_counts():
    assert [format.duration(s) for s in (4.23, 59, 185.0, 7800.0)] == [
        "4.2 s",
        "59 s",
        "3 min 05 s",
        "2 h 10 min",
    ]
    assert format.count(1234567) == "1\u202f234\u202f567"


def test_buttons_are_enabled_by_state():
    queued = [{"status": "queued"}]
    assert allowed_of_queue({"status": "idle"}, queued) == {"start"}
    assert allowed_of_queue({"status": "idle"}, []) == set()
    assert allowed_of_queue({"status": "paused"}, queued) == {"resume", "stop", "abort"}
    assert allowed_of_scan({"status": "running", "requested": "pause"}) == {"resume", "abort"}
    assert allowed_of_scan({"status": "running", "requested": "abort"}) == set()
    assert allowed_of_scan({"status": "failed"}) == {"restart"}
    assert allowed_of_scan({"status": "interrupted"}) == {"resume", "restart", "leave"}
    assert allowed_of_scan({"status": "interrupted", "terms": {"left": True}}) == {"resume", "restart"}


def test_terms_are_told_in_words():
    from GUI import format

    terms = {"priority": 5, "after": ["A"], "rounds": 3, "round": 2, "attempt": 2}
    row = {"status": "queued", "terms": terms}
    assert format.terms(row, {"A": "overview"}) == "priority 5 · after overview · round 2 of 3 · try 2"
    assert format.terms(row | {"status": "running"}, {}) == "round 2 of 3 · try 2"
    assert format.terms({"status": "queued", "terms": {"rounds": 0}}, {}) == "round 1, until stopped"
    assert format.terms({"status": "queued"}, {}) == ""


def test_points_are_told_as_far_as_they_are_known():
    from GUI import format

    known = {"points_done": 7, "points_total": 40}
    assert format.points_of(known | {"status": "running"}) == "7 of 40"
    varies = known | {"points_vary": True}
    assert format.points_of(varies | {"status": "running"}) == "at most 40"
    assert format.points_of(varies | {"status": "completed"}) == "7"
    assert format.points_of({"points_done": 7, "status": "running"}) == "7"


def test_a_narrow_column_has_one_whole_number():
    values = {"R (V)": 2.47e-5, "theta (deg)": 59.0}
    assert format.of_columns(values, brief=True) == format.quantity(2.47e-5, "V")
    assert (
        format.of_columns(values)
        == f"R {format.quantity(2.47e-5, 'V')} · theta {format.quantity(59.0, 'deg')}"
    )
    assert format.of_columns({"x (mm)": 3.0}) == format.quantity(3.0, "mm")
    assert format.of_columns({"wavelength (nm)": {"size": 512}}, brief=True) == "512 values"
