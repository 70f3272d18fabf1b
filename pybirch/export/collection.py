"""Scans that belong together, with what goes along: a project, or just one scan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pybirch.dataset.measurement import MeasurementData
from pybirch.dataset.scan import ScanData


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureFacts:
    """A picture of a sample; the file at `path` is read when it is written.

    Attributes:
        digest: SHA-256 of its bytes, as the record has it.
    """

    path: Path
    media_type: str
    digest: str
    size: int
    caption: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleFacts:
    """A sample as its record describes it; of its pictures the first is its cover."""

    ID: str
    material: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    pictures: tuple[PictureFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes along; `path` is read when it is written."""

    name: str
    path: Path
    description: str = ""


@dataclass(frozen=True, slots=True)
class Collection:
    """What an .eln is made of.

    Args:
        title: of the whole.
        scans: each is asked for when its turn comes.
        samples: what is known of those that the scans name, and others.
        files: that go along.
    """

    title: str
    scans: Sequence[Callable[[], ScanData | MeasurementData]]
    description: str = ""
    samples: Sequence[SampleFacts] = ()
    files: Sequence[Attachment] = field(default_factory=tuple)

    @property
    def size_of_pictures(self) -> int:
        """Bytes."""
        return sum(picture.size for sample in self.samples for picture in sample.pictures)

    @classmethod
    def of(cls, *scans: ScanData | MeasurementData) -> Collection:
        facts = scans[0].source.facts()
        title = facts.name or facts.scan_id if len(scans) == 1 else f"{len(scans)} scans"
        return cls(title, [lambda scan=scan: scan for scan in scans])
