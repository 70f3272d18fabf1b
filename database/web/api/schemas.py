"""The shapes of the API, for its description and for what goes out."""

from __future__ import annotations

from typing import Any

from apiflask import Schema
from apiflask.fields import Boolean, Dict, Float, Integer, List, Nested, Raw, String
from marshmallow.validate import Length, OneOf, Range, Regexp

from pybirch.export.formats import FORMATS

COUNT = Range(0, 2**31)
"""How many rows or readings somebody may speak of."""
NUMBER = Range(0, 2**63 - 1)
"""What the databases can compare with a row's number."""
NAME = Regexp(r"[^\x00-\x1f\ud800-\udfff]{1,100}\Z", error="a text of 1 to 100 characters is needed")
"""A station's name, or a life of it: both, with their numbers, name what the station wrote."""


class PageQuery(Schema):
    limit = Integer(load_default=100, validate=Range(1, 1_000))
    offset = Integer(load_default=0, validate=COUNT)


class ScanQuery(PageQuery):
    state = String(metadata={"description": "one state, or several with commas"})
    queue_id = String()
    sample_id = Integer(validate=NUMBER, metadata={"description": "the number of a sample"})
    project_id = Integer(
        validate=NUMBER, metadata={"description": "the number of a project; with those that only name it"}
    )
    search = String(metadata={"description": "words of the scan, or their beginnings; all must be there"})
    project = String()
    owner = String()
    sample = String(metadata={"description": "the sample's ID"})
    since = String(metadata={"description": "made then or later: ISO 8601"})
    until = String(metadata={"description": "made before then"})
    sort = String(metadata={"description": "a column; with a leading minus, downwards"})
    archived = Boolean(load_default=False, metadata={"description": "archived ones too"})


class LogQuery(Schema):
    limit = Integer(load_default=200, validate=Range(1, 1_000))
    after_id = Integer(load_default=None, allow_none=True, validate=NUMBER)


class DataQuery(Schema):
    start = Integer(load_default=0, validate=NUMBER)
    end = Integer(load_default=None, allow_none=True, validate=NUMBER)
    max_points = Integer(load_default=None, allow_none=True, validate=Range(2, 200_000))
    columns = String(load_default=None, allow_none=True, metadata={"description": "names, with commas"})
    format = String(load_default="json", validate=OneOf(["json", "float32", "float64", "csv"]))
    all = Boolean(load_default=False, metadata={"description": "also what was measured again after a rewind"})


class ProjectExportIn(Schema):
    all = Boolean(load_default=False, metadata={"description": "also what was measured again after a rewind"})


class ExportIn(ProjectExportIn):
    format = String(load_default="csv", validate=OneOf(list(FORMATS)))
    measurement = String(
        load_default=None, allow_none=True, metadata={"description": "only this one; else all"}
    )


class ExportOut(Schema):
    id = String()
    name = String(metadata={"description": "of the file"})
    state = String(validate=OneOf(["waiting", "building", "ready", "failed"]))
    progress = Float()
    size = Integer(allow_none=True, metadata={"description": "bytes, once it is ready"})
    error = String(allow_none=True)


class SampleOut(Schema):
    id = Integer()
    ID = String()
    material = String()
    tags = List(String())
    archived_at = String(allow_none=True)


class ProjectRefOut(Schema):
    """A project, as things speak of it."""

    id = Integer()
    name = String()
    archived_at = String(allow_none=True)


class MeasurementOut(Schema):
    name = String()
    columns = List(Dict(), metadata={"description": "name, unit, role, shape of one reading"})
    count = Integer()
    last_index = Integer()
    replaced = Integer(metadata={"description": "how many were measured again after a rewind"})


class ArrayOut(Schema):
    id = Integer()
    name = String()
    sequence_index = Integer(allow_none=True, metadata={"description": "the reading it belongs to"})
    dtype = String(metadata={"description": "as NumPy writes it"})
    shape = List(Integer())
    unit = String()
    axes = List(Dict(), metadata={"description": "of each dimension name, unit, values"})
    timestamp = String()


