"""Queues and their logs."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint

from database.web.api import lists
from database.web.api.schemas import LogOut, LogQuery, PageQuery, QueueOut, WholeQueueOut, page_of
from database.web.identity import needs, require
from database.web.services import services
from database.web.shapes import Shape, log_shape

bp = APIBlueprint("api_queues", __name__, tag="Queues")


@bp.get("/queues")
@bp.input(PageQuery, location="query", arg_name="query")
@bp.output(page_of(QueueOut))
@needs("read")
def queues(query: dict[str, Any]) -> Shape:
    """A page of queues"""
    return lists.queues(**query)


@bp.get("/queue/<queue_id>")
@bp.output(WholeQueueOut)
@needs("read")
def queue(queue_id: str) -> Shape:
    """A queue with its scans in order"""
    row = lists.queue_row(queue_id)
    require("read", row)
    return lists.whole_queue(row)


@bp.get("/queue/<queue_id>/logs")
@bp.input(LogQuery, location="query", arg_name="query")
@bp.output(page_of(LogOut))
@needs("read")
def logs(queue_id: str, query: dict[str, Any]) -> Shape:
    """The queue's log, oldest first"""
    row = lists.queue_row(queue_id)
    require("read", row)
    items = [log_shape(line) for line in services().db.logs.list(row.id, **query)]
    return {"items": items, "total": len(items)}
