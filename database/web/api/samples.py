"""Samples: found, made, changed, archived, and their pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from apiflask import APIBlueprint
from flask import Response, request, send_file

from database.images import MOST_BYTES, PREVIEW_TYPE, TYPES, ImageStore
from database.models import Sample
from database.services.belonging import refuse_archived
from database.web.api.lab_schemas import (
    ListedSampleOut,
    NewSampleIn,
    PictureIn,
    PictureQuery,
    SampleIn,
    SampleQuery,
    TagOut,
    WholeSampleOut,
)
from database.web.api.schemas import page_of
from database.web.identity import Action, me, needs, require
from database.web.lab_shapes import listed_samples, whole_sample
from database.web.services import services
from database.web.shapes import Shape
from pybirch.errors import FieldError, NotFoundError, UnknownReferenceError

bp = APIBlueprint("api_samples", __name__, tag="Samples")

COLUMNS = {"ID": "sample_id", "tags": "additional_tags"}
"""Names of the shape that are called otherwise in the record."""
ENVELOPE = 64 * 1024
"""What a form may have around a picture."""
LOCKED = "default-src 'none'; sandbox"
"""What a browser may do with a picture that is opened by itself: show it."""


@bp.get("/samples")
@bp.input(SampleQuery, location="query", arg_name="query")
@bp.output(page_of(ListedSampleOut))
@needs("read")
def samples(query: dict[str, Any]) -> Shape:
    """A page of samples"""
    return sample_page(**query)


@bp.get("/samples/tags")
@bp.output(TagOut(many=True))
@needs("read")
def tags() -> list[Shape]:
    """Every tag in use, and how many samples have it"""
    return [{"tag": tag, "samples": count} for tag, count in services().db.samples.tags().items()]


@bp.post("/samples")
@bp.input(NewSampleIn, arg_name="body")
@bp.output(WholeSampleOut)
@bp.doc(responses={400: "A value is wrong; names the field"})
@needs("operate")
def create(body: dict[str, Any]) -> Shape:
    """Make a sample"""
    body.pop("seen", None)
    body |= project_of(body)
    with as_called_here():
        row = services().db.samples.create(**columns(body))
    return done("create_sample", row)


@bp.get("/sample/<int:number>")
@bp.output(WholeSampleOut)
@needs("read")
def sample(number: int) -> Shape:
    """A sample with its family and pictures"""
    return whole_sample(services().db, sample_row(number, "read"))


@bp.post("/sample/<int:number>")
@bp.input(SampleIn, arg_name="body")
@bp.output(WholeSampleOut)
@bp.doc(responses={400: "A value is wrong; names the field", 409: "Somebody has changed it since"})
@needs("operate")
def change(number: int, body: dict[str, Any]) -> Shape:
    """Change a sample"""
    before = sample_row(number, "operate")
    seen = body.pop("seen", None)
    body |= project_of(body, before)
    with as_called_here():
        row = services().db.samples.update(number, seen=seen, **columns(body))
    return done("change_sample", row, fields=sorted(body))


@bp.post("/sample/<int:number>/archive")
@bp.output(WholeSampleOut)
@needs("operate")
def archive(number: int) -> Shape:
    """Take a sample out of the lists; it stays in the record"""
    return done("archive_sample", services().db.samples.archive(sample_row(number, "operate").id))


@bp.post("/sample/<int:number>/restore")
@bp.output(WholeSampleOut)
@needs("operate")
def restore(number: int) -> Shape:
    """Take an archived sample back into the lists"""
    return done("restore_sample", services().db.samples.restore(sample_row(number, "operate").id))


@bp.url_value_preprocessor
def let_pictures_in(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """A picture may be larger than other requests; before anything reads the body."""
    if endpoint == f"{bp.name}.add_picture":
        request.max_content_length = MOST_BYTES + ENVELOPE


@bp.post("/sample/<int:number>/pictures")
@bp.input(PictureIn, location="form_and_files", arg_name="body")
@bp.output(WholeSampleOut)
@bp.doc(responses={400: "No picture, or of a kind that is not taken", 413: "Too large"})
@needs("operate")
def add_picture(number: int, body: dict[str, Any]) -> Shape:
    """Give a sample a picture"""
    row = sample_row(number, "operate")
    services().db.pictures.require_place(row.id)
    with services().turns.one(me().person):
        kept = store().keep(body["image"].stream.read(MOST_BYTES + 1))
    services().db.pictures.add(row.id, kept, caption=body["caption"], added_by=me().username)
    return done("add_picture", row, digest=kept.digest)


@bp.get("/sample/<int:number>/picture/<int:picture>")
@bp.input(PictureQuery, location="query", arg_name="query")
@bp.doc(
    responses={200: {"description": "The picture", "content": {kind: {} for kind in sorted(TYPES.values())}}}
)
@needs("read")
def picture(number: int, picture: int, query: dict[str, Any]) -> Response:
    """A picture, or its preview"""
    sample_row(number, "read")
    row = services().db.pictures.one(number, picture)
    small = query["size"] == "small"
    path = store().preview_path(row.digest) if small else store().path(row.digest)
    if not path.is_file():
        raise NotFoundError("The file of this picture is not in the data folder any more.")
    kind = PREVIEW_TYPE if small else row.media_type
    answer = send_file(
        path.absolute(),
        mimetype=kind,
        download_name=f"{row.digest[:12]}.{kind.partition('/')[2]}",
        etag=f"{row.digest}-{query['size']}",
        conditional=True,
    )
    answer.headers["Content-Security-Policy"] = LOCKED
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


@bp.post("/sample/<int:number>/picture/<int:picture>/cover")
@bp.output(WholeSampleOut)
@needs("operate")
def make_cover(number: int, picture: int) -> Shape:
    """Show this picture first"""
    row = sample_row(number, "operate")
    services().db.pictures.make_cover(number, picture)
    return done("make_cover", row, picture=picture)


@bp.post("/sample/<int:number>/picture/<int:picture>/remove")
@bp.output(WholeSampleOut)
@needs("operate")
def remove_picture(number: int, picture: int) -> Shape:
    """Take a picture off a sample; its file is kept"""
    row = sample_row(number, "operate")
    services().db.pictures.take_off(number, picture)
    return done("remove_picture", row, picture=picture)


def sample_page(limit: int = 100, offset: int = 0, **wanted: Any) -> Shape:
    db = services().db
    sort = str(wanted.pop("sort", None) or "")
    falling, name = sort.startswith("-"), sort.removeprefix("-")
    wanted["tag"] = [tag.strip() for tag in (wanted.pop("tag", None) or "").split(",") if tag.strip()]
    order = ("-" if falling else "") + COLUMNS.get(name, name) or None
    rows = db.samples.list(limit=limit, offset=offset, sort=order, **wanted)
    return {"items": listed_samples(db, rows), "total": db.samples.count(**wanted)}


def sample_row(number: int, action: Action) -> Sample:
    """That sample, if who asks may do that to it.

    Raises:
        NotFoundError: there is none.
        Forbidden: they may not.
    """
    row = services().db.samples.get(number)
    require(action, row)
    return row


def project_of(body: dict[str, Any], before: Sample | None = None) -> dict[str, int | None]:
    """Taken out of the body: the project it names, as the record's field, where it is to be another.

    Raises:
        FieldError: there is none of that name, or it is archived.
        Forbidden: who asks may put nothing into it.
    """
    if "project" not in body:
        return {}
    name = body.pop("project")
    row = services().db.projects.find(name) if name else None
    if name and row is None:
        raise UnknownReferenceError("project", f"there is no project {name!r}")
    number = row.id if row else None
    if before is not None and before.project_id == number:
        return {}
    if row is not None:
        require("operate", row)
        refuse_archived(row, "project")
    return {"project_id": number}


def store() -> ImageStore:
    return ImageStore(services().settings.storage / "images")


def columns(body: dict[str, Any]) -> dict[str, Any]:
    """The fields as the record calls them."""
    return {COLUMNS.get(name, name): value for name, value in body.items()}


@contextmanager
def as_called_here() -> Iterator[None]:
    """Errors of the record name fields as the API does."""
    try:
        yield
    except FieldError as error:
        field, bracket, rest = error.field.partition("[")
        ours = {theirs: ours for ours, theirs in COLUMNS.items()}
        raise FieldError(ours.get(field, field) + bracket + rest, error.problem) from error


def done(action: str, row: Sample, **detail: Any) -> Shape:
    """Note it, and show the sample as it is now."""
    services().audit.note(me(), action, f"sample:{row.sample_id}", **detail)
    return whole_sample(services().db, services().db.samples.get(row.id))