class ScanOut(Schema):
    """A scan, as in lists."""

    scan_id = String()
    id = Integer()
    name = String()
    project = String()
    scan_type = String()
    job_type = String()
    status = String()
    requested = String(allow_none=True)
    progress = Float(allow_none=True)
    message = String(allow_none=True)
    error = String(allow_none=True)
    owner = String()
    sample = Nested(SampleOut, allow_none=True)
    queue_id = String(allow_none=True)
    created_at = String()
    archived_at = String(allow_none=True)
    started_at = String(allow_none=True)
    finished_at = String(allow_none=True)
    points_done = Integer()
    points_replaced = Integer(metadata={"description": "of these, how many were measured again"})
    points_total = Integer(allow_none=True)
    points_vary = Boolean()
    restarted_from = String(allow_none=True)
    tags = List(String())
    terms = Dict(metadata={"description": "on which it runs in its queue, where they are not the usual"})
    user_fields = Raw()


class WholeScanOut(ScanOut):
    settings = Dict()
    measurements = List(Nested(MeasurementOut))
    projects = List(Nested(ProjectRefOut), metadata={"description": "that it is done for"})


class WaitingOut(Schema):
    scan_type = String()
    scans = Integer()
    points = Integer(allow_none=True)
    seconds_per_point = Float(allow_none=True)


class QueueOut(Schema):
    """A queue, as in lists."""

    queue_id = String()
    id = Integer()
    name = String()
    status = String()
    mode = String()
    current_scan = String(allow_none=True)
    completed_scans = Integer()
    total_scans = Integer()
    scan_states = Dict(metadata={"description": "scans in each state that some are in"})
    progress = Float(metadata={"description": "share of the queue that is measured"})
    waiting = List(Nested(WaitingOut), metadata={"description": "queued scans by type, while it runs"})
    station = String(allow_none=True)
    policy = Dict(metadata={"description": "what the queue does by itself"})
    revision = Integer(metadata={"description": "goes up with every edit"})
    created_at = String()


class WholeQueueOut(QueueOut):
    scans = List(Nested(ScanOut))


class LogOut(Schema):
    id = Integer()
    timestamp = String()
    level = String()
    message = String()
    scan_id = String(allow_none=True)


class AuditQuery(PageQuery):
    search = String(metadata={"description": "part of any of its words"})
    actor = String()
    action = String()
    thing = String(metadata={"description": "e.g. queue:main, scan:<scan_id>"})
    address = String()
    token = String()
    since = String(metadata={"description": "a time, ISO 8601; from it on"})
    until = String(metadata={"description": "a time, ISO 8601; before it"})


class AuditOut(Schema):
    id = Integer()
    timestamp = String()
    actor = String()
    action = String()
    thing = String()
    address = String()
    token = String(metadata={"description": "name of the token it was asked with"})
    detail = Dict()


class InstrumentOut(Schema):
    instrument_id = Integer()
    name = String()
    nickname = String()
    kind = String()
    adapter = String()
    pybirch_class = String()
    units = Raw()
    limits = Raw()
    status = String()
    position = Raw(allow_none=True)
    target = Raw(allow_none=True)
    value = Raw(allow_none=True)
    error = String(allow_none=True)
    updated_at = String(allow_none=True)


class InstrumentListOut(InstrumentOut):
    """One entry of the list of instruments."""


class StationOut(Schema):
    name = String()
    state = String()
    last_heard = String(allow_none=True)
    epoch = String()
    reason = String(allow_none=True)
    kept = Integer()
    pid = Integer(allow_none=True)
    host = String()
    queues = List(String())


class OverviewOut(Schema):
    lab = Dict()
    user = Dict()
    queues = List(Nested(QueueOut))
    scans = List(Nested(ScanOut))
    instruments = List(Nested(InstrumentOut))
    stations = List(Nested(StationOut))
    now = String()


