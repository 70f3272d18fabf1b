"""Full-text search over scans, samples, queues and instruments, on both databases alike.

    db.search("gaas iv")                      # hits of all kinds, best first
    db.search("gaas", kinds=["sample"])

Words are found by their beginnings, and all of them must be there; case, accents and punctuation do
not matter. The index is kept by the database itself (migration 0012), so that what was changed by
any path is found by its new words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, TextualSelect, column, select, table, text
from sqlalchemy.orm import Session

from database.models.base import Serial, UtcDateTime
from database.models.equipment import Equipment, InstrumentStatus
from database.models.queue import Queue
from database.models.sample import Sample
from database.models.scan import Scan
from database.session import Database
from pybirch.errors import FieldError

TABLES = {"scan": "scans", "sample": "samples", "queue": "queues", "instrument": "equipment"}
"""What can be found, and where it is kept."""
MOST_WORDS = 32
MOST_HITS = 1000
_LONGEST_WORD = 200
_WORD = re.compile(r"[^\W_]+")
_MARKS = re.compile("[\u0300-\u036f]")

_TELL: dict[str, Any] = {
    "scan": select(Scan.id, Scan.scan_id, Scan.scan_name, Scan.project_name, Scan.status),
    "sample": select(Sample.id, Sample.sample_id, Sample.sample_id, Sample.material, Sample.status),
    "queue": select(Queue.id, Queue.queue_id, Queue.name, Queue.station, Queue.status),
    "instrument": select(
        Equipment.id, Equipment.id, Equipment.name, Equipment.nickname, InstrumentStatus.status
    ).outerjoin(InstrumentStatus, InstrumentStatus.equipment_id == Equipment.id),
}
"""Kind -> number, key, title, note, status of its rows."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A row that was found.

    Attributes:
        number: of its row.
        id: what it is called in addresses: scan_id, queue_id, a sample's ID, an instrument's number.
        note: what tells it from others of its title: project, material, station, nickname.
    """

    kind: str
    number: int
    id: str | int
    title: str
    note: str
    status: str
    created_at: datetime
    archived: bool


@dataclass(frozen=True, slots=True)
class _Found:
    kind: str
    number: int
    created_at: datetime
    archived: bool


def words_of(text: str) -> list[str]:
    """The words of a query, without accents; whatever else is in it separates them."""
    plain = _MARKS.sub("", unicodedata.normalize("NFKD", text))
    found = _WORD.findall(unicodedata.normalize("NFKC", plain))
    return [word[:_LONGEST_WORD] for word in dict.fromkeys(found)][:MOST_WORDS]


def matching(table_name: str, words: Sequence[str], is_sqlite: bool) -> Select[Any]:
    """The numbers of the rows of a table that have all these words, of which there is at least one."""
    if is_sqlite:
        index = f"search_{table_name}_index"
        test = text(f"{index} MATCH :words").bindparams(words=_fts5(words)[-1])
        return select(column("rowid")).select_from(table(index)).where(test)
    test = text("vector @@ to_tsquery('simple', :words)").bindparams(words=_tsqueries(words)[-1])
    return select(column("id")).select_from(table(f"search_{table_name}")).where(test)


class Search:
    """`db.search`: finds rows by their words."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def __call__(
        self,
        text: str,
        kinds: Sequence[str] | None = None,
        limit: int = 20,
        offset: int = 0,
        *,
        archived: bool = False,
    ) -> list[Hit]:
        """What has all words of `text`: first by whole words of the title, then by beginnings of
        the title's, then the others; among equals the newest first.

        Args:
            kinds: of ``scan, sample, queue, instrument``; all without.
            archived: archived ones too.

        Raises:
            FieldError: there is no such kind.
        """
        wanted, words = _checked(kinds), words_of(text)
        start, end = max(0, offset), max(0, offset) + min(limit, MOST_HITS)
        if not words or end <= start:
            return []
        with self._db.read() as session:
            return _told(session, self._find(session, words, wanted, end, archived)[start:end])

    def by_kind(
        self, text: str, kinds: Sequence[str] | None = None, limit: int = 6, *, archived: bool = False
    ) -> dict[str, list[Hit]]:
        """The best `limit` hits of each kind; kinds without any are left out."""
        found = {kind: self(text, [kind], limit, archived=archived) for kind in _checked(kinds)}
        return {kind: hits for kind, hits in found.items() if hits}

    def _find(
        self, session: Session, words: list[str], kinds: list[str], most: int, archived: bool
    ) -> list[_Found]:
        """The best `most`, tier by tier."""
        found: list[_Found] = []
        for tier in _tiers(words, self._db.is_sqlite):
            asked = tier | {"archived": archived, "most": most - len(found)}
            here = [
                _Found(kind, row.id, row.created_at, row.archived_at is not None)
                for kind in kinds
                for row in session.execute(_statement(kind, self._db.is_sqlite), asked)
            ]
            found += sorted(here, key=lambda one: (one.created_at, one.number), reverse=True)
            if len(found) >= most:
                break
        return found


