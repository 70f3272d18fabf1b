"""What a scan runs under: instruments as they are set, their drivers, software, sample and operator."""

from __future__ import annotations

import logging
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pybirch.events import utc_now
from pybirch.scan.asking import ask
from pybirch.scan.hooks import Hooks

log = logging.getLogger(__name__)

PATIENCE, PATIENCE_IN_ALL = 2.0, 3.0
"""Seconds that one instrument, and all of them, may take to tell their settings."""

MOST_TEXT = 100_000
"""What one instrument may tell of its settings."""

READ = ("settings", "identity")
"""What is asked of an instrument, and may take time or raise; all else of it is known."""


class Witness:
    """Has the conditions of one run kept by the scan's extensions (their `save_conditions`).

    At the start, and when the scan goes on where they are not what they were. Nothing that goes wrong here
    fails the scan: it is said in the record, or in the log.

    Args:
        scan: whose run it is.
        hooks: its extensions.
        goes_on: the run goes on with a scan that was interrupted.
    """

    def __init__(self, scan: Any, hooks: Hooks, goes_on: bool) -> None:
        self._scan = scan
        self._hooks = hooks
        self._why = "resume" if goes_on else "start"
        self._last: dict[str, Any] | None = None

    def note(self, *, is_up: bool = True) -> None:
        """From the scan's thread, between two calls to instruments.

        Args:
            is_up: the instruments are connected; others are not asked.
        """
        if not any(hasattr(extension, "save_conditions") for extension in self._scan.extensions):
            return
        try:
            found = conditions_of(self._scan, is_up=is_up)
        except Exception:
            log.exception("scan %s: what it runs under is not known", self._scan.scan_id)
            return
        if found != self._last:
            self._last = found
            self._hooks.call("save_conditions", {"at": utc_now(), "why": self._why, **found})
        self._why = "resume"


def conditions_of(scan: Any, *, is_up: bool = True) -> dict[str, Any]:
    """What this scan would run under now, JSON-ready; waits `PATIENCE_IN_ALL` seconds at most."""
    return {
        "instruments": instruments_told(scan.instruments, is_up=is_up),
        "software": dict(software()),
        "sample": plain(scan.sample.serialize()) if scan.sample is not None else None,
        "operator": plain(str(scan.owner or "")),
    }


def instruments_told(instruments: Sequence[Any], *, is_up: bool = True) -> list[dict[str, Any]]:
    """Each with its driver, `settings` and `identity` as it tells them, and `problems` met on the way."""
    end = time.monotonic() + PATIENCE_IN_ALL
    told = []
    for instrument in instruments:
        one = {
            "name": str(instrument.name),
            "class": type(instrument).__name__,
            "module": type(instrument).__module__,
            "adapter": str(getattr(instrument, "adapter", "") or ""),
            "driver": driver_of(instrument),
        }
        patience = min(PATIENCE, max(0.1, end - time.monotonic()))
        asked = _ask(instrument, patience) if is_up else {"problems": ["not asked: it was not brought up"]}
        told.append(plain(one) | asked)
    return told


def _ask(instrument: Any, patience: float) -> dict[str, Any]:
    """What it tells of itself in that time, and what was wrong."""
    found: dict[str, Any] = {}
    problems: list[str] = []

    def read(instrument: Any) -> None:
        for name in READ:
            try:
                value = plain(getattr(instrument, name, None))
                size = len(str(value))
                if size > MOST_TEXT:
                    problems.append(f"{name}: {size:,} characters are too many to keep")
                elif value:
                    found[name] = value
            except Exception as error:
                problems.append(plain(f"{name}: {type(error).__name__}: {error}"))

    wrong = ask(instrument, read, patience)
    told = [*problems, *([wrong] if wrong else [])]
    return dict(found) | ({"problems": told} if told else {})


def driver_of(instrument: Any) -> dict[str, str]:
    """The class that talks to the hardware, its package and version; of code of one's own a digest."""
    inner = getattr(instrument, "instrument", None)
    made = type(instrument if inner is None or isinstance(inner, str) else inner)
    version = version_of(made.__module__.partition(".")[0])
    known = {"package": version[0], "version": version[1]} if version else {}
    digest = "" if version else _digest(made.__module__)
    return (
        {"class": f"{made.__module__}.{made.__qualname__}"} | known | ({"source": digest} if digest else {})
    )


@cache
def version_of(package: str) -> tuple[str, str] | None:
    """Name and version of what is installed as this package: as it was loaded, else as it is there."""
    loaded = getattr(sys.modules.get(package), "__version__", None)
    if isinstance(loaded, str):
        return package, loaded
    from importlib import metadata

    try:
        return package, metadata.version(package)
    except metadata.PackageNotFoundError:
        homes = _homes().get(package) if package != "__main__" else None
        return (homes[0], metadata.version(homes[0])) if homes else None


@cache
def _homes() -> Mapping[str, list[str]]:
    """Package -> what brings it; looked up once, it takes a few tenths of a second."""
    from importlib.metadata import packages_distributions

    return packages_distributions()


@cache
def _digest(module: str) -> str:
    """Of the module's file, as it was when this program first looked: the one it has most likely loaded."""
    import hashlib

    file = getattr(sys.modules.get(module), "__file__", None)
    try:
        return f"sha256:{hashlib.sha256(Path(file).read_bytes()).hexdigest()[:16]}" if file else ""
    except OSError:
        return ""


@cache
def software() -> dict[str, str]:
    """Versions of what every scan runs on, and the computer."""
    names = {name: version_of(name) for name in ("pybirch", "numpy")}
    return {
        **{name: version[1] for name, version in names.items() if version},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "host": platform.node(),
    }


def plain(value: Any) -> Any:
    """The value as JSON keeps it: no NaN, no NumPy, whole texts."""
    import json

    from pybirch import wire

    return json.loads(wire.dumps(wire.clean(value)))
