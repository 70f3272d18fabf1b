"""Lists of scans that stay quick however long the record is.

A page is found by the numbers of its scans alone, along an index in the list's order (migration
0013), and only then are its rows looked at. Words are looked up in the search index.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal_column, select
from sqlalchemy.orm import Session

from database.models.project import Project
from database.models.queue import Queue
from database.models.sample import Sample
from database.models.scan import Scan
from database.services.fields import moment
from database.services.records import Records, Rows, equals, page_size
from database.services.resolve import number_of
from database.services.scan_states import state_of
from database.services.search import matching, words_of
from database.session import Database

INDEXED = ("status", "owner", "project_name", "sample_id")
"""Columns that are filtered by, each with an index in the order of time."""
FEW = 2000
"""As many scans that have some words, or are of a project, are looked at one by one."""


class ScanLists(Records[Scan]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, Scan, text_key="scan_id")

    def list(
        self,
        *,
        search: str | None = None,
        sort: str | None = None,
        limit: int = 100,
        offset: int = 0,
        archived: bool = False,
        state: Any = None,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        of_project: Project | None = None,
        **filters: Any,
    ) -> Rows[Scan]:
        """A page of scans, newest first unless `sort` or a `queue_id` (queue order) says otherwise.

        Args:
            search: words, or their beginnings, that a scan must all have (`db.search`).
            state: one `ScanState` or several.
            since: made then or later.
            until: made before then.
            of_project: done for this project, or only naming it, as scripts did before it was made.
        """
        if sort is None:
            sort = "queue_order" if filters.get("queue_id") is not None else "-created_at"
        filters = _with_state(filters, state)
        with self._db.read() as session:
            query = self._numbers(session, search, archived, filters, (since, until), sort, of_project)
            page = query.order_by(*self._order(sort)).limit(page_size(limit)).offset(max(0, offset))
            numbers = Rows(session.scalars(page))
            rows = session.scalars(select(Scan).where(Scan.id.in_(numbers))).unique()
            by_number = {row.id: row for row in rows}
        return [by_number[number] for number in numbers if number in by_number]

    def count(
        self,
        *,
        search: str | None = None,
        archived: bool = False,
        state: Any = None,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        of_project: Project | None = None,
        **filters: Any,
    ) -> int:
        filters = _with_state(filters, state)
        words = words_of(search or "")
        with self._db.read() as session:
            if words and not filters and since is None and until is None and of_project is None:
                return self._count_words(session, words, archived)
            query = self._numbers(session, search, archived, filters, (since, until), None, of_project)
            return session.scalar(query.with_only_columns(func.count(Scan.id))) or 0

    def _numbers(
        self,
        session: Session,
        search: str | None,
        archived: bool,
        filters: Mapping[str, Any],
        between: tuple[datetime | str | None, datetime | str | None],
        sort: str | None,
        of_project: Project | None,
    ) -> Select[Any]:
        """The numbers of the scans that fit."""
        query = self._filtered(session, None, archived, {}).with_only_columns(Scan.id)
        led = _led_by(filters, sort)
        for name, value in self._resolved(session, filters).items():
            self._field(name)
            column = self._table[name] if name in (led, "queue_id") else self._aside(name)
            query = query.where(equals(column, value))
        since, until = between
        if since is not None:
            query = query.where(Scan.created_at >= moment(since, "since"))
        if until is not None:
            query = query.where(Scan.created_at < moment(until, "until"))
        if of_project is not None:
            query = self._among(session, query, done_for(of_project, archived))
        if search and search.strip():
            query = self._with_words(session, query, words_of(search))
        return query

    def _with_words(self, session: Session, query: Select[Any], words: Sequence[str]) -> Select[Any]:
        """The query limited to scans with these words."""
        if not words:
            return query.where(Scan.id.is_(None))
        return self._among(session, query, matching("scans", words, self._db.is_sqlite))

    def _among(self, session: Session, query: Select[Any], found: Select[Any]) -> Select[Any]:
        """The query limited to the scans with these numbers."""
        first = Rows(session.scalars(found.limit(FEW + 1)))
        if len(first) <= FEW:
            return query.where(Scan.id.in_(first))
        return query.where(self._aside("id").in_(found))

    def _count_words(self, session: Session, words: Sequence[str], archived: bool) -> int:
        """How many scans have these words, from the search index alone, less the archived ones."""
        found = matching("scans", words, self._db.is_sqlite)
        every = session.scalar(select(func.count()).select_from(found.subquery())) or 0
        if archived or not every:
            return every
        gone = select(func.count(Scan.id)).where(Scan.archived_at.is_not(None), self._aside("id").in_(found))
        return every - (session.scalar(gone) or 0)

    def _aside(self, name: str) -> ColumnElement[Any]:
        """A column that SQLite is to look at, but not to look up.

        It has no statistics to know that nearly all scans are completed, so that finding these and
        sorting them is the slower way; the ``+`` takes that way from it.
        """
        column = self._table[name]
        return literal_column(f"+scans.{name}", column.type) if self._db.is_sqlite else column

    def _order(self, sort: str | None) -> tuple[Any, ...]:
        """By the field, then by time of creation."""
        column, number = super()._order(sort)
        field, falling = (sort or "").removeprefix("-"), (sort or "").startswith("-")
        if field in ("created_at", "queue_order"):
            return column, number
        return column, Scan.created_at.desc() if falling else Scan.created_at, number

    def _resolved(self, session: Session, fields: Mapping[str, Any]) -> dict[str, Any]:
        resolved = dict(fields)
        for name, model, text, field in (
            ("queue_id", Queue, Queue.queue_id, ""),
            ("sample_id", Sample, Sample.sample_id, "sample_id"),
            ("project_id", Project, Project.name, "project_id"),
        ):
            if isinstance(resolved.get(name), str):
                resolved[name] = number_of(session, model, text, resolved[name], field)
        return resolved


def done_for(project: Project, archived: bool = False) -> Select[Any]:
    """The numbers of a project's scans: those linked to it, and those without a link that have its name."""
    alone = (Scan.project_id.is_(None), Scan.project_name == project.name)
    kept = () if archived else (Scan.archived_at.is_(None),)
    linked = select(Scan.id).where(Scan.project_id == project.id, *kept)
    both = linked.union_all(select(Scan.id).where(*alone, *kept)).subquery()
    return select(both.c.id)


def _led_by(filters: Mapping[str, Any], sort: str | None) -> str | None:
    """The column along whose index the list is read: the one sorted by, or one that has one value."""
    field = (sort or "-created_at").removeprefix("-")
    if field != "created_at":
        return field
    several = (Rows, tuple, set, frozenset)
    return next((n for n, v in filters.items() if n in INDEXED and not isinstance(v, several)), field)


def _with_state(filters: Mapping[str, Any], state: Any) -> dict[str, Any]:
    if state is None:
        return dict(filters)
    several = not isinstance(state, str)
    return dict(filters) | {"status": [state_of(s) for s in state] if several else state_of(state)}
