"""Take a reading, or several at one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self, cast

from pybirch.errors import ScanSettingsError
from pybirch.scan.fields import whole
from pybirch.scan.items.base import Below, TreeItem, instrument_in, settings_in
from pybirch.scan.items.on_error import OnError

Keep = Literal["every", "mean", "std"]


@dataclass(init=False, eq=False)
class MeasurementItem(TreeItem):
    """Take one reading of `measurement`, or `repeats` of them at the same place.

    Args:
        measurement: a `Measurement`, or a reference to one.
        settings: instrument settings applied before the scan starts.
        repeats: how often it is read here.
        keep: of several readings ``"every"`` one; or one with their ``"mean"``; or one with mean and
            standard deviation (of the sample, n - 1) of each column, ``"std"``.
        on_error: an `OnError`, or ``"skip"``: what to do when it cannot be read.

    Raises:
        ScanSettingsError: names the field that makes no sense.
    """

    kind: ClassVar[str] = "measurement"
    instrument_field: ClassVar[str] = "measurement"

    measurement: Any
    settings: dict[str, Any]
    repeats: int
    keep: Keep
    on_error: OnError

    def __init__(
        self,
        measurement: Any,
        settings: Mapping[str, Any] | None = None,
        repeats: int = 1,
        keep: str = "every",
        on_error: OnError | str | Mapping[str, Any] | None = None,
    ) -> None:
        self.measurement = measurement
        self.settings = dict(settings or {})
        self.repeats = whole(repeats, "repeats")
        if keep not in ("every", "mean", "std"):
            raise ScanSettingsError("keep", f'must be "every", "mean" or "std", not {keep!r}')
        if keep == "std" and self.repeats < 2:
            raise ScanSettingsError("repeats", "must be 2 or more for a standard deviation")
        self.keep = cast("Keep", keep)
        self.on_error = OnError.of(on_error)

    def own_fields(self) -> dict[str, Any]:
        several = {"repeats": self.repeats, "keep": self.keep} if self.repeats > 1 else {}
        return {"settings": dict(self.settings), **several, **self.on_error.as_json()}

    @classmethod
    def read(cls, data: Mapping[str, Any], below: Below) -> Self:
        return cls(
            instrument_in(data),
            settings_in(data),
            data.get("repeats", 1),
            data.get("keep", "every"),
            data.get("on_error"),
        )
