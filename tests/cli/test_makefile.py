"""`make`: what it lists, and what it says where something is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Require

ROOT = Path(__file__).parents[2]
Make = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def make(require: Require, tmp_path: Path) -> Make:
    """Call make with a virtual environment of its own."""
    require(shutil.which("make"), "no make here", "sudo apt install make")

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", "--no-print-directory", f"VENV={tmp_path / 'venv'}", *words],
            cwd=ROOT,
            env={
                k: v for k, v in os.environ.items() if not k.startswith("MAKE") and k not in ("HOST", "PORT")
            },
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    return call


def program(file: Path, script: str) -> Path:
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


def test_without_a_word_it_lists_what_there_is(make: Make) -> None:
    done = make()
    assert done.returncode == 0
    for word in ("demo", "install", "gui", "test", "check", "bench", "clean"):
        assert f"make {word} " in done.stdout


def test_host_and_port_are_passed_on(make: Make) -> None:
    done = make("--dry-run", "demo", "PORT=5001", "HOST=0.0.0.0")
    assert done.stdout.splitlines()[-1].endswith("run_web.py --demo --host 0.0.0.0 --port 5001")


def test_an_old_python_is_a_sentence(make: Make, tmp_path: Path) -> None:
    old = program(tmp_path / "python3.9", "exit 1")
    done = make("demo", f"PYTHON={old}")
    assert done.returncode != 0
    assert f"needs Python 3.11 or newer, and {old} is not that" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_python_without_venv_is_a_sentence(make: Make, tmp_path: Path) -> None:
    bare = program(tmp_path / "python3", 'case "$2" in *ensurepip*) exit 1;; esac')
    done = make("demo", f"PYTHON={bare}")
    assert done.returncode != 0
    assert "sudo apt install python3-venv" in done.stdout
