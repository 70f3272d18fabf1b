"""The command that was typed, to be said again with another port."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Typed:
    """What was typed to start a lab: the program, and its options but for the port."""

    program: str
    options: tuple[str, ...] = ()

    def with_port(self, port: int) -> str:
        """The same command with that port."""
        if self.program == "make demo":
            return f"make demo PORT={port}"
        return shlex.join([*self.program.split(), *self.options, "--port", str(port)])


def typed(*, demo: bool, lab_file: Path | None, host: str | None, with_station: bool) -> Typed:
    """What was typed, as the options that were understood tell; `lab_file` as it was given."""
    if demo and os.environ.get("MAKELEVEL"):
        return Typed("make demo")
    called = Path(sys.argv[0]).name
    options = [] if called == "pybirch" else ["--demo"] if demo else []
    options += ["--lab", str(lab_file)] if lab_file else []
    options += ["--host", host] if host else []
    options += [] if with_station else ["--no-station"]
    if called == "pybirch":
        return Typed("pybirch demo", tuple(options))
    program = sys.argv[0] if called == "run_web.py" and " " not in sys.argv[0] else "run_web.py"
    return Typed(f"python {program}", tuple(options))
