"""Examples are run as a newcomer runs them: as programs, in a folder of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Protocol

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
OURS = ("DATABASE_URL", "DATA_STORAGE_PATH", "HOST", "PORT", "PYBIRCH_TOKEN")


def clean_environment(**more: str) -> dict[str, str]:
    """This process's environment without a lab's settings, with this PyBirch on the path."""
    kept = {key: value for key, value in os.environ.items() if key not in OURS}
    paths = [str(ROOT), *filter(None, [kept.get("PYTHONPATH")])]
    return {**kept, "PYTHONPATH": os.pathsep.join(paths), "MPLBACKEND": "Agg", **more}


Finished = subprocess.CompletedProcess[str]


class Run(Protocol):
    def __call__(
        self, name: str, *arguments: str, **environment: str
    ) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """`run("quickstart.py")`: the finished process, its warnings made errors."""

    def run_example(name: str, *arguments: str, **environment: str) -> Finished:
        return subprocess.run(
            [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments],
            cwd=tmp_path,
            env=clean_environment(**environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run_example
