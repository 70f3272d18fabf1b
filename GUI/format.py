"""Numbers, times and names as people read them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pybirch.states import ScanState
from pybirch.wire import split_column

_PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}
TAKES_PREFIX = {"V", "A", "W", "Hz", "Ω", "ohm", "F", "H", "T", "s", "J", "C", "S", "m", "Pa", "eV"}


def quantity(value: Any, unit: str = "") -> str:
    """Four digits and the unit, with an engineering prefix where the unit takes one."""
    if isinstance(value, dict):
        low, high = quantity(value.get("min"), unit), quantity(value.get("max"), unit)
        return f"{value.get('size', '?')} values, {low} … {high}"
    if isinstance(value, list | tuple):
        return f"{len(value)} values"
    if value is None:
        return "–"
    number = float(value)
    if not math.isfinite(number):
        return "not a number" if math.isnan(number) else ("∞" if number > 0 else "−∞")
    prefix = ""
    if unit in TAKES_PREFIX and number:
        power = min(12, max(-15, 3 * math.floor(math.log10(abs(number)) / 3)))
        if abs(number) / 10.0**power >= 999.95 and power < 12:
            power += 3
        number, prefix = number / 10.0**power, _PREFIXES[power]
    text = f"{number:.4g}".replace("-", "−")
    return f"{text} {prefix}{unit}" if prefix or unit else text


def of_columns(values: dict[str, Any] | None, *, brief: bool = False) -> str:
    """``{"voltage (V)": 0.00123}`` as people read it; columns are named when there are several.

    Args:
        brief: the first one's number, or how many there are where they are arrays.
    """
    if not values:
        return "–"
    arrays = [value for value in values.values() if isinstance(value, dict | list | tuple)]
    if brief and arrays:
        size = arrays[0].get("size", "?") if isinstance(arrays[0], dict) else len(arrays[0])
        return f"{size} values"
    names, units = zip(*map(split_column, values), strict=True)
    numbers = [quantity(value, unit) for value, unit in zip(values.values(), units, strict=True)]
    if brief or len(numbers) == 1:
        return numbers[0]
    return " · ".join(f"{name} {number}" for name, number in zip(names, numbers, strict=True))


def when(text: str | None) -> datetime | None:
    """The moment an ISO text tells."""
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def seconds_since(text: str | None, until: str | None = None) -> float | None:
    start, end = when(text), when(until) or datetime.now(UTC)
    return None if start is None else max(0.0, (end - start).total_seconds())


def duration(seconds: float | None) -> str:
    """``4.2 s``, ``3 min 05 s``, ``2 h 10 min``, ``3 d 4 h``."""
    if seconds is None:
        return "–"
    if seconds < 10 and isinstance(seconds, float):
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def ago(text: str | None) -> str:
    """``just now``, ``12 s ago``."""
    seconds = seconds_since(text)
    if seconds is None:
        return ""
    return "just now" if seconds < 2 else f"{duration(round(seconds))} ago"


def clock(text: str | None, *, seconds: bool = True) -> str:
    """The local time of day."""
    moment = when(text)
    return "–" if moment is None else moment.astimezone().strftime("%H:%M:%S" if seconds else "%H:%M")


def day_and_clock(text: str | None) -> str:
    moment = when(text)
    return "–" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def terms(row: dict[str, Any], names: Mapping[str, str]) -> str:
    """On what terms a scan runs in its queue, in words; empty for the usual ones.

    Args:
        names: scan_id -> name, for what it waits for.
    """
    its, queued = row.get("terms") or {}, str(row["status"]) == "queued"
    round_, rounds = its.get("round", 1), its.get("rounds", 1)
    words = [
        f"priority {its['priority']}" if queued and its.get("priority") else "",
        f"not before {day_and_clock(its['not_before'])[:-3]}" if queued and its.get("not_before") else "",
        f"after {', '.join(names.get(key, key) for key in its['after'])}"
        if queued and its.get("after")
        else "",
        f"round {round_}, until stopped"
        if rounds == 0
        else f"round {round_} of {rounds}"
        if rounds > 1
        else "",
        f"try {its['attempt']}" if its.get("attempt", 1) > 1 else "",
    ]
    return " · ".join(filter(None, words))


def count(number: int | None) -> str:
    """Groups of three digits."""
    return "–" if number is None else f"{number:,}".replace(",", "\u202f")


def remaining(row: dict[str, Any]) -> float | None:
    """Seconds until a running scan ends, by its pace so far."""
    progress = row.get("progress") or 0.0
    elapsed = seconds_since(row.get("started_at"))
    if row.get("status") != "running" or elapsed is None or not 0.01 < progress < 1:
        return None
    return elapsed * (1 - progress) / progress


def points_of(scan: dict[str, Any]) -> str:
    """Points done, and how many there will be; while what is measured decides, only the most there can be."""
    newest = (scan.get("points_done") or 0) - (scan.get("points_replaced") or 0)
    done, total = count(newest), scan.get("points_total")
    if not total:
        return done
    if not scan.get("points_vary"):
        return f"{done} of {count(total)}"
    return done if ScanState(scan["status"]).is_finished else f"at most {count(total)}"
