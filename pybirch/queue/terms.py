"""On what terms a scan runs in its queue: how urgent, not before when, after what, how often."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, Self

from pybirch.errors import FieldError

MOST_PRIORITY = 1000
MOST_ROUNDS = 1_000_000
LONGEST_NAME = 100
OPERATORS = ("priority", "not_before", "after", "group", "rounds")
"""What people may change; the rest the queue keeps for itself."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one scan.

    Attributes:
        priority: of two scans that may begin the more urgent, higher one does; else the first in order.
        not_before: the moment before which it does not begin.
        after: scan_ids of those that must be completed before, they themselves or a later run of them.
        group: scans of one group make a round together.
        round: which of the `rounds` this scan belongs to, from 1.
        rounds: how often its group, or it alone, is run; 0: until somebody stops it.
        attempt: the how-manieth try it is, from 1.
        left: it was interrupted, and somebody decided to leave it so.
        comebacks: how often it was gone on with after an interruption without asking anybody.
    """

    priority: int = 0
    not_before: datetime | None = None
    after: tuple[str, ...] = ()
    group: str = ""
    round: int = 1
    rounds: int = 1
    attempt: int = 1
    left: bool = False
    comebacks: int = 0

    def __post_init__(self) -> None:
        for one in fields(self):
            object.__setattr__(self, one.name, _CHECKS[one.name](one.name, getattr(self, one.name)))
        if self.rounds != 1 and self.round > self.rounds > 0:
            raise FieldError("rounds", f"round {self.round} has begun already; {self.rounds} is too few")

    def is_due(self, now: datetime) -> bool:
        return self.not_before is None or self.not_before <= now

    @property
    def comes_again(self) -> bool:
        """Whether another round follows its own."""
        return self.rounds == 0 or self.round < self.rounds

    def with_changes(self, changes: Mapping[str, Any]) -> Self:
        """Other terms, as people may set them.

        Raises:
            FieldError: names what is wrong.
        """
        unknown = next((key for key in changes if key not in OPERATORS), None)
        if unknown is not None:
            raise FieldError(unknown, f"is none of a scan's terms: {', '.join(OPERATORS)}")
        return replace(self, **changes)

    def as_json(self) -> dict[str, Any]:
        """What differs from the usual terms, JSON-ready."""
        usual = Terms()
        told = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: _plain(value) for name, value in told.items() if value != getattr(usual, name)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Self:
        """What `as_json` gave.

        Raises:
            FieldError: names what is wrong.
        """
        known = {f.name for f in fields(cls)}
        return cls(**{name: value for name, value in (data or {}).items() if name in known})


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case tuple():
            return list(value)
    return value


def _priority(name: str, value: Any) -> int:
    return _whole(name, value, -MOST_PRIORITY, MOST_PRIORITY)


def _count(name: str, value: Any) -> int:
    return _whole(name, value, 1, MOST_ROUNDS)


def _rounds(name: str, value: Any) -> int:
    return _whole(name, value, 0, MOST_ROUNDS)


def _whole(name: str, value: Any, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise FieldError(name, f"must be a whole number from {least} to {most}, not {value!r}")
    return value


def _moment(name: str, value: Any) -> datetime | None:
    """A moment in UTC; without a time zone it is meant in this computer's."""
    if value is None or value == "":
        return None
    try:
        made = datetime.fromisoformat(value) if isinstance(value, str) else value
        return made.astimezone(UTC)
    except (ValueError, AttributeError, OverflowError, OSError, TypeError) as error:
        raise FieldError(name, f"{value!r} is no moment; e.g. 2026-11-21T22:00:00Z") from error


def _scan_ids(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise FieldError(name, f"must be a list of scan_ids, not {value!r}")
    ids = tuple(value)
    wrong = next((one for one in ids if not isinstance(one, str) or not one), None)
    if wrong is not None or len(set(ids)) < len(ids):
        raise FieldError(name, "must be a list of scan_ids, each once")
    return ids


def _name(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_NAME:
        raise FieldError(name, f"must be a text of at most {LONGEST_NAME} characters")
    return value.strip()


def _yes_or_no(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise FieldError(name, f"must be true or false, not {value!r}")
    return value


_CHECKS: dict[str, Any] = {
    "priority": _priority,
    "not_before": _moment,
    "after": _scan_ids,
    "group": _name,
    "round": _count,
    "rounds": _rounds,
    "attempt": _count,
    "left": _yes_or_no,
    "comebacks": _rounds,
}
