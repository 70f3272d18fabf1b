"""Samples between script and record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from database.images import MOST_BYTES, ImageStore
from database.models import Sample as SampleRow
from database.services import DatabaseService
from pybirch.errors import FieldError
from pybirch.samples import Sample


class SampleManager:
    """Keeps `pybirch.Sample` objects in the record and gives them back.

    Both ways the newest wins, field by field (`Sample.newest`): what was changed in the script since the
    sample was taken from the record is newer than the record, everything else is the record's. A sample
    that a script wrote itself says something with the fields it fills and nothing with those it leaves
    empty; its tags are added.

    Args:
        images: where pictures are kept. With it, the file that `Sample.image` names becomes a picture of
            the record, and `from_db` gives the path of the cover; without it, the path alone is kept.
    """

    def __init__(self, db: DatabaseService, images: ImageStore | None = None) -> None:
        self._db = db
        self._images = images

    def to_db(self, sample: Sample, **fields: Any) -> SampleRow:
        """The sample's record, made or brought up to date; `fields` are columns of the record.

        Raises:
            FieldError: a field is wrong; ``image``: the file it names is no picture, or too large.
        """
        row = self._db.samples.take_up(sample)
        self._keep_picture(row, sample)
        return self._db.samples.update(row.id, **fields) if fields else row

    def from_db(self, sample_id: int | str) -> Sample:
        """The sample of that record.

        Raises:
            NotFoundError: no such sample.
        """
        row = self._db.get_sample_by_id(sample_id)
        sample = row.to_pybirch_sample()
        cover = self._db.pictures.covers([row.id]).get(row.id) if self._images else None
        if cover is not None and self._images is not None:
            sample.image = self._images.path(cover.digest)
            sample.taken()
        return sample

    def sync(self, sample: Sample) -> Sample:
        """Make record and sample agree, and give the sample, which is changed in place."""
        self.to_db(sample)
        newest = self.from_db(sample.ID)
        sample.material, sample.image = newest.material, newest.image
        sample.tags, sample.additional_tags = list(newest.tags), list(newest.tags)
        return sample.taken()

    def _keep_picture(self, row: SampleRow, sample: Sample) -> None:
        """The file a script names, if it is there and was named anew."""
        if self._images is None or not sample.image:
            return
        if sample.origin is not None and sample.image == sample.origin.image:
            return
        file = Path(sample.image)
        if not file.is_file():
            return
        if file.stat().st_size > MOST_BYTES:
            raise FieldError("image", f"{file} has more than {MOST_BYTES:,} bytes")
        kept = self._images.keep(file.read_bytes())
        added = self._db.pictures.add(row.id, kept, caption=file.name)
        self._db.pictures.make_cover(row.id, added.id)