class DataOut(Schema):
    scan_id = String()
    measurement = String()
    first_index = Integer()
    end_index = Integer()
    count = Integer()
    total = Integer()
    stride = Integer()
    columns = List(Raw())
    encoding = String()
    indexes = List(
        Integer(), metadata={"description": "only where readings are left out: decimated, or measured again"}
    )
    replaces = List(
        List(Integer()),
        metadata={"description": "which readings repeat which: first index, count, first index repeated"},
    )


class CommandIn(Schema):
    scan_id = String(load_default=None, allow_none=True)
    mode = String(load_default=None, allow_none=True, validate=OneOf(["serial", "parallel"]))
    why = String(load_default=None, allow_none=True, validate=Length(max=500))


REVISION = {"description": "the queue's, as it was seen; where somebody has edited it since: 409"}


class EditIn(Schema):
    revision = Integer(load_default=None, allow_none=True, validate=COUNT, metadata=REVISION)


class MoveIn(EditIn):
    scan_id = String(required=True)
    before = String(required=True, allow_none=True, metadata={"description": "a scan_id; null: to the end"})


class RemoveIn(EditIn):
    scan_id = String(required=True)


class TermsIn(EditIn):
    scan_id = String(required=True)
    terms = Dict(required=True, metadata={"description": "priority, not_before, after, group, rounds"})


class GroupIn(EditIn):
    scan_ids = List(String(), required=True, validate=Length(1, 1_000))
    group = String(required=True)
    rounds = Integer(load_default=1, metadata={"description": "0: until somebody stops it"})


class DuplicateIn(Schema):
    scan_id = String(required=True)
    settings = Dict(load_default=dict, metadata={"description": "the scan's settings that are to be others"})


class PolicyIn(EditIn):
    policy = Dict(
        required=True, metadata={"description": "on_failure, retries, retry_delay, on_interrupted, mode"}
    )


class RewindIn(Schema):
    step = Integer(
        load_default=None,
        allow_none=True,
        validate=NUMBER,
        metadata={"description": "0 is the beginning; without it the beginning of the present line"},
    )
    why = String(load_default=None, allow_none=True, validate=Length(max=500))


class FindingOut(Schema):
    level = String()
    field = String()
    message = String()


class PreflightOut(Schema):
    ok = Boolean()
    findings = List(Nested(FindingOut))


class StopIn(Schema):
    why = String(load_default="", validate=Length(max=500))


class QueueCommandOut(Schema):
    ok = Boolean()
    command_id = String()
    queue = Nested(WholeQueueOut)


class ScanCommandOut(Schema):
    ok = Boolean()
    command_id = String()
    scan = Nested(ScanOut)


class StopOut(Schema):
    ok = Boolean()
    stations = List(Dict())


MOST_ITEMS = 5_000
"""Items of one frame."""


class FrameIn(Schema):
    station = String(required=True, validate=NAME)
    epoch = String(required=True, validate=NAME)
    seq = Integer(required=True, validate=NUMBER)
    store = Boolean(load_default=False)
    items = List(Dict(), required=True, validate=Length(max=MOST_ITEMS))


class FrameOut(Schema):
    ok = Boolean()
    seq = Integer()
    duplicate = Boolean()
    instruments = List(Dict())


class ExitIn(Schema):
    station = String(required=True, validate=NAME)
    epoch = String(required=True, validate=NAME)
    code = Integer(load_default=None, allow_none=True, validate=Range(-(2**31), 2**32))
    reason = String(load_default=None, allow_none=True)


class GiveIn(Schema):
    token = String(required=True, metadata={"description": "a token's name, or its number"})


class OkOut(Schema):
    ok = Boolean()


class LinkOut(Schema):
    ok = Boolean()
    url = String()


def page_of(item: type[Schema]) -> type[Schema]:
    """The schema of one page of `item`s."""
    fields: dict[str, Any] = {"items": List(Nested(item)), "total": Integer()}
    return type(f"{item.__name__.removesuffix('Out')}Page", (Schema,), fields)
