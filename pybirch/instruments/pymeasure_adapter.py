"""Lets a PyMeasure driver, unchanged, talk through a `LineSession`.

Imports PyMeasure (and pyvisa with it): import this module late.
"""

from __future__ import annotations

from typing import Any

from pymeasure.adapters import Adapter

from pybirch.instruments.session import LineSession


class SessionAdapter(Adapter):
    """What PyMeasure's `Instrument` takes as its adapter.

    The session keeps its lock, its time-outs and its errors; closing is the session's business,
    since several drivers may share it.
    """

    def __init__(self, session: LineSession) -> None:
        super().__init__()
        self.session = session

    def close(self) -> None:
        """Nothing: whoever opened the session closes it."""

    def _write(self, command: str, **kwargs: Any) -> None:
        self.session.write(command)

    def _read(self, **kwargs: Any) -> str:
        return self.session.read()

    def _write_bytes(self, content: bytes, **kwargs: Any) -> None:
        self.session.write_bytes(content)

    def _read_bytes(self, count: int, break_on_termchar: bool, **kwargs: Any) -> bytes:
        return self.session.read_bytes(count, break_on_termchar)
