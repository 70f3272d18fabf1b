"""The ways in: the `pybirch` command and the supervisor behind `run_web.py`."""

from __future__ import annotations


def main() -> None:
    """Run the `pybirch` command."""
    from pybirch.cli.command import pybirch

    pybirch.main(prog_name="pybirch")


__all__ = ["main"]
