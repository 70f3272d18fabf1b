"""The children of a lab's supervisor: server, station, and in the demo the simulator."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pybirch
from pybirch.cli.child import ChildProcess, ChildSpec
from pybirch.cli.runtime import read_children
from pybirch.cli.supervisor import somebodys_station
from pybirch.lab_settings import LabSettings

PORT_IN_USE = 3
"""The server's exit code when somebody else has its port."""

LAB_FILE = 5
"""The station's exit code when the lab's file cannot be used as it is (`pybirch.station.LAB_FILE`)."""

SIMULATOR_TIME_S = 10.0


def ports_file(settings: LabSettings) -> Path:
    """Where the simulator writes the ports of its instruments, and the demo's station reads them."""
    return settings.run_dir / "simulator.json"


def children(
    settings: LabSettings, *, demo: bool, lab_file: Path | None, with_station: bool, port_sentence: str
) -> list[ChildSpec]:
    """What a lab's supervisor starts, in this order."""
    environment = {
        **settings.environment(),
        **_python_environment(),
        "PYBIRCH_PORTS_FILE": str(ports_file(settings)),
    }
    python = [sys.executable, "-m"]
    specs = []
    if demo and with_station:
        specs.append(
            ChildSpec(
                name="simulator",
                command=[*python, "pybirch.simulator", "--ports-file", str(ports_file(settings))],
                environment=environment,
            )
        )
    specs.append(
        ChildSpec(
            name="server",
            command=[*python, "pybirch.cli", "serve"],
            environment=environment,
            fatal_codes={PORT_IN_USE: port_sentence},
        )
    )
    if with_station:
        lab = ["--demo"] if demo else [str(lab_file)] if lab_file else []
        specs.append(
            ChildSpec(
                name="station",
                command=[*python, "pybirch.cli", "station", *lab],
                environment=environment,
                may_start=simulator_ready(settings) if demo else lambda: True,
                already_runs=lambda: somebodys_station(settings.run_dir),
                held_codes={LAB_FILE: lab_file} if lab_file else {},
            )
        )
    return specs


def simulator_ready(settings: LabSettings) -> Callable[[], bool]:
    """True once the simulator has written its ports anew; after some seconds true anyhow.

    Then the error is the station's to tell. A simulator that was taken over has its ports written.
    """
    record = read_children(settings.run_dir).get("simulator")
    adopted = record is not None and ChildProcess.adopt(record) is not None
    file, begun = ports_file(settings), time.time()

    def ready() -> bool:
        written = file.stat().st_mtime if file.exists() else 0.0
        return (adopted and written > 0) or written >= begun or time.time() > begun + SIMULATOR_TIME_S

    return ready


def _python_environment() -> dict[str, str]:
    """Children import the PyBirch that runs here, installed or not, from whichever folder."""
    root = Path(pybirch.__file__).resolve().parents[1]
    paths = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    if "site-packages" not in root.parts and str(root) not in paths:
        paths.insert(0, str(root))
    return {"PYTHONUNBUFFERED": "1", "PYTHONPATH": os.pathsep.join(paths)}
