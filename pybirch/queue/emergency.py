"""The emergency stop: every queue is aborted, every instrument brought to its safe state.

It asks no role, lock or lease. Scans make their own instruments safe on the way out; where one
hangs in a driver, its other instruments are shut down over its head. What no scan uses is connected
and shut down too: a life of the station that was cut off may have left it as it was.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from pybirch.queue.leases import lease_keys
from pybirch.queue.queue import Queue
from pybirch.states import InstrumentState

log = logging.getLogger(__name__)

GRACE = 1.5
"""Seconds in which scans may end by themselves."""

PATIENCE = 3.5
"""Seconds after which it is told how far it came."""


@dataclass(frozen=True)
class Outcome:
    """What became of one instrument.

    Attributes:
        state: ``"safe"``; ``"unsafe"``, its safe state could not be reached; ``"busy"``, it has not
            answered yet and will be made safe when it does.
    """

    name: str
    state: Literal["safe", "unsafe", "busy"]
    error: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "state": self.state, "error": self.error}


def in_words(outcome: dict[str, Any]) -> str:
    """What to tell people of an instrument that is not safe, from an outcome's JSON."""
    if outcome.get("state") == "busy":
        return f"{outcome['name']} has not answered yet and will be made safe when it does"
    return f"{outcome['name']} could not be made safe: {outcome.get('error')}"


def stop_everything(
    queues: Iterable[Queue], instruments: Iterable[Any] = (), *, by: str = "", why: str = ""
) -> list[Outcome]:
    """Abort all queues and make all instruments safe; what became of each within `PATIENCE`.

    Args:
        queues: of this process.
        instruments: what this process owns, beside what the scans in its queues name.
        by, why: who stops everything, and for what reason; kept in the queues' logs.
    """
    queues = list(queues)
    begun = time.monotonic()
    abort_all(queues, by=by, why=why or "stop everything")
    used = _under_way(queues)
    hung = [one for queue in queues for one in queue.hung]
    idle = _Makers(one for one in _all(queues, instruments) if not _shares(one, [*used, *hung]))
    for queue in queues:
        queue.wait_for_completion(max(0.0, begun + GRACE - time.monotonic()))
    make_rest_safe(queues)
    for queue in queues:
        queue.wait_for_completion(max(0.0, begun + PATIENCE - time.monotonic()))
    busy = [Outcome(one.name, "busy") for one in hung]
    return [_outcome(one) for one in used] + busy + idle.outcomes(begun + PATIENCE)


def abort_all(queues: Iterable[Queue], *, by: str = "", why: str = "") -> None:
    """Abort every queue, whatever another one raises; waits for nothing."""
    for queue in queues:
        try:
            queue.abort(by=by, why=why)
        except Exception:
            log.exception("queue %s could not be aborted", queue.queue_id)


def make_rest_safe(queues: Iterable[Queue]) -> None:
    """Shut down over their heads what scans use that do not end; returns at once."""
    for queue in queues:
        for handle in queue.under_way():
            handle.scan.make_rest_safe()


def _all(queues: Iterable[Queue], owned: Iterable[Any]) -> list[Any]:
    """Every instrument that is owned, or named by a scan, and can be reached."""
    named = (one for queue in queues for handle in queue.handles for one in handle.scan.instruments)
    found = {id(one): one for one in (*owned, *named)}
    return [one for one in found.values() if hasattr(one, "connect") and hasattr(one, "shutdown")]


def _under_way(queues: Iterable[Queue]) -> list[Any]:
    """The instruments of all scans that have them."""
    active = [handle.scan for queue in queues for handle in queue.under_way()]
    return list({id(one): one for scan in active for one in scan.instruments}.values())


def _shares(instrument: Any, others: Iterable[Any]) -> bool:
    """Whether it is the same hardware as one of the others."""
    return bool(lease_keys([instrument]) & lease_keys(others))


def _outcome(instrument: Any) -> Outcome:
    """How an instrument stands that a scan was to make safe."""
    status = getattr(instrument, "status", InstrumentState.DISCONNECTED)
    if status is InstrumentState.ERROR:
        return Outcome(instrument.name, "unsafe", getattr(instrument, "error", None))
    return Outcome(instrument.name, "safe" if status is InstrumentState.DISCONNECTED else "busy")


class _Makers:
    """Connects and shuts down instruments that no scan uses, each in a thread of its own."""

    def __init__(self, instruments: Iterable[Any]) -> None:
        self._instruments = list(instruments)
        self._outcomes: dict[int, Outcome] = {}
        self._threads = [
            threading.Thread(target=self._make_safe, args=(one,), name=f"safe {one.name}", daemon=True)
            for one in self._instruments
        ]
        for thread in self._threads:
            thread.start()

    def outcomes(self, deadline: float) -> list[Outcome]:
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return [self._outcomes.get(id(one), Outcome(one.name, "busy")) for one in self._instruments]

    def _make_safe(self, instrument: Any) -> None:
        try:
            instrument.connect()
            instrument.shutdown()
        except Exception as error:
            log.exception("%s could not be put in its safe state", instrument.name)
            self._outcomes[id(instrument)] = Outcome(instrument.name, "unsafe", str(error))
        else:
            self._outcomes[id(instrument)] = Outcome(instrument.name, "safe")
