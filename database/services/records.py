"""Create, get, list, update and archive, once for every model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.interfaces import ORMOption

from database.models.base import Base, now
from database.services.fields import checked
from database.session import Database
from pybirch.errors import FieldError, NotFoundError

M = TypeVar("M", bound=Base)
Rows = list
"""`list` is a method here."""

Key = str | int
"""A row's text id, where its model has one, or its number."""

MOST_ROWS = 1000


class Records(Generic[M]):
    """The rows of one model. What is handed out is loaded and detached.

    Args:
        text_key: the field that names a row to people, for models that have one.
        search: text fields that `list(search=…)` looks into.
        options: what to load with a single row.
    """

    def __init__(
        self,
        database: Database,
        model: type[M],
        *,
        text_key: str | None = None,
        search: tuple[str, ...] = (),
        options: tuple[ORMOption, ...] = (),
    ) -> None:
        self._db = database
        self._model = model
        self._text_key = text_key
        self._search = search
        self._options = options
        self._noun = model.__name__
        self._table: Mapping[str, Any] = model.__table__.c  # type: ignore[assignment]
        self._number = next(iter(model.__table__.primary_key)).name  # type: ignore[arg-type]

    def create(self, **fields: Any) -> M:
        """Store a new row.

        Raises:
            FieldError: a field is unknown, missing, wrong, or must be unique and is not.
        """

        def work(session: Session) -> M:
            row = self._model(**checked(self._model, self._resolved(session, fields), new=True))
            session.add(row)
            self._flush(session, fields)
            return self._loaded(session, row)

        return self._db.transact(work)

    def get(self, key: Key) -> M:
        """The row of that text id or number.

        Raises:
            NotFoundError: there is none.
        """
        with self._db.read() as session:
            return self._load(session, key, *self._options)

    def find(self, key: Key) -> M | None:
        """Like `get`, but None where there is none."""
        with self._db.read() as session:
            return session.scalars(self._select(key).options(*self._options)).unique().first()

    def update(self, key: Key, **fields: Any) -> M:
        """Change fields of a row.

        Raises:
            NotFoundError: there is no such row.
            FieldError: a field is unknown or its value wrong.
        """

        def work(session: Session) -> M:
            row = self._load(session, key)
            for name, value in checked(self._model, self._resolved(session, fields), new=False).items():
                setattr(row, name, value)
            self._flush(session, fields)
            return self._loaded(session, row)

        return self._db.transact(work)

    def archive(self, key: Key) -> M:
        """Take a row out of the lists; it stays in the record."""
        if "archived_at" not in self._table:
            raise FieldError(self._noun, "is a log; its rows are not archived")
        return self.update(key, archived_at=now())

    def count(self, *, search: str | None = None, archived: bool = False, **filters: Any) -> int:
        """How many rows `list` would give without a limit."""
        with self._db.read() as session:
            inner = self._filtered(session, search, archived, filters).order_by(None)
            keys = inner.with_only_columns(self._table[self._number])
            return session.scalar(select(func.count()).select_from(keys.subquery())) or 0

    def list(
        self,
        *,
        search: str | None = None,
        sort: str | None = None,
        limit: int = 100,
        offset: int = 0,
        archived: bool = False,
        **filters: Any,
    ) -> Rows[M]:
        """A page of rows.

        Args:
            sort: a field, with a ``-`` before it for the highest first; by number without.
            archived: archived ones too.
            filters: ``field=value``, or ``field=[values]`` for any of them.
        """
        with self._db.read() as session:
            query = self._filtered(session, search, archived, filters)
            query = query.order_by(*self._order(sort)).limit(page_size(limit)).offset(max(0, offset))
            return Rows(session.scalars(query).unique())

    def _resolved(self, session: Session, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Fields with text ids of other rows replaced by their numbers; for subclasses."""
        return dict(fields)

    def _select(self, key: Key) -> Select[M]:
        if isinstance(key, str) and self._text_key is None:
            raise FieldError(self._number, f"{key!r}: a {self._noun} is named by its number")
        column = self._table[self._text_key if isinstance(key, str) and self._text_key else self._number]
        return select(self._model).where(column == key)

    def _load(self, session: Session, key: Key, *options: ORMOption) -> M:
        row = session.scalars(self._select(key).options(*options)).unique().first()
        if row is None:
            raise NotFoundError(f"there is no {self._noun.lower()} {key!r}")
        return row

    def _alone(self, session: Session, key: Key, *options: ORMOption) -> M:
        """`_load`, once what belongs to the row is this transaction's alone; others may refer to it still."""
        number = self._table[self._number]
        session.execute(self._select(key).with_only_columns(number).with_for_update(key_share=True))
        return self._load(session, key, *options)

    def _loaded(self, session: Session, row: M) -> M:
        """The stored row with everything a reader may look at."""
        session.flush()
        number = getattr(row, self._number)
        session.expire(row)
        return self._load(session, number, *self._options)

    def _flush(self, session: Session, fields: Mapping[str, Any]) -> None:
        try:
            session.flush()
        except IntegrityError as error:
            raise self._explained(error, fields) from error

    def _explained(self, error: IntegrityError, fields: Mapping[str, Any]) -> FieldError:
        text = str(error.orig)
        if "unique" in text.lower():
            named = [name for name in fields if name in text]
            field = named[0] if named else self._text_key or "name"
            return FieldError(field, f"there is a {self._noun} with {field} {fields.get(field)!r} already")
        named = [name for name, value in fields.items() if value and self._table[name].foreign_keys]
        return FieldError(", ".join(named) or self._noun, f"refers to something that does not exist ({text})")

    def _filtered(
        self, session: Session, search: str | None, archived: bool, filters: Mapping[str, Any]
    ) -> Select[M]:
        query = select(self._model)
        if not archived and "archived_at" in self._table:
            query = query.where(self._table["archived_at"].is_(None))
        if search and self._search:
            tests = [self._table[name].icontains(search, autoescape=True) for name in self._search]
            query = query.where(or_(*tests))
        for name, value in self._resolved(session, filters).items():
            query = query.where(equals(self._field(name), value))
        return query

    def _field(self, name: str) -> Any:
        if name not in self._table:
            raise FieldError(name, f"is not a field of {self._noun}")
        return self._table[name]

    def _order(self, sort: str | None) -> tuple[Any, ...]:
        number = self._table[self._number]
        if not sort:
            return (number,)
        name, falling = sort.removeprefix("-"), sort.startswith("-")
        if name not in self._table:
            raise FieldError("sort", f"{name!r} is not a field of {self._noun}")
        column = self._table[name]
        return (column.desc(), number.desc()) if falling else (column, number)


def equals(column: Any, value: Any) -> Any:
    """The test that a column has this value, or one of several."""
    return column.in_(Rows(value)) if isinstance(value, Rows | tuple | set | frozenset) else column == value


def page_size(limit: int) -> int:
    """The rows of one page."""
    if limit < 0:
        raise FieldError("limit", f"{limit} is negative")
    return min(limit, MOST_ROWS)
