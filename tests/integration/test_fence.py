"""Two programs with tokens of their own at one server: a queue stays with the one that opened it."""

from __future__ import annotations

from typing import Any

import pytest

from pybirch.database_integration import setup_websocket_integration
from pybirch.errors import FieldError
from pybirch.queue.queue import Queue
from tests.lab import Meter, Stage, line_scan

WAIT = 30.0


def run(server: Any, token: str, station: str | None = None) -> str:
    """A script's life: it attaches its queue, measures five readings and goes; the scan's id."""
    scan = line_scan(Stage(), Meter(), 5)
    queue = Queue("night", [scan])
    bridge = setup_websocket_integration(queue, server_url=server.url, token=token, station=station)
    queue.start()
    assert queue.wait_for_completion(WAIT)
    assert bridge._recorder is not None
    assert bridge._recorder.store.drain(WAIT)  # type: ignore[attr-defined]
    bridge.unregister()
    return scan.scan_id


def test_a_script_is_told_whose_queue_it_is_and_the_owner_comes_back(server: Any) -> None:
    stranger, secret = server.db.tokens.create("stranger", None, scopes=("station",))
    first = run(server, server.token)
    with pytest.raises(FieldError, match="is that of token station") as refused:
        run(server, secret, "desk")
    assert refused.value.field == "queue_id"
    assert "pybirch token give stranger --queue night" in str(refused.value)
    second = run(server, server.token)
    scans = server.db.get_queue_with_scans("night").scans
    assert [(scan.scan_id, scan.status, scan.points_done) for scan in scans] == [
        (scan_id, "completed", 5) for scan_id in (first, second)
    ]
    server.db.queue_keepers.give("night", stranger.id)
    third = run(server, secret, "desk")
    assert server.db.scans.get(third).queue.station == "desk"
    with pytest.raises(FieldError, match="is that of token stranger"):
        run(server, server.token)
