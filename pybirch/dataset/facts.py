"""What is known of a scan and its measurements besides the readings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pybirch.wire import join_column

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pybirch.events import Readings


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """One column of a measurement.

    Attributes:
        role: ``"position"`` or ``"data"``.
        shape: of one reading: () for a number, (k,) for k numbers, (None,) where lengths differ.
    """

    name: str
    unit: str
    role: str
    shape: tuple[int | None, ...] = ()

    @property
    def full(self) -> str:
        """``"name (unit)"``, or the name alone."""
        return join_column(self.name, self.unit)

    def of(self, block: Readings) -> Any:
        """Its values in a block: (n,), (n, k), or a list of n arrays where lengths differ."""
        return (block.positions if self.role == "position" else block.values)[self.full]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ColumnFacts:
        return cls(data["name"], data["unit"], data["role"], tuple(data.get("shape") or ()))


@dataclass(frozen=True, slots=True)
class MeasurementFacts:
    """One measurement name of a scan.

    Attributes:
        count: readings stored, also those that were measured again after a rewind.
        replaced: how many those are.
    """

    name: str
    columns: tuple[ColumnFacts, ...]
    count: int
    replaced: int = 0

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> MeasurementFacts:
        """Of an entry of ``measurements`` in ``GET /api/scan/<scan_id>``."""
        columns = tuple(ColumnFacts.from_json(column) for column in data["columns"])
        return cls(data["name"], columns, data["count"], data.get("replaced", 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanFacts:
    """A scan as its record describes it.

    Attributes:
        settings: what `ScanSettings.serialize()` gave, the tree as ``scan_tree`` among it.
        sample: ``{ID, material, tags}``, or None.
        conditions: under what it ran (instruments, software), as far as that was kept.
    """

    scan_id: str
    name: str = ""
    project: str = ""
    scan_type: str = ""
    job_type: str = ""
    status: str = ""
    error: str | None = None
    owner: str = ""
    sample: dict[str, Any] | None = None
    tags: tuple[str, ...] = ()
    user_fields: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    conditions: dict[str, Any] = field(default_factory=dict)
    restarted_from: str | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ScanFacts:
        """Of what ``GET /api/scan/<scan_id>`` answers."""
        return cls(
            scan_id=data["scan_id"],
            name=data.get("name") or "",
            project=data.get("project") or "",
            scan_type=data.get("scan_type") or "",
            job_type=data.get("job_type") or "",
            status=data.get("status") or "",
            error=data.get("error"),
            owner=data.get("owner") or "",
            sample=data.get("sample"),
            tags=tuple(data.get("tags") or ()),
            user_fields=data.get("user_fields") or {},
            settings=data.get("settings") or {},
            conditions=data.get("conditions") or {},
            restarted_from=data.get("restarted_from"),
            created_at=_moment(data.get("created_at")),
            started_at=_moment(data.get("started_at")),
            finished_at=_moment(data.get("finished_at")),
        )

    def as_json(self) -> dict[str, Any]:
        """The same as plain values; times as ISO 8601 in UTC."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        times = ("created_at", "started_at", "finished_at")
        return (
            plain
            | {"tags": list(self.tags)}
            | {name: plain[name].astimezone(UTC).isoformat() if plain[name] else None for name in times}
        )


@dataclass(frozen=True, slots=True)
class StoredArray:
    """An array of any shape kept beside a measurement: an image, a waveform.

    Attributes:
        sequence_index: the reading it belongs to, or None.
        axes: of each dimension ``{name, unit, values}``, all optional; empty where nothing is known.
    """

    name: str
    sequence_index: int | None
    data: NDArray[np.generic]
    unit: str = ""
    axes: tuple[dict[str, Any], ...] = ()


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
