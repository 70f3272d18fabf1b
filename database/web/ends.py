"""How a station's process ended, in words."""

from __future__ import annotations

import signal
from dataclasses import dataclass

KILLED = -9
"""What a process that was killed, by somebody or for want of memory, leaves as its exit code."""
LONGEST = 1000
"""Characters that are kept of what a station said of its end."""


@dataclass(frozen=True)
class End:
    """The end of a station's life, as its supervisor tells it; `said` is what it said itself."""

    station: str
    epoch: str
    code: int | None
    said: str = ""

    @property
    def reason(self) -> str:
        """For the record; what it said itself is followed by the code, which tells order from disorder."""
        if not self.said:
            return f"the station's process {how_it_ended(self.code)}"
        return f"{self.said[:LONGEST]} (exit code {'unknown' if self.code is None else self.code})"


def how_it_ended(code: int | None) -> str:
    """An exit code in words; negative ones are signals."""
    if code is None:
        return "ended"
    if code >= 0:
        return f"ended (exit code {code})"
    if code == KILLED:
        return "was killed"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
