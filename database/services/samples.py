"""Samples, by the lab's own name for them."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from database.models.sample import Sample
from database.services.records import Records
from database.session import Database
from pybirch.samples import Sample as CoreSample


class Samples(Records[Sample]):
    def __init__(self, database: Database) -> None:
        super().__init__(
            database, Sample, text_key="sample_id", search=("sample_id", "material", "description")
        )

    def take_up(self, sample: CoreSample) -> Sample:
        """The stored sample of that ID; made, or brought up to what `sample` says."""
        return self._db.transact(lambda session: self._loaded(session, keep_sample(session, sample)))


def keep_sample(session: Session, sample: CoreSample) -> Sample:
    """The row of a core sample, made where there is none; empty fields do not erase."""
    row = session.scalars(select(Sample).where(Sample.sample_id == str(sample.ID))).first()
    if row is None:
        row = Sample.from_pybirch_sample(sample)
        session.add(row)
    else:
        row.material = sample.material or row.material
        row.additional_tags = list(sample.tags) or row.additional_tags
        row.image = str(sample.image) if sample.image else row.image
    session.flush()
    return row
