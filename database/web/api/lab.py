"""Sign-in links."""

from __future__ import annotations

from apiflask import APIBlueprint

from database.services.users import LOCAL_OPERATOR
from database.web.api import lists
from database.web.api.schemas import LinkOut
from database.web.identity import needs, require
from database.web.services import services
from database.web.shapes import Shape

bp = APIBlueprint("api_lab", __name__, tag="Lab")


@bp.post("/link")
@bp.output(LinkOut)
@needs("administer")
def link() -> Shape:
    """A fresh sign-in link for the local operator, valid ten minutes, once"""
    services().audit.note(require("administer"), "create_link", f"user:{LOCAL_OPERATOR}")
    users, tokens = services().db.users, services().db.tokens
    code = tokens.create_login_code(users.ensure_local_operator().id)
    return {"ok": True, "url": f"{lists.server_url()}/login?code={code}"}
