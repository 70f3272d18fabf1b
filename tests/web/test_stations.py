"""Who answers, since when not, and what becomes of commands."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from database.web import stations as module
from database.web.housekeeping import Housekeeping
from database.web.stations import Stations, StationState
from pybirch.database_integration.sync.websocket_server import ScanUpdateServer
from pybirch.errors import CommandTimeoutError, IllegalTransitionError, StationUnavailableError


class FakeSocketIO:
    """Keeps what is emitted; `answer` is what the station at the other end says to a command."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.answer: dict[str, Any] | None = {"ok": True}

    def emit(self, event: str, data: Any, *, to: Any, callback: Callable[..., None] | None = None) -> None:
        self.sent.append((event, data))
        if callback is not None and self.answer is not None:
            threading.Thread(target=callback, args=(self.answer,)).start()

    def states(self) -> list[str]:
        return [data["state"] for event, data in self.sent if event == "station_status"]


@pytest.fixture
def socketio() -> FakeSocketIO:
    return FakeSocketIO()


@pytest.fixture
def now() -> list[float]:
    return [50.0]


@pytest.fixture
def stations(socketio: FakeSocketIO, now: list[float]) -> Stations:
    return Stations(lambda: socketio, ScanUpdateServer(socketio, paced=False), clock=lambda: now[0])


def test_two_seconds_of_silence_show_and_a_word_heals(
    stations: Stations, socketio: FakeSocketIO, now: list[float]
) -> None:
    stations.attach("bench", "e1", "sid")
    now[0] += 1.9
    stations.check()
    assert socketio.states() == ["live"]
    now[0] += 0.2
    stations.check()
    stations.check()
    assert socketio.states() == ["live", "not_answering"]
    assert stations.heard("bench", "e1")
    assert socketio.states() == ["live", "not_answering", "live"]


def test_a_station_from_before_a_restart_is_expected(
    stations: Stations, socketio: FakeSocketIO, now: list[float]
) -> None:
    stations.expect("bench", "e1")
    assert socketio.states() == []
    now[0] += 2.1
    stations.check()
    assert socketio.states() == ["not_answering"]


def test_a_word_of_another_life_does_not_count(stations: Stations) -> None:
    stations.attach("bench", "e2", "sid")
    assert not stations.heard("bench", "e1")
    assert not stations.heard("other", "e1")
    assert stations.exited("bench", "e1") is None
    assert stations.exited("bench", "e2") is not None
    assert not stations.heard("bench", "e2")


def test_a_command_is_numbered_timed_and_answered(stations: Stations, socketio: FakeSocketIO) -> None:
    stations.attach("bench", "e1", "sid")
    socketio.answer = {"ok": True, "state": "running"}
    first = stations.command("bench", "start", queue_id="Q")
    second = stations.command("bench", "pause", queue_id="Q", scan_id=None)
    one, two = (data for event, data in socketio.sent if event == "command")
    assert first["state"] == "running"
    assert (first["command_id"], second["command_id"]) == (one["command_id"], two["command_id"])
    assert two["seq"] == one["seq"] + 1
    assert (one["epoch"], one["action"], one["queue_id"]) == ("e1", "start", "Q")
    assert "scan_id" not in two


def test_without_a_station_nothing_is_kept_for_later(stations: Stations, socketio: FakeSocketIO) -> None:
    with pytest.raises(StationUnavailableError, match="nothing was done"):
        stations.command(None, "start")
    stations.attach("bench", "e1", "sid")
    stations.disconnected("sid")
    with pytest.raises(StationUnavailableError, match="bench"):
        stations.command("bench", "start")
    assert not [event for event, _ in socketio.sent if event == "command"]


def test_a_frame_that_comes_beside_the_line_does_not_take_the_line_away(stations: Stations) -> None:
    stations.attach("bench", "e1", "sid", pid=7, host="lab")
    stations.attach("bench", "e1", None)
    view = stations.get("bench")
    assert view is not None
    assert (view.sid, view.pid, view.host) == ("sid", 7, "lab")
    stations.attach("bench", "e2", None)
    view = stations.get("bench")
    assert view is not None
    assert view.sid is None


def test_a_command_waits_a_moment_for_a_station_on_its_way_back(
    stations: Stations, socketio: FakeSocketIO
) -> None:
    stations.expect("bench", "e1", 7, "lab")
    back = threading.Timer(0.05, stations.attach, ("bench", "e1", "sid"))
    back.start()
    assert stations.command("bench", "pause", queue_id="q")["ok"]
    back.join()


def test_an_orderly_end_is_no_alarm(stations: Stations, socketio: FakeSocketIO) -> None:
    stations.attach("script", "e1", "sid")
    stations.exited("script", "e1", in_order=True)
    assert socketio.states() == ["live", "none"]
    assert not stations.heard("script", "e1"), "a word that comes late does not bring it back"


def test_a_refusal_comes_in_the_stations_words(stations: Stations, socketio: FakeSocketIO) -> None:
    stations.attach("bench", "e1", "sid")
    socketio.answer = {"ok": False, "error": "the queue is empty"}
    with pytest.raises(IllegalTransitionError, match="the queue is empty"):
        stations.command("bench", "start")


def test_no_answer_means_the_outcome_is_unknown(
    stations: Stations, socketio: FakeSocketIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DEADLINE", 0.05)
    stations.attach("bench", "e1", "sid")
    socketio.answer = None
    with pytest.raises(CommandTimeoutError, match="look at the state"):
        stations.command("bench", "start")


def test_a_station_remembers_its_instruments_in_its_next_life(stations: Stations) -> None:
    stations.attach("bench", "e1", "sid")
    stations.owns("bench", 7)
    stations.owns("nobody", 8)
    stations.attach("bench", "e2", "sid2")
    view = stations.get("bench")
    assert view is not None
    assert view.instruments == {7}
    assert view.state is StationState.LIVE


def test_one_broken_chore_does_not_stop_the_others(wait_for: Any, caplog: pytest.LogCaptureFixture) -> None:
    done: list[int] = []

    def broken() -> None:
        raise OSError("no")

    keeping = Housekeeping([broken, lambda: done.append(1)], interval=0.005)
    keeping.start()
    wait_for(lambda: len(done) > 2)
    keeping.close()
    keeping.close()
    assert "broken" in caplog.text
