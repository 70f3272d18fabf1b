"""The lab's samples and equipment, and sign-in links."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint

from database.web.api import lists
from database.web.api.schemas import InstrumentOut, LinkOut, PageQuery, SampleOut, page_of
from database.web.identity import needs, require
from database.web.services import services
from database.web.shapes import Shape, sample_shape

bp = APIBlueprint("api_lab", __name__, tag="Lab")


@bp.get("/samples")
@bp.input(PageQuery, location="query", arg_name="query")
@bp.output(page_of(SampleOut))
@needs("read")
def samples(query: dict[str, Any]) -> Shape:
    """A page of samples"""
    return sample_page(**query)


@bp.get("/equipment")
@bp.output(page_of(InstrumentOut))
@needs("read")
def equipment() -> Shape:
    """All equipment, with its present state"""
    return equipment_page()


@bp.post("/link")
@bp.output(LinkOut)
@needs("administer")
def link() -> Shape:
    """A fresh sign-in link for the local operator, valid ten minutes, once"""
    require("administer")
    users, tokens = services().db.users, services().db.tokens
    code = tokens.create_login_code(users.ensure_local_operator().id)
    return {"ok": True, "url": f"{lists.server_url()}/login?code={code}"}


def sample_page(limit: int = 100, offset: int = 0) -> Shape:
    rows = services().db.samples.list(limit=limit, offset=offset)
    return {"items": [sample_shape(row) for row in rows], "total": services().db.samples.count()}


def equipment_page() -> Shape:
    items = lists.instruments()
    return {"items": items, "total": len(items)}
