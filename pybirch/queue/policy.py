"""What a queue does by itself when a scan fails, or when its station ended in the middle of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any, Self, TypeVar

from pybirch.errors import FieldError

MOST_RETRIES = 1000
LONGEST_DELAY = 7 * 86_400.0

E = TypeVar("E", bound=StrEnum)


class OnFailure(StrEnum):
    """After a scan has failed, and its retries are used up."""

    GO_ON = "go_on"
    STOP = "stop"


class OnInterrupted(StrEnum):
    """After the end of a station in the middle of a scan, once the station is back."""

    ASK = "ask"
    RESUME = "resume"
    RESTART = "restart"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class QueuePolicy:
    """The rules of one queue.

    Attributes:
        on_failure: go on with the next scan, or stop the queue.
        retries: how often a scan that failed is queued again, right behind itself, before that.
        retry_delay: seconds it then waits at least.
        on_interrupted: ask somebody (nothing moves before), or do it without asking.
    """

    on_failure: OnFailure = OnFailure.GO_ON
    retries: int = 0
    retry_delay: float = 0.0
    on_interrupted: OnInterrupted = OnInterrupted.ASK

    def __post_init__(self) -> None:
        object.__setattr__(self, "on_failure", _one_of(OnFailure, "on_failure", self.on_failure))
        object.__setattr__(
            self, "on_interrupted", _one_of(OnInterrupted, "on_interrupted", self.on_interrupted)
        )
        if isinstance(self.retries, bool) or not isinstance(self.retries, int):
            raise FieldError("retries", f"must be a whole number, not {self.retries!r}")
        if not 0 <= self.retries <= MOST_RETRIES:
            raise FieldError("retries", f"must be from 0 to {MOST_RETRIES}, not {self.retries}")
        delay = self.retry_delay
        if isinstance(delay, bool) or not isinstance(delay, int | float) or not 0 <= delay <= LONGEST_DELAY:
            raise FieldError("retry_delay", f"must be seconds from 0 to {LONGEST_DELAY:.0f}, not {delay!r}")

    def with_changes(self, changes: Mapping[str, Any]) -> Self:
        """Another policy.

        Raises:
            FieldError: names what is wrong.
        """
        known = [f.name for f in fields(self)]
        unknown = next((key for key in changes if key not in known), None)
        if unknown is not None:
            raise FieldError(unknown, f"is no rule of a queue: {', '.join(known)}")
        return replace(self, **changes)

    def as_json(self) -> dict[str, Any]:
        return {name: str(v) if isinstance(v, StrEnum) else v for name, v in asdict(self).items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Self:
        """What `as_json` gave.

        Raises:
            FieldError: names what is wrong.
        """
        known = {f.name for f in fields(cls)}
        return cls(**{name: value for name, value in (data or {}).items() if name in known})


def _one_of(kind: type[E], field: str, value: Any) -> E:
    try:
        return kind(value)
    except ValueError as error:
        raise FieldError(field, f"{value!r} is not one of {', '.join(kind)}") from error
