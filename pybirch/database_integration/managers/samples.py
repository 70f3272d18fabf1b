"""Samples between script and record."""

from __future__ import annotations

from typing import Any

from database.models import Sample as SampleRow
from database.services import DatabaseService
from pybirch.errors import NotFoundError
from pybirch.samples import Sample


class SampleManager:
    """Keeps `pybirch.Sample` objects in the record and gives them back."""

    def __init__(self, db: DatabaseService) -> None:
        self._db = db

    def to_db(self, sample: Sample, **fields: Any) -> SampleRow:
        """The sample's record, made or brought up to date; `fields` are columns of the record."""
        row = self._db.samples.take_up(sample)
        return self._db.samples.update(row.id, **fields) if fields else row

    def from_db(self, sample_id: int | str) -> Sample:
        """The sample of that record.

        Raises:
            NotFoundError: no such sample.
        """
        return self._db.get_sample_by_id(sample_id).to_pybirch_sample()

    def sync(self, sample: Sample) -> Sample:
        """Make record and sample agree: the record gains what the sample has; what it lacks it is given."""
        try:
            known = self.from_db(sample.ID)
        except NotFoundError:
            return self.to_db(sample).to_pybirch_sample()
        merged = Sample(
            sample.ID,
            sample.material or known.material,
            list(dict.fromkeys([*known.tags, *sample.tags])),
            sample.image or known.image,
        )
        return self.to_db(merged).to_pybirch_sample()
