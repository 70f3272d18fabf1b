"""What will be, before anything moves: how much, how long, and what stands in the way."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from pybirch.errors import ScanSettingsError
from pybirch.scan.checks import all_problems, check_settings
from pybirch.scan.plan import Plan
from pybirch.scan.settings import ScanSettings
from pybirch.scan.workload import workload_of
from pybirch.states import InstrumentState

ROOM = 256 * 2**20
"""Bytes that should stay free beside what a scan may need."""


@dataclass(frozen=True)
class Estimate:
    """What a scan will take.

    Attributes:
        points: readings that are kept.
        steps: see `Plan`.
        seconds: how long, by what its instruments took before; None where one was never used.
        size: bytes of its numbers, before they are compressed.
        at_most: what is measured decides, and all three are the most there can be.
        unknown: instruments that were never timed.
    """

    points: int
    steps: int
    seconds: float | None
    size: int
    at_most: bool
    unknown: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"unknown": list(self.unknown)}


@dataclass(frozen=True)
class Finding:
    """Something to know before the start.

    Attributes:
        level: ``"error"``, it cannot run; ``"warning"``, it can, but look at this; ``"info"``.
        field: what it is about: a field of the settings, or an instrument's name.
    """

    level: Literal["error", "warning", "info"]
    field: str
    message: str

    def as_json(self) -> dict[str, str]:
        return asdict(self)


def estimate(settings: ScanSettings) -> Estimate:
    """What a scan of these settings will take.

    Raises:
        ScanSettingsError: it could not run.
    """
    return _estimate(check_settings(settings))


def _estimate(plan: Plan) -> Estimate:
    work = workload_of(plan)
    seconds, unknown = work.waiting, []
    for axis, times in work.moves.items():
        took = _timing(plan.movements[axis], "seconds_to_move", times, work.distance[axis])
        seconds, unknown = _add(seconds, took, unknown, plan.movements[axis])
    for number, times in work.reads.items():
        each = getattr(getattr(plan.measurements[number], "timing", None), "seconds_a_read", None)
        took = None if each is None else each * times
        seconds, unknown = _add(seconds, took, unknown, plan.measurements[number])
    size = sum(_bytes_a_reading(plan, number) * times for number, times in work.reads.items())
    known = None if unknown else seconds
    return Estimate(plan.readings, plan.steps, known, size, plan.varies, tuple(unknown))


def preflight(scan: Any, *, leases: Any = None, folder: Path | None = None) -> list[Finding]:
    """Everything found before a start, errors first; moves and connects nothing.

    Args:
        scan: the scan.
        leases: the book of instruments in use.
        folder: where its record is kept, for the room there.
    """
    errors = [Finding("error", problem.field, problem.problem) for problem in all_problems(scan.settings)]
    warnings = [finding for one in scan.instruments for finding in _of_instrument(one, leases)]
    if errors:
        return errors + warnings
    try:
        will = estimate(scan.settings)
    except ScanSettingsError as problem:
        return [Finding("error", problem.field, problem.problem), *warnings]
    if folder is not None:
        free = shutil.disk_usage(folder).free
        if free < will.size + ROOM:
            text = f"{free / 2**20:,.0f} MiB are free, and it may need {will.size / 2**20:,.0f} MiB"
            warnings.append(Finding("warning", "disk", text))
    return [*warnings, Finding("info", "estimate", in_words(will))]


def in_words(will: Estimate) -> str:
    """A sentence for people."""
    most = "at most " if will.at_most else ""
    points = f"{most}{will.points:,} point{'' if will.points == 1 else 's'}"
    size = f"{will.size / 2**20:,.1f} MiB" if will.size >= 2**20 else f"{will.size / 1024:,.1f} KiB"
    if will.seconds is None:
        return (
            f"{points}, {size} before compression; how long is not known: {', '.join(will.unknown)} never ran"
        )
    hours, rest = divmod(round(will.seconds), 3600)
    minutes, seconds = divmod(rest, 60)
    long = (
        f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
    )
    return f"{points}, about {long}, {size} before compression"


def _of_instrument(instrument: Any, leases: Any) -> list[Finding]:
    name = str(getattr(instrument, "name", instrument))
    found: list[Finding] = []
    if getattr(instrument, "status", None) is InstrumentState.ERROR:
        found.append(Finding("warning", name, f"its last use failed: {instrument.error}"))
    key = getattr(instrument, "lease_key", None) or f"object:{id(instrument)}"
    if leases is not None and (label := leases.label_of(key)) is not None:
        use = "has hung since" if leases.has_hung(key) else "is in use by"
        found.append(Finding("warning", name, f"{use} {label}; the scan will wait for it"))
    return found


def _timing(instrument: Any, method: str, *args: Any) -> float | None:
    timing = getattr(instrument, "timing", None)
    return None if timing is None else getattr(timing, method)(*args)


def _add(seconds: float, took: float | None, unknown: list[str], instrument: Any) -> tuple[float, list[str]]:
    return (seconds, [*unknown, instrument.name]) if took is None else (seconds + took, unknown)


def _bytes_a_reading(plan: Plan, number: int) -> int:
    """Positions, step, time and values, 8 bytes each."""
    values = getattr(getattr(plan.measurements[number], "timing", None), "values", 0)
    return int(8 * (len(plan.axes_of[number]) + 2 + max(values, len(plan.columns_of[number]))))
