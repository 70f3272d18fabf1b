"""What belongs to scans or to a project, to be taken along as one archive."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from database.services.records import MOST_ROWS, Key
from pybirch.errors import NotFoundError
from pybirch.export.collection import Collection, PictureFacts, SampleFacts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from database.images import ImageStore
    from database.models import Project, Sample, SampleImage, Scan
    from database.services.service import DatabaseService


def project_collection(db: DatabaseService, project: Key, images: ImageStore | None = None) -> Collection:
    """The project's scans, oldest first, its samples, and those its scans were measured on.

    Args:
        images: where the samples' pictures lie; None leaves them out.

    Raises:
        NotFoundError: there is no such project.
    """
    row = db.projects.find(project)
    name = row.name if row else str(project)
    scans = scans_of_project(db, row, name)
    if row is None and not scans:
        raise NotFoundError(f"there is no project {project!r}")
    own = samples_of_project(db, row.id) if row else []
    samples = {sample.id: sample for sample in (*own, *samples_of_scans(db, scans))}
    return Collection(
        name,
        [partial(db.data, scan.scan_id) for scan in scans],
        row.description if row else "",
        [_facts(db, sample, images) for sample in samples.values()],
    )


def scan_collection(
    db: DatabaseService, scan_ids: Iterable[str], images: ImageStore | None = None
) -> Collection:
    """These scans, with the samples they were measured on.

    Raises:
        NotFoundError: there is no such scan.
    """
    scans = [db.scans.get(scan_id) for scan_id in scan_ids]
    return Collection(
        scans[0].scan_name or scans[0].scan_id if len(scans) == 1 else f"{len(scans)} scans",
        [partial(db.data, scan.scan_id) for scan in scans],
        samples=[_facts(db, sample, images) for sample in samples_of_scans(db, scans)],
    )


def scans_of_project(db: DatabaseService, project: Project | None, name: str) -> list[Scan]:
    """A project's, or those that have the name of one that nobody has made; oldest first."""
    wanted: dict[str, Any] = {"of_project": project} if project else {"project_name": name}
    return _all(db.scans.list, **wanted)


def samples_of_project(db: DatabaseService, number: int) -> list[Sample]:
    return _all(db.samples.list, project_id=number)


def samples_of_scans(db: DatabaseService, scans: Iterable[Scan]) -> list[Sample]:
    """What they were measured on, once each."""
    numbers = dict.fromkeys(scan.sample_id for scan in scans if scan.sample_id is not None)
    return [db.samples.get(number) for number in numbers]


def _all(rows_of: Any, **wanted: Any) -> list[Any]:
    """All rows of a list, asked for page by page."""
    found: list[Any] = []
    while rows := rows_of(limit=MOST_ROWS, offset=len(found), sort="id", **wanted):
        found += rows
    return found


def _facts(db: DatabaseService, row: Sample, images: ImageStore | None) -> SampleFacts:
    return SampleFacts(
        ID=row.sample_id,
        material=row.material,
        description=row.description,
        tags=tuple(row.additional_tags or ()),
        pictures=tuple(_picture(images, one) for one in db.pictures.of(row.id)) if images else (),
    )


def _picture(images: ImageStore, row: SampleImage) -> PictureFacts:
    return PictureFacts(
        path=images.path(row.digest),
        media_type=row.media_type,
        digest=row.digest,
        size=row.size,
        caption=row.caption or "",
    )
