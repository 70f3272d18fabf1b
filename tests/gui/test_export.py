"""Export … on the window's scan page: a file, a refusal, a cancelled one."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from GUI.exporting import kind_of, with_suffix
from pybirch.export import FORMATS


def measured(qtbot, bench, open_window):
    """A window at a scan with five readings."""
    bench.add(points=5)
    window = open_window(bench.queue)
    bench.meter.permit(5)
    bench.queue.start()
    assert bench.queue.wait_for_completion(5)
    scan_id = bench.queue.get_handle(0).scan_id
    window.show_scan(scan_id)
    qtbot.waitUntil(lambda: window.scan_page.export.isEnabled())
    return window, scan_id


def test_a_scan_is_written_to_the_file_that_was_chosen(qtbot, bench, open_window, tmp_path: Path) -> None:
    window, _ = measured(qtbot, bench, open_window)
    page = window.scan_page
    asked = []

    def choose(_parent, name):
        asked.append(name)
        return str(tmp_path / "ramp.parquet"), "parquet"

    page.choose_file = choose
    page.export.click()
    qtbot.waitUntil(lambda: page.exported.text.startswith("Written to "))
    assert asked[0].startswith("ramp-")
    assert pd.read_parquet(tmp_path / "ramp.parquet")["current (A)"].tolist() == [0, 0.5, 1, 1.5, 2]
    assert page.export.text() == "Export …"


def test_a_refusal_is_a_sentence(qtbot, bench, open_window, tmp_path: Path) -> None:
    window, _ = measured(qtbot, bench, open_window)
    page = window.scan_page
    page.choose_file = lambda *_: (str(tmp_path / "no folder" / "a.csv"), "csv")
    page.export.click()
    qtbot.waitUntil(lambda: "cannot write" in page.exported.text)
    assert page.export.text() == "Export …"


def test_nothing_happens_where_no_file_is_chosen(qtbot, bench, open_window, tmp_path: Path) -> None:
    window, _ = measured(qtbot, bench, open_window)
    window.scan_page.choose_file = lambda *_: ("", "")
    window.scan_page.export.click()
    assert not window.exports.is_busy


def test_a_cancelled_export_leaves_nothing(qtbot, bench, open_window, tmp_path: Path) -> None:
    window, scan_id = measured(qtbot, bench, open_window)
    ended = []
    window.exports.ended.connect(lambda sentence, _: ended.append(sentence))
    data = window.lab.data

    def cancel_first(which):
        window.exports.cancel()
        return data(which)

    window.lab.data = cancel_first
    window.exports.start(scan_id, str(tmp_path / "a.csv"), "csv")
    qtbot.waitUntil(lambda: ended == [""])
    assert list(tmp_path.iterdir()) == []


def test_the_kind_chosen_gives_the_suffix() -> None:
    assert kind_of(FORMATS["csv"]).endswith("(*.csv *.zip)")
    assert with_suffix("/a/map", FORMATS["nexus"]) == ("/a/map.nxs", "nexus")
    assert with_suffix("/a/map.csv", FORMATS["nexus"]) == ("/a/map.nxs", "nexus")
    assert with_suffix("/a/map.H5", FORMATS["hdf5"]) == ("/a/map.H5", "hdf5")
    assert with_suffix("/a/scan 1.5 K", FORMATS["csv"]) == ("/a/scan 1.5 K.csv", "csv")
    assert with_suffix("/a/all.zip", FORMATS["csv"]) == ("/a/all.zip", "csv")
