"""The shapes of templates, and of what changed between scans."""

from __future__ import annotations

from apiflask import Schema
from apiflask.fields import Boolean, Dict, Integer, List, Nested, Raw, String
from marshmallow.validate import OneOf

from database.web.api.lab_schemas import SORT
from database.web.api.schemas import COUNT, NUMBER, PageQuery, QueueCommandOut, ScanOut

PATHS = {"description": 'path of a field -> its value, e.g. {"scan_tree[0].positions.stop": 12}'}


class TemplateQuery(PageQuery):
    search = String(load_default=None, metadata={"description": "part of a name, description or owner"})
    archived = Boolean(load_default=False, metadata={"description": "archived ones too"})
    sort = String(load_default="name", metadata=SORT)


class VersionQuery(Schema):
    version = Integer(load_default=None, allow_none=True, validate=COUNT)


class TemplateOut(Schema):
    """A template, as in lists."""

    id = Integer()
    kind = String(metadata={"description": "scan or queue"})
    name = String()
    description = String()
    owner = String()
    version = Integer(metadata={"description": "goes up with every change of the settings"})
    scans = Integer(metadata={"description": "how many scans it makes"})
    created_at = String()
    archived = Boolean()
    archived_at = String(allow_none=True)


class WholeTemplateOut(TemplateOut):
    settings = Dict(metadata={"description": "of a scan as it is serialized, or of a queue"})
    versions = List(Dict(), metadata={"description": "earlier ones: version, by, replaced_at"})


class TemplateIn(Schema):
    name = String(required=True)
    description = String(load_default="")
    source = String(load_default=None, allow_none=True, metadata={"description": "a scan_id or queue_id"})
    settings = Dict(load_default=None, allow_none=True, metadata={"description": "instead of a source"})
    changes = Dict(load_default=dict, metadata=PATHS)


class TemplateChangeIn(Schema):
    name = String()
    description = String()
    seen = Integer(
        load_default=None,
        allow_none=True,
        validate=COUNT,
        metadata={"description": "the version as its author saw it; another meanwhile: 400, nothing is done"},
    )
    source = String(load_default=None, allow_none=True, metadata={"description": "a scan_id or queue_id"})
    settings = Dict(load_default=None, allow_none=True, metadata={"description": "instead of a source"})
    changes = Dict(load_default=dict, metadata=PATHS)


class ArchiveIn(Schema):
    archived = Boolean(load_default=True, metadata={"description": "false brings it back"})


class AddIn(Schema):
    kind = String(load_default="scan", validate=OneOf(["scan", "queue"]))
    template = Integer(required=True, validate=NUMBER, metadata={"description": "its number"})
    version = Integer(load_default=None, allow_none=True, validate=COUNT)
    changes = Dict(load_default=dict, metadata=PATHS)
    sample = String(load_default=None, allow_none=True, metadata={"description": "ID of a sample"})


class ConditionsOut(Schema):
    at = String()
    why = String(metadata={"description": "start or resume"})
    conditions = Dict(metadata={"description": "instruments, software, sample, operator"})


class ChangeOut(Schema):
    group = String(
        metadata={"description": "settings, tree, instruments, drivers, software, sample, terms, operator"}
    )
    place = String(metadata={"description": "item of the tree with its path, or instrument"})
    field = String()
    before = Raw(allow_none=True)
    after = Raw(allow_none=True)
    unit = String()
    kind = String(metadata={"description": "changed, added, removed or moved"})
    text = String(metadata={"description": "all of it in words"})


class ChangesQuery(Schema):
    since = String(
        load_default="", metadata={"description": "a scan_id; without it the last good one of the same name"}
    )


class ChangesOut(Schema):
    scan = Nested(ScanOut)
    since = Nested(ScanOut, allow_none=True, metadata={"description": "null: no good one before it"})
    changes = List(Nested(ChangeOut))
    remarks = List(String(), metadata={"description": "what could not be compared"})


class AddOut(QueueCommandOut):
    added = List(String(), metadata={"description": "scan_ids of the new scans"})
