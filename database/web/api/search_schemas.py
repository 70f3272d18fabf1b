"""The shapes of search."""

from __future__ import annotations

from apiflask import Schema
from apiflask.fields import Boolean, Integer, List, Nested, Raw, String
from marshmallow.validate import Range

from database.web.api.schemas import COUNT


class SearchQuery(Schema):
    q = String(load_default="", metadata={"description": "words, or their beginnings; all must be there"})
    kinds = String(load_default="", metadata={"description": "scan, sample, queue, instrument; all without"})
    limit = Integer(load_default=20, validate=Range(1, 500))
    offset = Integer(load_default=0, validate=COUNT)
    each = Boolean(load_default=False, metadata={"description": "`limit` of each kind, kind by kind"})
    archived = Boolean(load_default=False, metadata={"description": "archived ones too"})


class HitOut(Schema):
    """Something that was found."""

    kind = String()
    number = Integer(metadata={"description": "of its row"})
    id = Raw(metadata={"description": "scan_id, queue_id, a sample's ID, an instrument's number"})
    title = String()
    note = String()
    status = String()
    created_at = String()
    archived = Boolean()


class SearchOut(Schema):
    items = List(Nested(HitOut))
    more = Boolean(metadata={"description": "whether a further page has some"})
