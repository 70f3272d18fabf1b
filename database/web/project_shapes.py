"""Projects as the JSON that the API and the pages speak."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from database.web.shapes import Shape, moment

if TYPE_CHECKING:
    from database.models import Project, ProjectMember, User
    from database.services import DatabaseService
    from database.services.project_tally import ProjectTally


def listed_projects(db: DatabaseService, rows: Sequence[Project]) -> list[Shape]:
    """Projects as in lists, with how much there is of each."""
    tallies = db.projects.tallies(rows)
    return [_listed(row, tallies[row.id]) for row in rows]


def whole_project(db: DatabaseService, row: Project, may_lead: bool) -> Shape:
    """A project and who is in it; `may_lead`: whether who asks may change it."""
    return listed_projects(db, [row])[0] | {
        "description": row.description,
        "members": [_member_shape(one) for one in row.members],
        "may_lead": may_lead,
    }


def person_shape(row: User) -> Shape:
    return {"user_id": row.id, "username": row.username, "full_name": row.full_name}


def _listed(row: Project, tally: ProjectTally) -> Shape:
    return {
        "id": row.id,
        "name": row.name,
        "status": row.status.value,
        "leads": [user.full_name or user.username for user in row.leads],
        "people": len(row.members),
        "scans": tally.scans,
        "samples": tally.samples,
        "first_scan_at": moment(tally.first),
        "latest_scan_at": moment(tally.latest),
        "created_at": moment(row.created_at),
        "archived_at": moment(row.archived_at),
    }


def _member_shape(row: ProjectMember) -> Shape:
    return person_shape(row.user) | {
        "role": row.role.value,
        "archived": not row.user.is_active,
        "since": moment(row.created_at),
    }
