"""The shapes of samples and equipment in the API."""

from __future__ import annotations

from apiflask import Schema
from apiflask.fields import Boolean, Dict, File, Integer, List, Nested, Raw, String
from marshmallow.validate import Length, OneOf, Range

from database.web.api.schemas import NUMBER, InstrumentOut, PageQuery, ProjectRefOut, SampleOut

SHORT = Length(max=255)
LONG = Length(max=20_000)
SORT = {"description": "a column; with a leading minus, downwards"}
ARCHIVED = {"description": "archived ones too"}


class SampleQuery(PageQuery):
    search = String(metadata={"description": "part of a name, material or description"})
    tag = String(metadata={"description": "a tag, or several with commas: all of them"})
    project_id = Integer(validate=NUMBER, metadata={"description": "the number of a project"})
    sort = String(metadata=SORT)
    archived = Boolean(metadata=ARCHIVED)


class PictureOut(Schema):
    id = Integer()
    url = String()
    preview = String(metadata={"description": "the address of a small copy"})
    media_type = String()
    width = Integer()
    height = Integer()
    size = Integer(metadata={"description": "bytes"})
    caption = String()
    added_by = String()
    created_at = String()


class ListedSampleOut(SampleOut):
    """A sample, as in lists."""

    status = String()
    cover = Nested(PictureOut, allow_none=True)
    created_at = String()
    updated_at = String()


class WholeSampleOut(ListedSampleOut):
    description = String()
    image = String(allow_none=True, metadata={"description": "the path of a picture that a script named"})
    extra = Dict()
    project = Nested(ProjectRefOut, allow_none=True)
    parents = List(Nested(SampleOut))
    children = List(Nested(SampleOut))
    pictures = List(Nested(PictureOut), metadata={"description": "the cover first"})
    scans = Integer(metadata={"description": "how many were measured on it"})


class SampleIn(Schema):
    """What is not given stays as it is."""

    ID = String(validate=Length(1, 255))
    material = String(validate=SHORT)
    status = String(validate=SHORT)
    description = String(validate=LONG)
    tags = List(String(), validate=Length(max=100))
    parents = List(String(), validate=Length(max=100), metadata={"description": "IDs of samples"})
    project = String(allow_none=True, validate=SHORT, metadata={"description": "a project's name; or null"})
    seen = String(
        allow_none=True,
        metadata={"description": "updated_at as its author saw it; changed since: 409, nothing is done"},
    )


class NewSampleIn(SampleIn):
    ID = String(required=True, validate=Length(1, 255))


class TagOut(Schema):
    tag = String()
    samples = Integer()


class PictureIn(Schema):
    image = File(required=True, metadata={"description": "PNG, JPEG, WebP or GIF, up to 20 MB"})
    caption = String(load_default="", validate=SHORT)


class PictureQuery(Schema):
    size = String(load_default="full", validate=OneOf(["full", "small"]))


class EquipmentQuery(PageQuery):
    limit = Integer(load_default=1_000, validate=Range(1, 1_000))
    search = String(metadata={"description": "part of a name, address, model, serial number or place"})
    kind = String(validate=OneOf(["movement", "measurement"]))
    sort = String(metadata=SORT)
    archived = Boolean(metadata=ARCHIVED)


class DueQuery(Schema):
    days = Integer(load_default=30, validate=Range(0, 3_650))


class DueOut(Schema):
    equipment_id = Integer()
    name = String()
    kind = String(metadata={"description": "calibration or maintenance"})
    what = String()
    due_at = String()
    overdue = Boolean()


class DueListOut(DueOut):
    """One entry of the list of what is due."""


class ListedEquipmentOut(InstrumentOut):
    """Equipment, as in lists."""

    manufacturer = String()
    model = String()
    serial_number = String()
    location = String()
    due = Nested(DueOut, allow_none=True, metadata={"description": "what is due first, if it is soon"})
    created_at = String()
    archived_at = String(allow_none=True)


class CalibrationOut(Schema):
    id = Integer()
    performed_at = String()
    performed_by = String()
    due_at = String(allow_none=True)
    certificate = String()
    notes = String()
    parameters = Dict()


class MaintenanceOut(Schema):
    id = Integer()
    what = String()
    performed_at = String()
    performed_by = String()
    due_at = String(allow_none=True)
    notes = String()


class StateChangeOut(Schema):
    status = String()
    error = String(allow_none=True)
    timestamp = String()


class WholeEquipmentOut(ListedEquipmentOut):
    description = String()
    specifications = Raw()
    history = List(Nested(StateChangeOut), metadata={"description": "changes of state, the newest first"})
    calibrations = List(Nested(CalibrationOut))
    maintenance = List(Nested(MaintenanceOut))
    all_due = List(Nested(DueOut))


class EquipmentIn(Schema):
    """What is not given stays as it is."""

    manufacturer = String(validate=SHORT)
    model = String(validate=SHORT)
    serial_number = String(validate=SHORT)
    location = String(validate=SHORT)
    description = String(validate=LONG)


class NewEquipmentIn(EquipmentIn):
    name = String(required=True, validate=Length(1, 255))
    nickname = String(load_default="", validate=SHORT)
    kind = String(required=True, validate=OneOf(["movement", "measurement"]))
    adapter = String(load_default="", validate=SHORT)


class WorkIn(Schema):
    performed_at = String(allow_none=True, metadata={"description": "ISO 8601; now, where not given"})
    performed_by = String(validate=SHORT, metadata={"description": "who asks, where not given"})
    due_at = String(allow_none=True, metadata={"description": "when it is due again"})
    notes = String(validate=LONG)


class CalibrationIn(WorkIn):
    certificate = String(validate=SHORT)
    parameters = Dict(metadata={"description": "what was found, by name"})


class MaintenanceIn(WorkIn):
    what = String(required=True, validate=Length(1, 255))
