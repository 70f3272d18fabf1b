"""What to do when an instrument raises: fail the scan, try again, or go on without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, cast

from pybirch.errors import ScanSettingsError
from pybirch.scan.fields import number, whole

Then = Literal["fail", "skip"]


@dataclass(frozen=True)
class OnError:
    """The error policy of one item.

    Args:
        retries: how often to try again; each time `delay` seconds after the failure.
        then: when that was in vain: ``"fail"`` ends the scan; ``"skip"`` goes on without the
            reading, or without the position and all that would have been done there.

    Raises:
        ScanSettingsError: a field has no sense.
    """

    retries: int = 0
    delay: float = 0.0
    then: Then = "fail"

    def __post_init__(self) -> None:
        whole(self.retries, "on_error.retries", 0)
        number(self.delay, "on_error.delay", 0)
        if self.then not in ("fail", "skip"):
            raise ScanSettingsError("on_error.then", f'must be "fail" or "skip", not {self.then!r}')

    @property
    def is_plain(self) -> bool:
        """Nothing but an error that ends the scan."""
        return self.then == "fail" and not self.retries

    @classmethod
    def of(cls, given: Any) -> Self:
        """A policy from one, from its JSON, or from the word ``"fail"`` or ``"skip"``.

        Raises:
            ScanSettingsError: it is none of these.
        """
        match given:
            case None:
                return cls()
            case OnError():
                return cast("Self", given)
            case str():
                return cls(then=cast("Then", given))
            case Mapping():
                unknown = set(given) - {"retries", "delay", "then"}
                if not unknown:
                    return cls(**given)
                raise ScanSettingsError(f"on_error.{min(unknown)}", "is unknown; give retries, delay, then")
        raise ScanSettingsError("on_error", f'must be OnError(…), "fail" or "skip", not {given!r}')

    def as_json(self) -> dict[str, Any]:
        """Its part of an item's JSON; empty for the plain one."""
        if self.is_plain:
            return {}
        return {"on_error": {"retries": self.retries, "delay": self.delay, "then": self.then}}
