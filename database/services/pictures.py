"""Pictures of samples: which sample has which, in what order. Their bytes are an `ImageStore`'s."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from database.images import KeptImage
from database.models.base import now
from database.models.sample import Sample, SampleImage
from database.services.fields import text_of
from database.services.records import Key, Records
from database.services.resolve import number_of
from database.session import Database
from pybirch.errors import FieldError, NotFoundError

MOST_PICTURES = 200
"""Of one sample."""


class Pictures(Records[SampleImage]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, SampleImage, search=("caption",))

    def require_place(self, sample: int) -> None:
        """Raise FieldError if the sample has as many pictures as it may; asked before one is kept."""
        if self.count(sample_id=sample) >= MOST_PICTURES:
            raise FieldError("image", f"this sample has {MOST_PICTURES} pictures; take one off first")

    def add(self, sample: Key, kept: KeptImage, *, caption: str = "", added_by: str = "") -> SampleImage:
        """Give a sample a picture that is kept; the same one again changes its caption.

        Raises:
            NotFoundError: no such sample.
            FieldError: it has too many.
        """
        caption = text_of("caption", caption, 255).strip()

        def work(session: Session) -> SampleImage:
            number = self._touched(session, sample)
            same = select(SampleImage).where(
                SampleImage.sample_id == number, SampleImage.digest == kept.digest
            )
            row = session.scalars(same).first()
            if row is None:
                row = self._new(session, number, kept, added_by)
            elif row.archived_at is not None:
                row.archived_at, row.place = None, self._next_place(session, number)
            row.caption = caption or row.caption or ""
            return self._loaded(session, row)

        return self._db.transact(work, repeatable=True)

    def of(self, sample: Key) -> list[SampleImage]:
        """A sample's pictures, the cover first."""
        with self._db.read() as session:
            return list(session.scalars(self._mine(number_of(session, Sample, Sample.sample_id, sample))))

    def one(self, sample: int, number: int) -> SampleImage:
        """That picture of that sample.

        Raises:
            NotFoundError: it has none of that number.
        """
        with self._db.read() as session:
            return self._of(session, sample, number)

    def covers(self, samples: Iterable[int]) -> dict[int, SampleImage]:
        """Sample's number -> its cover, of those that have one."""
        query = (
            select(SampleImage)
            .where(SampleImage.sample_id.in_(list(samples)), SampleImage.archived_at.is_(None))
            .order_by(SampleImage.place.desc(), SampleImage.id.desc())
        )
        with self._db.read() as session:
            return {row.sample_id: row for row in session.scalars(query)}

    def make_cover(self, sample: int, number: int) -> SampleImage:
        """Show this one first."""

        def work(session: Session) -> SampleImage:
            self._touched(session, sample)
            row = self._of(session, sample, number)
            lowest = session.scalar(select(func.min(SampleImage.place)).where(_of_sample(sample)))
            row.place = (lowest or 0) - 1
            return self._loaded(session, row)

        return self._db.transact(work, repeatable=True)

    def take_off(self, sample: int, number: int) -> SampleImage:
        """Show it no more; record and file are kept."""

        def work(session: Session) -> SampleImage:
            self._touched(session, sample)
            row = self._of(session, sample, number)
            row.archived_at = now()
            return self._loaded(session, row)

        return self._db.transact(work, repeatable=True)

    def _new(self, session: Session, sample: int, kept: KeptImage, added_by: str) -> SampleImage:
        if len(session.scalars(self._mine(sample)).all()) >= MOST_PICTURES:
            raise FieldError("image", f"this sample has {MOST_PICTURES} pictures; take one off first")
        row = SampleImage(
            sample_id=sample,
            digest=kept.digest,
            media_type=kept.media_type,
            width=kept.width,
            height=kept.height,
            size=kept.size,
            added_by=added_by,
            place=self._next_place(session, sample),
        )
        session.add(row)
        return row

    def _next_place(self, session: Session, sample: int) -> int:
        last = session.scalar(select(func.max(SampleImage.place)).where(_of_sample(sample)))
        return 0 if last is None else last + 1

    def _of(self, session: Session, sample: int, number: int) -> SampleImage:
        row = session.scalars(self._mine(sample).where(SampleImage.id == number)).first()
        if row is None:
            raise NotFoundError(f"sample {sample} has no picture {number}")
        return row

    def _touched(self, session: Session, sample: Key) -> int:
        """The sample's number; it has changed from now on, and its pictures are this transaction's alone."""
        column = Sample.sample_id if isinstance(sample, str) else Sample.id
        row = session.scalars(select(Sample).where(column == sample).with_for_update(of=Sample)).first()
        if row is None:
            raise NotFoundError(f"there is no sample {sample!r}")
        row.updated_at = now()
        return row.id

    @staticmethod
    def _mine(sample: int) -> Select[SampleImage]:
        shown = _of_sample(sample) & SampleImage.archived_at.is_(None)
        return select(SampleImage).where(shown).order_by(SampleImage.place, SampleImage.id)


def _of_sample(sample: int) -> ColumnElement[bool]:
    return SampleImage.sample_id == sample
