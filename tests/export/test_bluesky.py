"""Bluesky documents, held against event_model's schemas and unpacked by it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import event_model
import numpy as np
import pytest

from pybirch.dataset.scan import ScanData
from pybirch.export import export
from tests.export.shelf import Shelf, map_of, nothing, odd, ragged, readings, renamed, spectra


def documents(data: ScanData, folder: Path) -> list[tuple[str, dict[str, Any]]]:
    """Read back, each valid."""
    lines = export(data, folder / "a.jsonl").read_text(encoding="utf-8").splitlines()
    found = [tuple(json.loads(line)) for line in lines]
    for name, document in found:
        event_model.schema_validators[event_model.DocumentNames[name]].validate(document)
    return found  # type: ignore[return-value]


def events(found: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    return [
        event for name, page in found if name == "event_page" for event in event_model.unpack_event_page(page)
    ]


@pytest.mark.parametrize("data", [map_of(rows=6), spectra(), ragged(), odd(), nothing()], ids=str)
def test_documents_are_valid(data: ScanData, tmp_path: Path) -> None:
    found = documents(renamed(data, user_fields={"a.b/c": {"d.e": [{"f/g": 1}]}}), tmp_path)
    assert found[0][0] == "start"
    router = event_model.RunRouter([lambda name, doc: ([], [])])
    for name, document in found:
        router(name, document)


def test_readings_come_back(tmp_path: Path) -> None:
    data = map_of(rows=300)
    found = documents(data, tmp_path)
    assert [name for name, _ in found].count("event_page") > 1
    told = events(found)
    frame = data.to_pandas()
    for column in frame:
        assert [event["data"][column] for event in told] == frame[column].tolist()
    assert [event["seq_num"] for event in told] == list(range(1, len(frame) + 1))
    assert told[3]["uid"] == "S/iv/3"
    assert len({event["uid"] for event in told}) == len(told)
    assert found[-1][1]["num_events"] == {"iv": len(frame)}
    assert found[0][1]["hints"]["dimensions"] == [[["x (mm)"], "iv"], [["y (mm)"], "iv"]]


def test_spectra_and_numbers_that_are_none(tmp_path: Path) -> None:
    told = events(documents(spectra(), tmp_path))
    assert told[1]["data"]["counts"] == [8.0 + i for i in range(8)]
    values = np.array([np.nan, np.inf, -np.inf])
    told = events(documents(Shelf([readings(values={"v": values})]).data(), tmp_path))
    assert np.array_equal([event["data"]["v"] for event in told], values, equal_nan=True)


@pytest.mark.parametrize(
    ("status", "exit_status"),
    [("completed", "success"), ("aborted", "abort"), ("failed", "fail"), ("interrupted", "fail")],
)
def test_how_it_ended(status: str, exit_status: str, tmp_path: Path) -> None:
    stop = documents(renamed(map_of(rows=6), status=status), tmp_path)[-1]
    assert stop[0] == "stop"
    assert stop[1]["exit_status"] == exit_status


def test_a_scan_that_runs_has_not_stopped(tmp_path: Path) -> None:
    assert documents(renamed(map_of(rows=6), status="running"), tmp_path)[-1][0] == "event_page"
