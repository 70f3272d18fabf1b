"""Two stored scans compared, and what changed since the last one that was good."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from database.models.base import now
from database.models.conditions import ScanConditions
from database.models.scan import Scan
from database.services.records import Key, Records
from pybirch.scan.differences import Comparison, compare
from pybirch.states import ScanState


class Comparisons(Records[Scan]):
    """The part of `Scans` that compares."""

    def differences(self, before: Key, after: Key) -> Comparison:
        """What is different in scan `after`: settings, tree, instruments, drivers, software, sample, terms.

        Raises:
            NotFoundError: there is no such scan.
        """
        return compare(self.account(before), self.account(after))

    def changes(self, scan_id: Key, since: Key | None = None) -> tuple[Scan | None, Comparison]:
        """What changed since another scan, or since the last good one; and which that is.

        Returns:
            None and an empty comparison where there was no good one.

        Raises:
            NotFoundError: there is no such scan.
        """
        other = self.last_good(scan_id) if since is None else self.get(since)
        return other, Comparison() if other is None else self.differences(other.id, scan_id)

    def last_good(self, scan_id: Key) -> Scan | None:
        """The last scan completed before this one began, of the same name in the same project.

        A scan without a project is looked for in its queue.

        Raises:
            NotFoundError: there is no such scan.
        """
        with self._db.read() as session:
            row = self._load(session, scan_id)
            query = self._good_ones(row, row.started_at or now()).limit(1)
            return session.scalars(query).unique().first()

    def good_before(self, scan_id: Key, limit: int = 50) -> list[Scan]:
        """Those that `last_good` chooses from, the last first.

        Raises:
            NotFoundError: there is no such scan.
        """
        with self._db.read() as session:
            row = self._load(session, scan_id)
            query = self._good_ones(row, row.started_at or now()).limit(limit)
            return list(session.scalars(query).unique())

    def account(self, scan_id: Key) -> dict[str, Any]:
        """The scan as `pybirch.scan.differences` compares it.

        Raises:
            NotFoundError: there is no such scan.
        """
        with self._db.read() as session:
            row = self._load(session, scan_id)
            return {
                "settings": row.settings,
                "sample": row.sample.to_pybirch_sample().serialize() if row.sample else None,
                "terms": dict(row.terms or {}),
                "owner": row.owner,
                "conditions": _newest_conditions(session, row),
            }

    def _good_ones(self, row: Scan, began: datetime) -> Any:
        query = select(Scan).where(
            Scan.id != row.id,
            Scan.status == ScanState.COMPLETED,
            Scan.scan_name == row.scan_name,
            Scan.finished_at <= began,
            Scan.archived_at.is_(None),
        )
        if row.project_name:
            query = query.where(Scan.project_name == row.project_name)
        else:
            query = query.where(Scan.project_name == "", Scan.queue_id.is_not_distinct_from(row.queue_id))
        return query.order_by(Scan.finished_at.desc(), Scan.id.desc())


def _newest_conditions(session: Session, row: Scan) -> dict[str, Any] | None:
    query = select(ScanConditions).where(ScanConditions.scan_id == row.id)
    kept = session.scalars(query.order_by(ScanConditions.taken_at.desc(), ScanConditions.id.desc())).first()
    return None if kept is None else kept.conditions
