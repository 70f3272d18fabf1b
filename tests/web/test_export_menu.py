"""The scan page's Export menu in the browser: what it offers, and files that really come down."""

from __future__ import annotations

import runpy
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pandas as pd
import pytest

from pybirch.errors import PyBirchError
from pybirch.export.formats import FORMATS

pytestmark = pytest.mark.browser


def opened(look: Callable[..., Any], width: int = 1280) -> Any:
    page = look("/scans/S", width)
    page.click("#export-menu summary")
    page.wait_for_selector("#export-formats")
    return page


def downloaded(page: Any, format: str, folder: Path) -> Path:
    with page.expect_download() as coming:
        page.click(f"[data-format={format}]")
    path = folder / coming.value.suggested_filename
    coming.value.save_as(path)
    return path


def test_files_come_down(lab: Any, look: Callable[..., Any], tmp_path: Path) -> None:
    lab.scan(rows=50)
    page = opened(look)
    assert len(pd.read_csv(downloaded(page, "csv", tmp_path))) == 50
    page.click("#export-menu summary")
    file = downloaded(page, "nexus", tmp_path)
    assert file.name == "scan_S-S.nxs"
    with h5py.File(file) as root:
        assert root["entry/iv/voltage"].shape == (50,)
    page.wait_for_selector("#export-line >> text=scan_S-S.nxs is ready; it is kept for an hour.")


def test_each_format_is_said_in_words(lab: Any, look: Callable[..., Any]) -> None:
    lab.scan(rows=5)
    page = opened(look)
    told = page.locator(".export-format").all_inner_texts()
    assert len(told) == len(FORMATS)
    for text, format in zip(told, FORMATS.values(), strict=True):
        assert format.title in text
        assert format.words in text
    assert not page.is_visible("#export-all-line")
    assert not page.is_visible("#export-one-line")


def test_one_of_several_measurements_or_all(
    lab: Any, look: Callable[..., Any], make_readings: Any, tmp_path: Path
) -> None:
    lab.scan(rows=5)
    lab.db.readings.append("S", [make_readings("S", 0, 7, "other")])
    page = opened(look)
    with zipfile.ZipFile(downloaded(page, "csv", tmp_path)) as archive:
        assert archive.namelist() == ["iv.csv", "other.csv"]
    page.click("#export-menu summary")
    page.click("#export-one-line")
    assert len(pd.read_csv(downloaded(page, "csv", tmp_path))) == 5


def test_the_snippet_loads_the_scan_from_this_server(
    lab: Any, look: Callable[..., Any], served: Any, tmp_path: Path
) -> None:
    lab.scan(rows=5)
    page = opened(look)
    code = page.inner_text("#export-code")
    assert code == f'import pybirch\ndata = pybirch.load("S", url="{served.url}", token="…")'
    _, secret = lab.db.tokens.create("notebook", None, scopes=("read",))
    script = tmp_path / "notebook.py"
    script.write_text(code.replace("…", secret))
    assert len(runpy.run_path(str(script))["data"].to_pandas()) == 5
    page.click("#export-copy")
    page.wait_for_selector("#toasts >> text=Copied")


def test_an_error_is_a_sentence_and_can_be_tried_again(
    lab: Any, look: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PyBirchError("cannot write it: no space left on the server's disk")

    lab.scan(rows=5)
    with monkeypatch.context() as patch:
        patch.setattr("database.web.api.exports.export", refuse)
        page = opened(look)
        page.click("[data-format=hdf5]")
        page.wait_for_selector("#export-line >> text=HDF5 was not made: cannot write it: no space left")
    with page.expect_download():
        page.click("#export-line >> text=Try again")


def test_a_scan_without_readings_has_no_export_menu(lab: Any, look: Callable[..., Any]) -> None:
    lab.scan(rows=0, state="queued")
    page = look("/scans/S")
    page.wait_for_selector("#scan-chart >> text=Not started yet.")
    assert not page.is_visible("#export-menu")
