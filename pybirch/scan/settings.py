"""What a scan is to do: names, tree, extensions, tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pybirch.errors import ScanSettingsError
from pybirch.scan.items import require_item
from pybirch.scan.tree import Item, bind, deserialize_tree, serialize_tree
from pybirch.states import PausePolicy


@dataclass
class ScanSettings:
    """Everything a scan needs to know.

    Args:
        project_name: the project it belongs to.
        scan_name: what people call it.
        scan_type: free text, e.g. ``"iv_curve"``.
        job_type: free text, e.g. ``"characterization"``.
        scan_tree: items done in order; None is a scan of nothing; an empty list is refused.
        extensions: names of extensions, kept with the scan.
        additional_tags: words to find it by.
        user_fields: the lab's own fields, JSON-ready.
        on_pause: what a pause does with the instruments, ``"hold"`` or ``"safe"``; see `PausePolicy`.

    Raises:
        ScanSettingsError: names the field that is wrong.
    """

    project_name: str
    scan_name: str
    scan_type: str
    job_type: str
    scan_tree: Sequence[Item] | None = None
    extensions: Sequence[Any] | None = None
    additional_tags: Sequence[str] | None = None
    user_fields: Mapping[str, Any] | None = None
    on_pause: PausePolicy | str = PausePolicy.HOLD

    def __post_init__(self) -> None:
        for name in ("project_name", "scan_name", "scan_type", "job_type"):
            if not isinstance(getattr(self, name), str):
                raise ScanSettingsError(name, f"must be text, not {type(getattr(self, name)).__name__}")
        if not self.scan_name.strip():
            raise ScanSettingsError("scan_name", "a scan needs a name")
        self.on_pause = _policy(self.on_pause)
        if self.scan_tree is None:
            return
        if not isinstance(self.scan_tree, Iterable):
            raise ScanSettingsError(
                "scan_tree", f"must be a list of items, not {type(self.scan_tree).__name__}"
            )
        self.scan_tree = list(self.scan_tree)
        if not self.scan_tree:
            raise ScanSettingsError(
                "scan_tree", "is empty; give at least one item, or None for a scan of nothing"
            )
        for number, item in enumerate(self.scan_tree):
            require_item(item, f"scan_tree[{number}]")

    def serialize(self) -> dict[str, Any]:
        """The settings as JSON-ready data."""
        return {
            "project_name": self.project_name,
            "scan_name": self.scan_name,
            "scan_type": self.scan_type,
            "job_type": self.job_type,
            "scan_tree": None if self.scan_tree is None else serialize_tree(self.scan_tree),
            "extensions": [e if isinstance(e, str) else type(e).__name__ for e in self.extensions or ()],
            "additional_tags": list(self.additional_tags or ()),
            "user_fields": dict(self.user_fields or {}),
            "on_pause": str(self.on_pause),
        }

    @classmethod
    def deserialize(
        cls, data: Mapping[str, Any], instruments: Mapping[str, Any] | None = None
    ) -> ScanSettings:
        """Settings from `serialize`'s data.

        Args:
            data: what `serialize` gave.
            instruments: name -> instrument; without it the tree holds references only.

        Raises:
            ScanSettingsError: names the field that is missing or wrong.
            NotFoundError: an instrument is not among `instruments`.
        """
        for name in ("project_name", "scan_name", "scan_type", "job_type"):
            if name not in data:
                raise ScanSettingsError(name, "is missing")
        tree = data.get("scan_tree")
        items = None if tree is None else deserialize_tree(tree)
        if items is not None and instruments is not None:
            items = bind(items, instruments)
        return cls(
            project_name=data["project_name"],
            scan_name=data["scan_name"],
            scan_type=data["scan_type"],
            job_type=data["job_type"],
            scan_tree=items,
            extensions=data.get("extensions"),
            additional_tags=data.get("additional_tags"),
            user_fields=data.get("user_fields"),
            on_pause=data.get("on_pause", PausePolicy.HOLD),
        )


def _policy(value: Any) -> PausePolicy:
    try:
        return PausePolicy(value)
    except ValueError:
        choices = " or ".join(f'"{policy}"' for policy in PausePolicy)
        raise ScanSettingsError("on_pause", f"must be {choices}, not {value!r}") from None
