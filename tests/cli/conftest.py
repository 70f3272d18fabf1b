"""A run folder, and supervisors and servers that are gone when the test is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.fakes import FakeServer, Run


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "run"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def supervise(run_dir: Path) -> Iterator[Callable[..., Run]]:
    """Start a supervisor over the given children."""
    runs: list[Run] = []

    def start(*specs: object, **more: object) -> Run:
        runs.append(Run(specs, run_dir, **more))  # type: ignore[arg-type]
        return runs[-1]

    yield start
    for run in runs:
        run.end()


@pytest.fixture
def fake_server(run_dir: Path) -> Iterator[FakeServer]:
    server = FakeServer(run_dir)
    yield server
    server.close()
