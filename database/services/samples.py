"""Samples, by the lab's own name for them: tags, descent, and what scripts say of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from database.models.base import now
from database.models.sample import Sample, SampleTag
from database.services import descent
from database.services.belonging import refuse_archived
from database.services.fields import checked, moment, text_of
from database.services.records import Key, Records, Rows
from database.session import Database
from pybirch.errors import EditConflictError, FieldError, NotFoundError
from pybirch.samples import Sample as CoreSample

MOST_TAGS = 100


class Samples(Records[Sample]):
    """Beside its columns a sample takes `additional_tags` and `parents` (samples it was made from)."""

    def __init__(self, database: Database) -> None:
        super().__init__(
            database, Sample, text_key="sample_id", search=("sample_id", "material", "description")
        )

    def create(self, **fields: Any) -> Sample:
        return self._db.transact(lambda session: self.make(session, fields))

    def update(self, key: Key, *, seen: datetime | str | None = None, **fields: Any) -> Sample:
        """Change fields of a sample.

        Args:
            seen: its `updated_at` as the author of the change knows it.

        Raises:
            EditConflictError: it has been changed since; nothing is done.
        """

        def work(session: Session) -> Sample:
            row = session.scalars(self._select(key).with_for_update(of=Sample)).first()
            if row is None:
                raise NotFoundError(f"there is no sample {key!r}")
            if seen is not None and row.updated_at != moment(seen, "seen"):
                raise EditConflictError(f"Somebody has changed {row.sample_id} since you looked.")
            return self.change(session, row, fields)

        return self._db.transact(work)

    def make(self, session: Session, fields: Mapping[str, Any]) -> Sample:
        """`create`, within a transaction."""
        own, tags, parents = _parted(fields)
        row = Sample(**checked(Sample, own, new=True))
        _check_name(row.sample_id)
        row.additional_tags = tags or []
        session.add(row)
        self._flush(session, own)
        if parents:
            descent.set_parents(session, row, parents)
        return self._loaded(session, row)

    def change(self, session: Session, row: Sample, fields: Mapping[str, Any]) -> Sample:
        """`update`, within a transaction."""
        own, tags, parents = _parted(fields)
        for name, value in checked(Sample, own, new=False).items():
            setattr(row, name, value)
        _check_name(row.sample_id)
        if tags is not None:
            row.additional_tags = tags
        row.updated_at = now()
        self._flush(session, own)
        if parents is not None:
            descent.set_parents(session, row, parents)
        return self._loaded(session, row)

    def restore(self, key: Key) -> Sample:
        """Take an archived sample back into the lists."""
        return self.update(key, archived_at=None)

    def take_up(self, sample: CoreSample, *, is_done: bool = False) -> Sample:
        """The stored sample of that ID; made, or brought up to what is newest (`CoreSample.newest`).

        Args:
            is_done: it was measured while nobody could look; one that is archived is taken as it is.

        Raises:
            ArchivedError: the sample is archived.
        """

        def work(session: Session) -> Sample:
            return self._loaded(session, keep_sample(session, sample, is_done=is_done))

        return self._db.transact(work)

    def parents(self, key: Key) -> Rows[Sample]:
        """What it was made from."""
        with self._db.read() as session:
            return descent.parents(session, self._load(session, key).id)

    def children(self, key: Key) -> Rows[Sample]:
        """What was made from it."""
        with self._db.read() as session:
            return descent.children(session, self._load(session, key).id)

    def tags(self) -> dict[str, int]:
        """Every tag in use, and how many samples have it; archived ones do not count."""
        counted = func.count().label("samples")
        query = (
            select(SampleTag.tag, counted)
            .join(Sample, Sample.id == SampleTag.sample_id)
            .where(Sample.archived_at.is_(None))
            .group_by(SampleTag.tag)
            .order_by(SampleTag.tag)
        )
        with self._db.read() as session:
            return {row[0]: row[1] for row in session.execute(query)}

    def _filtered(
        self, session: Session, search: str | None, archived: bool, filters: Mapping[str, Any]
    ) -> Select[Sample]:
        """`tag` is a filter too: a tag, or several that a sample must have all of."""
        rest = dict(filters)
        wanted = rest.pop("tag", None)
        query = super()._filtered(session, search, archived, rest)
        for tag in [wanted] if isinstance(wanted, str) else wanted or ():
            tagged = select(SampleTag.sample_id).where(SampleTag.tag == tag)
            query = query.where(Sample.id.in_(tagged))
        return query


def keep_sample(
    session: Session, sample: CoreSample, kept: int | None = None, *, is_done: bool = False
) -> Sample:
    """The row of a core sample, made where there is none, else brought up to what is newest.

    Args:
        kept: number of the sample that a scan has already, archived or not.
        is_done: one that is archived is taken as it is.

    Raises:
        ArchivedError: the sample is archived.
    """
    query = select(Sample).where(Sample.sample_id == str(sample.ID)).with_for_update(of=Sample)
    query = query.execution_options(populate_existing=True)  # a scan may have brought it unlocked
    row = session.scalars(query).first()
    if row is None:
        made = Sample.from_pybirch_sample(sample, additional_tags=clean_tags(sample.tags))
        try:
            with session.begin_nested():
                session.add(made)
                session.flush()
            return made
        except IntegrityError:  # somebody stored it in the same moment
            row = session.scalars(query).one()
    if is_done and row.archived_at is not None:
        return row
    if row.id != kept:
        refuse_archived(row, "sample_id")
    known = row.to_pybirch_sample()
    new = sample.newest(known)
    if (new.material, new.tags, new.image) != (known.material, known.tags, known.image):
        row.material = new.material
        row.additional_tags = clean_tags(new.tags)
        row.image = str(new.image) if new.image else None
        row.updated_at = now()
        session.flush()
    return row


def clean_tags(tags: Iterable[Any]) -> list[str]:
    """Tags without blanks around them and without doubles.

    Raises:
        FieldError: one is too long, or they are too many.
    """
    if isinstance(tags, str | Mapping):
        raise FieldError("additional_tags", "must be a list of words")
    words = [text_of(f"additional_tags[{i}]", tag, 255).strip() for i, tag in enumerate(tags)]
    made = list(dict.fromkeys(word for word in words if word))
    if len(made) > MOST_TAGS:
        raise FieldError("additional_tags", f"{len(made)} are too many; {MOST_TAGS} at most")
    return made


def _parted(fields: Mapping[str, Any]) -> tuple[dict[str, Any], list[str] | None, list[Key] | None]:
    """Columns; tags; parents. None: not given."""
    own = dict(fields)
    tags, parents = own.pop("additional_tags", None), own.pop("parents", None)
    return (
        own,
        None if tags is None else clean_tags(tags),
        None if parents is None else list(parents),
    )


def _check_name(sample_id: str) -> None:
    if not sample_id.strip():
        raise FieldError("sample_id", "a sample needs a name")
