"""What stations send."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import request

from database.web.api.schemas import ExitIn, FrameIn, FrameOut, OkOut
from database.web.attachment import station_exited
from database.web.ends import End
from database.web.identity import require, speaks_for
from database.web.ingest import Frame
from database.web.services import services
from database.web.shapes import Shape
from pybirch.database_integration.fence import Fence
from pybirch.errors import NotYoursError

bp = APIBlueprint("api_ingest", __name__, tag="Stations")

MOST_FRAME = 64 * 1024 * 1024
"""Bytes of one frame."""


@bp.before_request
def allow_large_frames() -> None:
    """Frames may be larger than what browsers post, once it is known who sends them."""
    require("station")
    request.max_content_length = MOST_FRAME


@bp.post("/ingest")
@bp.input(FrameIn, arg_name="body")
@bp.output(FrameOut)
@bp.doc(
    responses={
        403: "Another token speaks for this station; or a queue or scan, named by the field, is another's",
        409: "The station's epoch is over, or a reading does not follow the last one",
    }
)
def frame(body: dict[str, Any]) -> Shape:
    """A numbered frame of events; store=true has the server record them. Sending one twice is harmless"""
    who, parts = speaks_for(body["station"]), services()
    token = who.row if who.kind == "token" else None
    fence = Fence(parts.db, body["station"], token, is_open=who.may("administer"))
    try:
        return {"ok": True, **parts.ingest.take(parts, Frame(**body, fence=fence))}
    except NotYoursError as error:
        if parts.ingest.refusals.are_news(who.get_id(), str(error)):
            thing = f"station:{body['station']}"
            parts.audit.note(who, "reach_for_anothers", thing, field=error.field, refused=error.problem)
        raise


@bp.post("/station/exited")
@bp.input(ExitIn, arg_name="body")
@bp.output(OkOut)
@bp.doc(responses={403: "Another token speaks for this station"})
def exited(body: dict[str, Any]) -> Shape:
    """A station's process has ended: its scans are interrupted, its instruments shown disconnected"""
    who = speaks_for(body["station"])
    told = End(body["station"], body["epoch"], body["code"], body["reason"] or "")
    thing, code = f"station:{told.station}", {"code": told.code, "reason": told.reason}
    services().audit.note(who, "report_exit", thing, **code)
    return {"ok": station_exited(services(), told)}
