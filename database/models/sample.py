"""A sample in the record, and its likeness in the core."""

from __future__ import annotations

from typing import Any, Self

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from database.models.base import Base, Numbered
from pybirch.samples import Sample as CoreSample


class Sample(Numbered, Base):
    """What is measured; `sample_id` is the lab's own name for it (`pybirch.samples.Sample.ID`)."""

    __tablename__ = "samples"

    sample_id: Mapped[str] = mapped_column(unique=True)
    material: Mapped[str] = mapped_column(default="")
    additional_tags: Mapped[list[str]] = mapped_column(default=list)
    image: Mapped[str | None] = mapped_column(Text, default=None)
    description: Mapped[str] = mapped_column(Text, default="")
    status: Mapped[str] = mapped_column(default="")
    extra_data: Mapped[dict[str, Any]] = mapped_column(default=dict)
    lab_id: Mapped[int | None] = mapped_column(ForeignKey("labs.id", ondelete="SET NULL"), default=None)
    project_id: Mapped[int | None] = mapped_column(
        ForeignKey("projects.id", ondelete="SET NULL"), default=None
    )

    def to_pybirch_sample(self) -> CoreSample:
        return CoreSample(
            ID=self.sample_id,
            material=self.material or "",
            additional_tags=list(self.additional_tags or ()),
            image=self.image,
        )

    @classmethod
    def from_pybirch_sample(cls, sample: CoreSample, **fields: Any) -> Self:
        """A new row, not stored yet; `fields` are further columns and win over the sample's own."""
        own = {
            "sample_id": str(sample.ID),
            "material": sample.material,
            "additional_tags": list(sample.tags),
            "image": str(sample.image) if sample.image else None,
        }
        return cls(**(own | fields))
