"""What waits to be shown while the server is away."""

from __future__ import annotations

from typing import Any

import pytest

from pybirch.database_integration.sync import told as module
from pybirch.database_integration.sync.told import Told


@pytest.fixture
def told() -> Told:
    return Told()


def add(told: Told, kind: str, **payload: Any) -> None:
    told.add(kind, payload, f"{kind} {payload}".encode())


def all_of(told: Told) -> list[str]:
    return [data.decode() for data in told.take(10**6, 10**9)]


def scan(told: Told, status: str, progress: float) -> None:
    add(told, "scan_status", scan_id="S", status=status, progress=progress)


def test_progress_is_said_once_but_no_change_of_state_is_left_out(told: Told) -> None:
    for progress in (0.1, 0.2, 0.3):
        scan(told, "running", progress)
    scan(told, "paused", 0.3)
    scan(told, "running", 0.3)
    scan(told, "running", 0.9)
    scan(told, "completed", 1.0)
    said = [text.split("'status': ")[1] for text in all_of(told)]
    assert said == [
        "'running', 'progress': 0.3}",
        "'paused', 'progress': 0.3}",
        "'running', 'progress': 0.9}",
        "'completed', 'progress': 1.0}",
    ]
    scan(told, "completed", 1.0)
    assert len(told) == 1, "what was taken is not merged with"


def test_an_instrument_that_moves_has_one_position(told: Told) -> None:
    for x in range(100):
        add(told, "instrument_position", instrument_id=1, position={"x": x})
    add(told, "instrument_position", instrument_id=2, position={"x": 5})
    assert len(told) == 2
    assert "99" in all_of(told)[0]


def test_readings_go_first_then_lines_never_states(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 1_000)
    scan(told, "running", 0.0)
    for n in range(50):
        add(told, "queue_log", n=n)
        add(told, "data_block", n=n)
    scan(told, "failed", 0.5)
    kept = all_of(told)
    assert not any("data_block" in text for text in kept)
    assert [text for text in kept if "queue_log" in text][-1].endswith("49}")
    assert "running" in kept[0]
    assert "failed" in kept[-1]


def test_lines_are_kept_up_to_a_number(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LINES", 3)
    for n in range(10):
        add(told, "queue_log", n=n)
    assert [text[-2] for text in all_of(told)] == ["7", "8", "9"]
    for n in range(3):
        add(told, "queue_log", n=n)
    assert len(told) == 3, "those that were taken do not count"


def test_a_frame_is_cut_by_number_and_by_size_and_is_never_empty(told: Told) -> None:
    for _ in range(10):
        told.add("queue_log", {}, bytes(100))
    assert len(told.take(4, 10**6)) == 4
    assert len(told.take(100, 250)) == 2
    assert len(told.take(100, 10)) == 1
    assert len(told.take(100, 10**6)) == 3
    assert told.take(100, 10**6) == []
    assert told._bytes == 0
