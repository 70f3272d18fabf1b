"""The shapes of projects in the API, and of the people in them."""

from __future__ import annotations

from apiflask import Schema
from apiflask.fields import Boolean, Integer, List, Nested, String
from marshmallow.validate import Length, OneOf

from database.models import ProjectRole, ProjectStatus
from database.web.api.lab_schemas import ARCHIVED, LONG, SHORT, SORT
from database.web.api.schemas import PageQuery

STATUS = OneOf([status.value for status in ProjectStatus])
ROLE = OneOf([role.value for role in ProjectRole])


class ProjectQuery(PageQuery):
    search = String(metadata={"description": "part of a name or description"})
    status = String(validate=STATUS)
    sort = String(metadata=SORT)
    archived = Boolean(metadata=ARCHIVED)


class PersonOut(Schema):
    user_id = Integer()
    username = String()
    full_name = String()


class PersonListOut(PersonOut):
    """One entry of the list of people."""


class MemberOut(PersonOut):
    role = String(metadata={"description": "lead, member or viewer"})
    archived = Boolean(metadata={"description": "whether they have left the laboratory"})
    since = String()


class ListedProjectOut(Schema):
    """A project, as in lists."""

    id = Integer()
    name = String()
    status = String()
    leads = List(String(), metadata={"description": "names of those who answer for it"})
    people = Integer(metadata={"description": "how many are in it; 0: open to every operator"})
    scans = Integer()
    samples = Integer()
    first_scan_at = String(allow_none=True)
    latest_scan_at = String(allow_none=True)
    created_at = String()
    archived_at = String(allow_none=True)


class WholeProjectOut(ListedProjectOut):
    description = String()
    members = List(Nested(MemberOut))
    may_lead = Boolean(metadata={"description": "whether who asks may change it and its members"})


class ProjectIn(Schema):
    """What is not given stays as it is."""

    name = String(validate=Length(1, 255))
    description = String(validate=LONG)
    status = String(validate=STATUS)


class NewProjectIn(ProjectIn):
    name = String(required=True, validate=Length(1, 255))
    lead = Boolean(
        load_default=False,
        metadata={"description": "who asks leads it, and only its members run its scans"},
    )


class MemberIn(Schema):
    role = String(required=True, validate=ROLE)


class NewMemberIn(Schema):
    username = String(required=True, validate=SHORT)
    role = String(load_default=ProjectRole.MEMBER.value, validate=ROLE)
