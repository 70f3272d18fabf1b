from collections.abc import Iterator
from pathlib import Path

import pytest

from pybirch.simulator.process import SimulatorProcess


@pytest.fixture(scope="session")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """VISA address by device name, of a simulator in a process of its own."""
    ports_file: Path = tmp_path_factory.mktemp("laboratory") / "ports.json"
    with SimulatorProcess(ports_file) as simulator:
        yield simulator.addresses
