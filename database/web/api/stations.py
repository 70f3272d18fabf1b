"""What people know of stations that the server cannot know, and whose they are."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint

from database.web.api.schemas import GiveIn, OkOut
from database.web.attachment import station_exited
from database.web.ends import End
from database.web.identity import me, needs
from database.web.services import services
from database.web.shapes import Shape
from database.web.stations import StationState
from pybirch.errors import IllegalTransitionError

bp = APIBlueprint("api_stations", __name__, tag="Commands")


@bp.post("/station/<name>/gone")
@bp.output(OkOut)
@bp.doc(responses={404: "No such station", 409: "It answers, so it is not gone"})
@needs("operate")
def gone(name: str) -> Shape:
    """A silent station's process has ended, as a person has seen: its scans are marked interrupted

    Silence is not death, so only a person may say so; what it still writes afterwards is refused.
    """
    parts, who = services(), me().username
    row = parts.db.stations.get(name)
    view = parts.stations.get(name)
    if view is not None and view.state is StationState.LIVE:
        raise IllegalTransitionError(f"Station {name} answers; it is not gone.")
    parts.audit.note(me(), "give_up", f"station:{name}")
    end = End(name, row.epoch, None, f"given up by {who}, who says that its process is gone")
    return {"ok": station_exited(parts, end)}


@bp.post("/station/<name>/give")
@bp.input(GiveIn, arg_name="body")
@bp.output(OkOut)
@bp.doc(responses={404: "No such token"})
@needs("administer")
def give_station(name: str, body: dict[str, Any]) -> Shape:
    """The station's name is another token's from now on, as when the station was installed anew"""
    parts = services()
    token = parts.db.tokens.named(body["token"])
    with parts.audit.acting(me(), "give_station", f"station:{name}", to=token.name):
        parts.db.keepers.give(name, token.id)
    return {"ok": True}


@bp.post("/queue/<queue_id>/give")
@bp.input(GiveIn, arg_name="body")
@bp.output(OkOut)
@bp.doc(responses={404: "No such queue or token"})
@needs("administer")
def give_queue(queue_id: str, body: dict[str, Any]) -> Shape:
    """The queue is another token's from now on: with it a station takes it up, and the former one no more"""
    parts = services()
    token = parts.db.tokens.named(body["token"])
    with parts.audit.acting(me(), "give_queue", f"queue:{queue_id}", to=token.name):
        parts.db.queue_keepers.give(queue_id, token.id)
    return {"ok": True}
