"""How much there is of a project: its scans and samples counted, and when it was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from database.models.project import Project
from database.models.sample import Sample
from database.models.scan import Scan


@dataclass(frozen=True)
class ProjectTally:
    """`first` and `latest`: when its oldest and its newest scan were made."""

    scans: int = 0
    samples: int = 0
    first: datetime | None = None
    latest: datetime | None = None

    def __add__(self, other: ProjectTally) -> ProjectTally:
        firsts = [one for one in (self.first, other.first) if one is not None]
        latests = [one for one in (self.latest, other.latest) if one is not None]
        return ProjectTally(
            self.scans + other.scans,
            self.samples + other.samples,
            min(firsts, default=None),
            max(latests, default=None),
        )


def tallies(session: Session, projects: Sequence[Project]) -> dict[int, ProjectTally]:
    """The tally of each project, by its number; what is archived does not count."""
    found = {project.id: ProjectTally() for project in projects}
    by_name = {project.name: project.id for project in projects}
    told = (func.count(Scan.id), func.min(Scan.created_at), func.max(Scan.created_at))
    linked = select(Scan.project_id, *told).where(Scan.project_id.in_(found), Scan.archived_at.is_(None))
    for number, scans, first, latest in session.execute(linked.group_by(Scan.project_id)):
        if number is not None:
            found[number] += ProjectTally(scans, 0, first, latest)
    named = select(Scan.project_name, *told).where(
        Scan.project_id.is_(None), Scan.project_name.in_(by_name), Scan.archived_at.is_(None)
    )
    for name, scans, first, latest in session.execute(named.group_by(Scan.project_name)):
        found[by_name[name]] += ProjectTally(scans, 0, first, latest)
    samples = select(Sample.project_id, func.count(Sample.id)).where(
        Sample.project_id.in_(found), Sample.archived_at.is_(None)
    )
    for number, count in session.execute(samples.group_by(Sample.project_id)):
        if number is not None:
            found[number] = replace(found[number], samples=count)
    return found