def _statement(kind: str, is_sqlite: bool) -> TextualSelect:
    """Rows of a kind that fit the query and not what was asked before, the newest first."""
    name = TABLES[kind]
    number, test = "rowid", f"f.search_{name}_index MATCH :query"
    if not is_sqlite:
        asked, before = "to_tsquery('simple', :query)", "to_tsquery('simple', :before)"
        number, test = "id", f"f.vector @@ {asked} AND NOT f.vector @@ {before}"
    return text(
        "SELECT r.id, r.created_at, r.archived_at "
        f"FROM search_{name}{'_index' if is_sqlite else ''} AS f JOIN {name} AS r ON r.id = f.{number} "
        f"WHERE {test} AND (r.archived_at IS NULL OR :archived) ORDER BY f.{number} DESC LIMIT :most"
    ).columns(id=Serial, created_at=UtcDateTime(), archived_at=UtcDateTime())


def _fts5(words: Sequence[str]) -> tuple[str, str, str]:
    """FTS5's queries: whole words of the title, their beginnings, beginnings anywhere."""
    return (
        " AND ".join(f'title : "{word}"' for word in words),
        " AND ".join(f'title : "{word}" *' for word in words),
        " AND ".join(f'"{word}" *' for word in words),
    )


def _tsqueries(words: Sequence[str]) -> tuple[str, str, str]:
    """The same for PostgreSQL, where the title's words have weight A."""
    return (
        " & ".join(f"'{word}':A" for word in words),
        " & ".join(f"'{word}':*A" for word in words),
        " & ".join(f"'{word}':*" for word in words),
    )


def _tiers(words: Sequence[str], is_sqlite: bool) -> Iterator[dict[str, str]]:
    """Each query as the statement takes it, without what those before it find."""
    queries = _fts5(words) if is_sqlite else _tsqueries(words)
    for query, before in zip(queries, ("", *queries), strict=False):
        if is_sqlite:
            yield {"query": f"({query}) NOT ({before})" if before else query}
        else:
            yield {"query": query, "before": before}


def _told(session: Session, found: Sequence[_Found]) -> list[Hit]:
    rows: dict[tuple[str, int], Any] = {}
    for kind in {one.kind for one in found}:
        tell = _TELL[kind]
        numbers = [one.number for one in found if one.kind == kind]
        for row in session.execute(tell.where(tell.selected_columns[0].in_(numbers))):
            rows[kind, row[0]] = row[1:]
    return [_hit(one, *rows[one.kind, one.number]) for one in found if (one.kind, one.number) in rows]


def _hit(found: _Found, key: str | int, title: str, note: str | None, status: Any) -> Hit:
    return Hit(
        kind=found.kind,
        number=found.number,
        id=key,
        title=title or str(key),
        note=note or "",
        status=str(status or ""),
        created_at=found.created_at,
        archived=found.archived,
    )


def _checked(kinds: Any) -> list[str]:
    if kinds is None:
        return list(TABLES)
    wanted = [kinds] if isinstance(kinds, str) else list(dict.fromkeys(kinds))
    for kind in wanted:
        if kind not in TABLES:
            raise FieldError("kinds", f"{kind!r} is not one of {', '.join(TABLES)}")
    return wanted
