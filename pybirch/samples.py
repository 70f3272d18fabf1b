"""A sample: the thing that is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pybirch.errors import FieldError


@dataclass
class Sample:
    """What is measured: its ID as written on the box, material, tags and a picture.

    Args:
        ID: the lab's own name for the sample, unique in the lab.
        material: free text, e.g. ``"GaAs"``.
        additional_tags: words to find it by.
        image: path of a picture file.
    """

    ID: str
    material: str = ""
    additional_tags: Sequence[str] | None = None
    image: str | Path | None = None
    tags: list[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not str(self.ID).strip():
            raise FieldError("sample.ID", "a sample needs an ID")
        self.tags = list(self.additional_tags or ())

    def serialize(self) -> dict[str, object]:
        """The sample as JSON-ready data."""
        return {
            "ID": self.ID,
            "material": self.material,
            "additional_tags": list(self.tags),
            "image": str(self.image) if self.image else None,
        }
