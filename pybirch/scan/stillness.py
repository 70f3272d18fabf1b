"""Wait until a reading keeps still."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from pybirch.errors import InstrumentTimeoutError
from pybirch.scan.course import Course
from pybirch.scan.parts import Until
from pybirch.scan.sense import mean_of


def wait_until_still(probe: Any, until: Until, course: Course, say: Callable[[str | None], None]) -> None:
    """Read `probe` again and again until its column has kept within the tolerance for long enough.

    Raises:
        InstrumentTimeoutError: it did not come to rest in time.
    """
    begun = time.monotonic()
    seen: deque[tuple[float, float]] = deque()
    try:
        while True:
            now, value = time.monotonic(), mean_of(probe.perform_measurement(), until.column)
            if value != value:
                seen.clear()
            else:
                seen.append((now, value))
            while len(seen) > 2 and seen[1][0] <= now - until.seconds:
                seen.popleft()
            spread = max(v for _, v in seen) - min(v for _, v in seen) if seen else float("nan")
            if seen and now - seen[0][0] >= until.seconds and spread <= until.tolerance:
                return
            if now - begun >= until.timeout:
                raise InstrumentTimeoutError(
                    f"{probe.name}: was not stable within {until.tolerance:g} after {until.timeout:g} s; "
                    f"it last read {value:g} and moved by {spread:g}"
                )
            say(f"waiting for {probe.name} to be stable: {value:g}, moved by {spread:g}")
            course.wait(until.every)
    finally:
        say(None)
