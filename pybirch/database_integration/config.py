"""Settings of the record and the live path, from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypedDict

from pybirch.errors import FieldError

_ABOVE_ZERO = (
    "max_buffer_size",
    "merged_block_rows",
    "flush_interval_seconds",
    "spool_after_seconds",
    "instrument_scan_interval",
)


class Chunks(TypedDict):
    """How large blocks of readings are, as `ReadingsService.append` takes it."""

    merged_rows: int


@dataclass(frozen=True)
class IntegrationConfig:
    """Each field is the environment variable of that name in capitals.

    Attributes:
        database_url: SQLAlchemy URL, or a path of a SQLite file.
        data_storage_path: folder of the lab's data.
        max_buffer_size: single readings that a `DataManager` gathers to one block.
        flush_interval_seconds: seconds between commits while readings keep coming.
        spool_after_seconds: how long the database or server may take to keep something before it is kept in a
            file here meanwhile.
        instrument_scan_interval: seconds between health checks of idle instruments.
        auto_reconnect_attempts: how often a lost instrument is tried again.
        merged_block_rows: rows a block has at most after small ones were merged.
    """

    database_url: str = "sqlite:///pybirch.db"
    data_storage_path: Path = Path("data")
    max_buffer_size: int = 1000
    flush_interval_seconds: float = 0.05
    instrument_scan_interval: float = 60.0
    auto_reconnect_attempts: int = 3
    spool_after_seconds: float = 2.0
    merged_block_rows: int = 65_536

    def __post_init__(self) -> None:
        for name in _ABOVE_ZERO:
            if not getattr(self, name) > 0:  # nan is not either
                raise FieldError(name.upper(), f"must be above 0, not {getattr(self, name)}")
        if self.auto_reconnect_attempts < 0:
            raise FieldError(
                "AUTO_RECONNECT_ATTEMPTS", f"must not be below 0, not {self.auto_reconnect_attempts}"
            )

    def chunks(self) -> Chunks:
        """How large blocks are to be."""
        return {"merged_rows": self.merged_block_rows}

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> IntegrationConfig:
        """The settings of this process.

        Raises:
            FieldError: names the variable that is wrong.
        """
        source = os.environ if environment is None else environment
        given: dict[str, Any] = {}
        for field in fields(cls):
            text = source.get(field.name.upper())
            if not text:
                continue
            try:
                given[field.name] = type(field.default)(text)
            except ValueError as error:
                raise FieldError(
                    field.name.upper(), f"{text!r} is no {type(field.default).__name__}"
                ) from error
        return cls(**given)
