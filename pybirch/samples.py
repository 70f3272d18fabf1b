"""A sample: the thing that is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

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
    origin: Sample | None = field(default=None, init=False, repr=False, compare=False)
    """The sample as it was when it was taken from a record: tells what has been changed here since."""

    def __post_init__(self) -> None:
        if not str(self.ID).strip():
            raise FieldError("sample.ID", "a sample needs an ID")
        self.tags = list(self.additional_tags or ())

    def taken(self) -> Self:
        """This sample, from now on what its record says."""
        self.origin = Sample(self.ID, self.material, list(self.tags), self.image)
        return self

    def newest(self, record: Sample) -> Sample:
        """What holds of this sample and of what its record says now: of each field the newest.

        A field that was changed here since the sample was taken from its record is the newer one, as it is
        said now; every other field is the record's. What a script wrote without taking it counts as
        changed where it is not empty. Tags one by one: those added here are added, those taken off here
        are taken off.
        """
        before = self.origin or Sample(self.ID)
        removed = set(before.tags) - set(self.tags)
        added = [tag for tag in self.tags if tag not in before.tags]
        kept = [tag for tag in record.tags if tag not in removed]
        return Sample(
            record.ID,
            self.material if self.material != before.material else record.material,
            list(dict.fromkeys([*kept, *added])),
            self.image if self.image != before.image else record.image,
        )

    def serialize(self) -> dict[str, object]:
        """The sample as JSON-ready data."""
        return {
            "ID": self.ID,
            "material": self.material,
            "additional_tags": list(self.tags),
            "image": str(self.image) if self.image else None,
        }
