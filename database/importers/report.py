"""What an import would do, or has done: made, changed, left as it is, refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


class NotKeptError(Exception):
    """Ends a transaction that is not to be kept."""


@dataclass(frozen=True)
class Entry:
    """One thing of the file.

    Attributes:
        place: where it stands, ``"line 7"``.
        verb: made, changed, same or refused.
        thing: its name, where it has one.
        detail: what changes, or why it is refused, naming the field.
    """

    place: str
    verb: str
    thing: str = ""
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.verb} {self.thing}".rstrip() + (
            f": {self.detail}" if self.detail else ""
        )


@dataclass
class Report:
    """All of an import; `stored` says whether the record has it."""

    entries: list[Entry] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stored: bool = False

    @property
    def is_refused(self) -> bool:
        return any(entry.verb == "refused" for entry in self.entries)

    def count(self, verb: str) -> int:
        return sum(entry.verb == verb for entry in self.entries)

    def add(self, place: str, verb: str, thing: str = "", detail: str = "") -> None:
        self.entries.append(Entry(place, verb, thing, detail))

    def summary(self) -> str:
        counts = ", ".join(f"{self.count(verb)} {verb}" for verb in ("made", "changed", "same", "refused"))
        if self.stored:
            return f"{counts}; stored"
        return f"{counts}; nothing was stored" + (" because of what is refused" if self.is_refused else "")


def differences(before: dict[str, Any], after: dict[str, Any]) -> str:
    """What changes, in words."""
    changed = [name for name in after if before.get(name) != after[name]]
    return "; ".join(f"{name} {before.get(name)!r} → {after[name]!r}" for name in changed)
