from collections.abc import Iterator
from pathlib import Path

import pytest

from pybirch.simulator.process import SimulatorProcess


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def process(tmp_path: Path) -> Iterator[SimulatorProcess]:
    simulator = SimulatorProcess(tmp_path / "ports.json")
    yield simulator
    simulator.stop()
