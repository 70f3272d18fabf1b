"""The pages of queues."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import render_template

from database.web.api import lists
from database.web.identity import needs, require

bp = APIBlueprint("queues", __name__, enable_openapi=False, url_prefix="/queues")


@bp.get("")
@needs("read")
def index() -> str:
    return render_template("queues.html", page="queues", initial=lists.queues(limit=100, offset=0))


@bp.get("/<queue_id>")
@needs("read")
def detail(queue_id: str) -> str:
    row = lists.queue_row(queue_id)
    require("read", row)
    initial = lists.whole_queue(row)
    return render_template("queue_detail.html", page="queues", queue_id=row.queue_id, initial=initial)
