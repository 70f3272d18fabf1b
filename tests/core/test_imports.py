"""Importing little costs little."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {"numpy", "pandas", "flask", "flask_socketio", "socketio", "sqlalchemy", "qtpy", "PyQt6", "database"}


def modules_after(code: str) -> set[str]:
    script = f"import json, sys; {code}; print(json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))"
    answer = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    return set(json.loads(answer.stdout.splitlines()[-1]))


def test_import_pybirch_brings_nothing_heavy() -> None:
    assert not modules_after("import pybirch") & HEAVY


@pytest.mark.parametrize("module", ["pybirch.events", "pybirch.states", "pybirch.errors", "pybirch.samples"])
def test_the_vocabulary_brings_nothing_heavy(module: str) -> None:
    assert not modules_after(f"import {module}") & HEAVY


def test_the_core_brings_numpy_only() -> None:
    code = "import pybirch.queue.queue, pybirch.scan.scan, pybirch.scan.movements, pybirch.scan.measurements"
    assert modules_after(code) & HEAVY == {"numpy"}


def test_a_scan_without_frames_runs_without_pandas() -> None:
    code = (
        "from tests.lab import Stage, Meter, line_scan; scan = line_scan(Stage(), Meter(), 3); scan.run();"
        "assert scan.points_done == 3"
    )
    assert "pandas" not in modules_after(code)


def test_names_of_the_top_level_are_the_real_ones() -> None:
    import pybirch
    from pybirch.queue.queue import Queue
    from pybirch.scan.scan import Scan

    assert pybirch.Scan is Scan
    assert pybirch.Queue is Queue
    assert set(pybirch.__all__) <= set(dir(pybirch))
    with pytest.raises(AttributeError, match="Scam"):
        _ = pybirch.Scam
