"""The emergency stop: open to everybody who is signed in, and plain about how far it came."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from apiflask import APIBlueprint

from database.web.api.schemas import StopIn, StopOut
from database.web.identity import me, needs
from database.web.services import services
from database.web.shapes import Shape
from database.web.stations import StationState, StationView
from pybirch.errors import PyBirchError
from pybirch.queue.emergency import in_words

bp = APIBlueprint("api_stop", __name__, tag="Commands")

STOP_EVERYTHING = "stop_everything"
AT_ONCE = 32
"""Stations that are told at the same time."""
OUT_OF_REACH = "is not connected: its instruments cannot be reached from here, go and look at them"


@bp.post("/stop")
@bp.input(StopIn, arg_name="body")
@bp.output(StopOut)
@needs("stop")
def stop(body: dict[str, Any]) -> Shape:
    """Stop everything: every station aborts every queue and makes all its instruments safe

    `ok` only when all stations, of which there is one at least, answered that nothing runs any more and
    every instrument is safe.
    """
    parts, who, why = services(), me().username, body["why"]
    stations = [station for station in parts.stations.all() if station.state is not StationState.NONE]
    there = [station.name for station in stations if station.state.is_there]

    def tell(name: str) -> Shape:
        try:
            return answer_of(name, parts.stations.command(name, STOP_EVERYTHING, by=who, why=why or None))
        except PyBirchError as error:
            return silence_of(name, str(error))

    answers: list[Shape] = []
    if there:
        with ThreadPoolExecutor(min(AT_ONCE, len(there)), thread_name_prefix="stop") as pool:
            answers = list(pool.map(tell, there))
    parts.audit.note(me(), STOP_EVERYTHING, stations=there, why=why)
    answers += [silence_of(station.name, OUT_OF_REACH) for station in stations if _is_lost(station)]
    return {"ok": bool(answers) and all(answer["ok"] for answer in answers), "stations": answers}


def _is_lost(station: StationView) -> bool:
    """It ended without having made its instruments safe."""
    return station.state is StationState.EXITED


def answer_of(name: str, told: dict[str, Any]) -> Shape:
    """What a station has told."""
    running = [
        scan["name"]
        for queue in told.get("queues") or ()
        for scan in queue.get("scans") or ()
        if scan.get("status") in ("running", "paused")
    ]
    instruments = told.get("instruments") or []
    unsafe = [one for one in instruments if one.get("state") != "safe"]
    return {
        "name": name,
        "ok": not running and not unsafe,
        "error": "; ".join(map(in_words, unsafe)) or None,
        "running": running,
        "instruments": instruments,
    }


def silence_of(name: str, error: str) -> Shape:
    """A station of which nothing is known but that."""
    return {"name": name, "ok": False, "error": error, "running": [], "instruments": []}
