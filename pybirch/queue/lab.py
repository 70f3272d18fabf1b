"""A laboratory in a few lines: its instruments, and the queues a station begins with."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pybirch.errors import FieldError
from pybirch.scan.scan import Scan

Scans = Sequence[Scan] | Callable[[], Sequence[Scan]]


@dataclass
class Lab:
    """What a station owns.

    Args:
        name: shown on every page.
        instruments: everything scans may use; names are unique.
        queues: queue_id -> its scans (or a function that makes them), queued when that queue is
            first met; a queue that is in the record already is taken up as it is.
        autostart: start the queues whenever the station is started, with new scans where all have
            ended; but not when it comes back after a crash.
    """

    name: str
    instruments: Sequence[Any] = ()
    queues: Mapping[str, Scans] = field(default_factory=dict)
    autostart: bool = False

    def __post_init__(self) -> None:
        names = [instrument.name for instrument in self.instruments]
        double = next((name for name in names if names.count(name) > 1), None)
        if double is not None:
            raise FieldError("instruments", f"two instruments are called {double!r}")
        if not self.queues:
            self.queues = {"main": ()}
        if not isinstance(self.queues, Mapping):
            raise FieldError("queues", f"must be a dict queue_id -> scans, not {type(self.queues).__name__}")

    def scans(self, queue_id: str) -> list[Scan]:
        """New scans for that queue."""
        made = self.queues[queue_id]
        return list(made() if callable(made) else made)


def load_lab(file: Path) -> Lab:
    """The `lab` that a Python file defines: a `Lab`, or a function that gives one.

    Raises:
        FieldError: there is no such file, or it defines no lab.
    """
    if not file.is_file():
        raise FieldError("lab_file", f"there is no file {file}")
    found = runpy.run_path(str(file), run_name="pybirch_lab").get("lab")
    lab = found() if callable(found) else found
    if not isinstance(lab, Lab):
        raise FieldError("lab_file", f"{file.name} must define `lab`, a Lab or a function that gives one")
    return lab
