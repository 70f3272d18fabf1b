"""A command is said again with nothing changed but the port."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pybirch.cli.again import typed


@pytest.fixture(autouse=True)
def no_make(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAKELEVEL", raising=False)


@pytest.mark.parametrize(
    ("program", "given", "again"),
    [
        (
            "run_web.py",
            {"lab_file": Path("../lab2.py")},
            "python run_web.py --lab ../lab2.py --port 5325",
        ),
        (
            "../run_web.py",
            {"lab_file": Path("my lab.py"), "host": "0.0.0.0"},
            "python ../run_web.py --lab 'my lab.py' --host 0.0.0.0 --port 5325",
        ),
        ("run_web.py", {"demo": True}, "python run_web.py --demo --port 5325"),
        ("run_web.py", {"with_station": False}, "python run_web.py --no-station --port 5325"),
        (".venv/bin/pybirch", {"demo": True, "host": "::1"}, "pybirch demo --host ::1 --port 5325"),
    ],
)
def test_the_same_command_with_another_port(
    program: str, given: dict[str, object], again: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [program])
    nothing = {"demo": False, "lab_file": None, "host": None, "with_station": True}
    assert typed(**nothing | given).with_port(5325) == again  # type: ignore[arg-type]


def test_make_has_its_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKELEVEL", "1")
    known = typed(demo=True, lab_file=None, host=None, with_station=True)
    assert known.with_port(5325) == "make demo PORT=5325"
