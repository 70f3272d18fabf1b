"""Change an instrument's settings on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pybirch.errors import ScanSettingsError
from pybirch.scan.items.base import Below, TreeItem, instrument_in, settings_in


@dataclass(init=False, eq=False)
class SettingsItem(TreeItem):
    """Put `settings` of `instrument` in force, here and from here on.

    Raises:
        ScanSettingsError: no settings.
    """

    kind: ClassVar[str] = "settings"
    instrument_field: ClassVar[str] = "target"

    target: Any
    settings: dict[str, Any]

    def __init__(self, instrument: Any, settings: Mapping[str, Any]) -> None:
        self.target = instrument
        if not isinstance(settings, Mapping) or not settings:
            raise ScanSettingsError("settings", "is empty; name at least one setting and its value")
        self.settings = dict(settings)

    def own_fields(self) -> dict[str, Any]:
        return {"settings": dict(self.settings)}

    @classmethod
    def read(cls, data: Mapping[str, Any], below: Below) -> Self:
        return cls(instrument_in(data), settings_in(data))
