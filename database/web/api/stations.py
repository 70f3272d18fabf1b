"""What people know of stations that the server cannot know."""

from __future__ import annotations

from apiflask import APIBlueprint

from database.web.api.schemas import OkOut
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
    parts.audit.note(who, "give_up", f"station:{name}")
    end = End(name, row.epoch, None, f"given up by {who}, who says that its process is gone")
    return {"ok": station_exited(parts, end)}
