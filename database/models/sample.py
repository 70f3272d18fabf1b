"""A sample in the record, its tags, pictures and descent, and its likeness in the core."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Self

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from database.models.base import Base, Numbered, now
from pybirch.samples import Sample as CoreSample


class Sample(Numbered, Base):
    """What is measured; `sample_id` is the lab's own name for it (`pybirch.samples.Sample.ID`).

    Attributes:
        image: the path of a picture as a script gave it; the pictures that are kept are `SampleImage`s.
        updated_at: when anything here was last changed, tags and parents included.
    """

    __tablename__ = "samples"

    sample_id: Mapped[str] = mapped_column(unique=True)
    material: Mapped[str] = mapped_column(default="")
    image: Mapped[str | None] = mapped_column(Text, default=None)
    description: Mapped[str] = mapped_column(Text, default="")
    status: Mapped[str] = mapped_column(default="")
    extra_data: Mapped[dict[str, Any]] = mapped_column(default=dict)
    lab_id: Mapped[int | None] = mapped_column(ForeignKey("labs.id", ondelete="SET NULL"), default=None)
    project_id: Mapped[int | None] = mapped_column(
        ForeignKey("projects.id", ondelete="SET NULL"), default=None
    )
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now, sort_order=92)

    tag_rows: Mapped[list[SampleTag]] = relationship(
        lazy="selectin", order_by="SampleTag.place", cascade="all, delete-orphan", passive_deletes=True
    )

    @property
    def additional_tags(self) -> list[str]:
        """Words to find it by, in the order they were given."""
        return [row.tag for row in self.tag_rows]

    @additional_tags.setter
    def additional_tags(self, tags: Iterable[str]) -> None:
        known = {row.tag: row for row in self.tag_rows}
        rows = [known.get(tag) or SampleTag(tag=tag) for tag in dict.fromkeys(tags)]
        for place, row in enumerate(rows):
            row.place = place
        self.tag_rows = rows

    def to_pybirch_sample(self) -> CoreSample:
        return CoreSample(
            ID=self.sample_id,
            material=self.material or "",
            additional_tags=self.additional_tags,
            image=self.image,
        ).taken()

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


class SampleTag(Base):
    """A word on a sample."""

    __tablename__ = "sample_tags"
    __table_args__ = (Index("ix_sample_tags_tag", "tag", "sample_id"),)

    sample_id: Mapped[int] = mapped_column(
        ForeignKey("samples.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    tag: Mapped[str] = mapped_column(primary_key=True)
    place: Mapped[int] = mapped_column(default=0)


class SampleOrigin(Base):
    """One sample was made from another: cut from it, grown on it, joined of several."""

    __tablename__ = "sample_origins"
    __table_args__ = (Index("ix_sample_origins_parent_id", "parent_id"),)

    child_id: Mapped[int] = mapped_column(
        ForeignKey("samples.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    parent_id: Mapped[int] = mapped_column(
        ForeignKey("samples.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )


class SampleImage(Numbered, Base):
    """A picture of a sample; its bytes are a file named by `digest` (see `database.images`).

    Attributes:
        place: the lowest of a sample's is its cover.
    """

    __tablename__ = "sample_images"
    __table_args__ = (UniqueConstraint("sample_id", "digest"),)

    sample_id: Mapped[int] = mapped_column(ForeignKey("samples.id", ondelete="CASCADE"))
    digest: Mapped[str]
    media_type: Mapped[str]
    width: Mapped[int]
    height: Mapped[int]
    size: Mapped[int]
    caption: Mapped[str] = mapped_column(default="")
    added_by: Mapped[str] = mapped_column(default="")
    place: Mapped[int] = mapped_column(default=0)
