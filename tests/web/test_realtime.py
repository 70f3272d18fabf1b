"""Who hears what, once: with Flask-SocketIO's test client, and over a real wire."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import socketio
import socketio.exceptions

from database.web import stations as stations_module
from database.web.identity_watch import IdentityWatch
from database.web.sockets import drop_overfull, rooms_of, server_of
from pybirch.events import Readings
from pybirch.states import ScanState


def heard(socket: Any) -> list[str]:
    return [event["name"] for event in socket.get_received()]


@pytest.fixture
def viewer(lab: Any) -> Any:
    return lab.socket(lab.browser("viewer"))


def test_an_event_comes_once_though_in_several_rooms(lab: Any, viewer: Any) -> None:
    lab.queue()
    lab.scan(queue_id="Q")
    row = lab.db.equipment.register({"name": "stage", "kind": "movement"})
    for event, what in (
        ("subscribe_scan", {"scan_id": "S"}),
        ("subscribe_queue", {"queue_id": "Q"}),
        ("subscribe_instruments", {}),
        ("subscribe_instrument", {"instrument_id": row.id}),
    ):
        assert viewer.emit(event, what, callback=True)["ok"], event
    updates = lab.parts.updates
    updates.broadcast_scan_status("S", "running", 0.5)
    updates.broadcast_queue_status("Q", "running")
    updates.broadcast_queue_log("Q", "INFO", "hello")
    updates.broadcast_instrument_status(row.id, "stage", "idle")
    updates.broadcast_instrument_position(row.id, "stage", {"x": 1.0})
    counted = Counter(heard(viewer))
    assert counted == dict.fromkeys(
        ("scan_status", "queue_status", "queue_log", "instrument_status", "instrument_position"), 1
    )


def test_what_nobody_subscribed_to_stays_in_its_room(lab: Any, viewer: Any) -> None:
    lab.parts.updates.broadcast_queue_log("Q", "INFO", "hello")
    lab.parts.updates.broadcast_instrument_position(1, "stage", {"x": 1.0})
    lab.parts.updates.broadcast_data_point("S", "iv", {"v": 1.0})
    lab.parts.updates.close()
    assert heard(viewer) == []


def test_subscribing_to_a_scan_tells_where_it_is(lab: Any, viewer: Any) -> None:
    lab.scan(rows=10)
    lab.parts.updates.broadcast_scan_status("S", "running", 0.75)
    answer = viewer.emit(
        "subscribe_scan", {"scan_id": "S", "after": {"iv": 3}, "blocks": True}, callback=True
    )
    assert answer == {
        "ok": True,
        "scan_id": "S",
        "status": "running",
        "progress": 0.75,
        "requested": None,
        "message": None,
        "last": {"iv": 9},
        "missing": {"iv": 6},
    }


@pytest.mark.parametrize(
    ("event", "what"),
    [
        ("subscribe_scan", {"scan_id": "none"}),
        ("subscribe_scan", {}),
        ("subscribe_scan", None),
        ("subscribe_scan", {"scan_id": ["S"]}),
        ("subscribe_queue", {"queue_id": "none"}),
        ("subscribe_instrument", {"instrument_id": "global"}),
        ("heartbeat", {"station": "bench", "epoch": "e1"}),
    ],
)
def test_what_does_not_exist_is_refused_with_a_reason(viewer: Any, event: str, what: Any) -> None:
    answer = viewer.emit(event, what, callback=True)
    assert answer["ok"] is False
    assert answer["error"]


def test_blocks_instead_of_points(lab: Any, viewer: Any, make_readings: Callable[..., Readings]) -> None:
    lab.scan(rows=0)
    points = lab.socket(lab.browser("operator"))
    viewer.emit("subscribe_scan", {"scan_id": "S", "blocks": True}, callback=True)
    points.emit("subscribe_scan", {"scan_id": "S"}, callback=True)
    lab.parts.updates.publish(make_readings("S", 0, 3))
    lab.parts.updates.close()
    assert heard(viewer) == ["data_block"]
    assert heard(points) == ["data_point"] * 3
    viewer.emit("unsubscribe_scan", {"scan_id": "S"}, callback=True)
    lab.parts.updates.publish(make_readings("S", 3, 3))
    lab.parts.updates.close()
    assert heard(viewer) == []


def test_an_unheard_of_scan_and_queue_are_registered(lab: Any, viewer: Any) -> None:
    updates = lab.parts.updates
    updates.broadcast_scan_status("new", "running", 0.1)
    updates.broadcast_scan_status("new", "completed", 1.0)
    updates.broadcast_queue_log("newQ", "INFO", "hello")
    row = lab.db.scans.get("new")
    assert (row.status, row.progress) == (ScanState.COMPLETED, 1.0)
    assert lab.db.queues.get("newQ").queue_id == "newQ"
    assert viewer.emit("subscribe_scan", {"scan_id": "new"}, callback=True)["status"] == "completed"


def test_anothers_record_is_left_alone(lab: Any) -> None:
    lab.scan("S")
    lab.parts.updates.broadcast_scan_status("S", "completed", 1.0)
    assert lab.db.scans.get("S").status is ScanState.RUNNING


# ---------------------------------------------------------------------- over a real wire


class Client:
    """A python-socketio client that keeps what it hears."""

    def __init__(self, url: str, headers: dict[str, str], **options: Any) -> None:
        self.heard: list[tuple[str, Any]] = []
        self.io = socketio.Client(reconnection=False)
        for event in ("scan_status", "data_block", "data_point", "station_status", "instrument_position"):
            self.io.on(event, lambda data, event=event: self.heard.append((event, data)))
        self.io.connect(url, headers=headers, transports=["websocket"], wait_timeout=10, **options)

    def of(self, event: str) -> list[Any]:
        return [data for kind, data in list(self.heard) if kind == event]

    def close(self) -> None:
        hang_up(self.io)


def hang_up(io: Any) -> None:
    """Disconnect, wait for the client's threads, and close what it leaves open when it was cut off."""
    threads = [io.eio.read_loop_task, io.eio.write_loop_task]
    io.disconnect()
    for thread in filter(None, threads):
        thread.join(2)
    if io.eio.ws is not None:
        io.eio.ws.shutdown()


@pytest.fixture
def connect(lab: Any, served: Any) -> Iterator[Callable[..., Client]]:
    made: list[Client] = []

    def client(*scopes: str, **options: Any) -> Client:
        made.append(Client(served.url, lab.token(*scopes), **options))
        return made[-1]

    yield client
    for one in made:
        one.close()


class FakeStation:
    """A station at the other end of a real socket: answers commands with `answer`."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.commands: list[dict[str, Any]] = []
        self.answer: dict[str, Any] = {"ok": True}
        self.hold = threading.Event()
        self.hold.set()
        client.io.on("command", self._take)

    def _take(self, command: dict[str, Any]) -> dict[str, Any]:
        self.commands.append(command)
        self.hold.wait(5)
        return self.answer


@pytest.fixture
def station(connect: Callable[..., Client]) -> Iterator[FakeStation]:
    made = FakeStation(connect("station", auth={"station": "bench", "epoch": "e1", "pid": 1, "host": "here"}))
    yield made
    made.hold.set()


@pytest.mark.system
def test_each_hears_its_rooms_once_over_the_wire(
    lab: Any, connect: Callable[..., Client], wait_for: Any, make_readings: Callable[..., Readings]
) -> None:
    lab.scan("A", rows=0)
    lab.scan("B", rows=0)
    clients = {name: connect("read") for name in ("A", "B")}
    for name, client in clients.items():
        assert client.io.call("subscribe_scan", {"scan_id": name, "blocks": True})["ok"]
    for name in clients:
        lab.parts.updates.publish(make_readings(name, 0, 5))
        lab.parts.updates.broadcast_scan_status(name, "completed", 1.0)
    for name, client in clients.items():
        wait_for(lambda client=client: len(client.of("scan_status")) == 2)
        assert [(b["scan_id"], b["count"]) for b in client.of("data_block")] == [(name, 5)]


@pytest.mark.system
def test_a_nan_on_the_wire_cuts_nobody_off(lab: Any, connect: Callable[..., Client], wait_for: Any) -> None:
    lab.scan("S", rows=0)
    client = connect("read")
    client.io.call("subscribe_scan", {"scan_id": "S", "blocks": True})
    client.io.call("subscribe_instruments")
    lab.parts.updates.broadcast_instrument_position(1, "stage", {"x": math.nan})
    lab.parts.updates.broadcast_data_point("S", "iv", {"v": np.float64("nan")})
    (position,) = wait_for(lambda: client.of("instrument_position"))
    assert position["position"] == {"x": None}
    (block,) = wait_for(lambda: client.of("data_block"))
    assert block["columns"][0]["nonfinite"] == {"0": "nan"}
    assert client.io.connected


@pytest.mark.system
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
def test_the_unknown_are_refused_before_the_handshake(served: Any, headers: dict[str, str]) -> None:
    client = socketio.Client(reconnection=False)
    with pytest.raises(socketio.exceptions.ConnectionError):
        client.connect(served.url, headers=headers, transports=["websocket"])
    hang_up(client)
    assert not server_of(served.app.extensions["pybirch"].sockets).eio.sockets


@pytest.mark.system
def test_a_command_reaches_the_station_and_its_answer_comes_back(lab: Any, station: FakeStation) -> None:
    lab.queue("Q", station="bench")
    lab.scan("S", queue_id="Q")
    client, headers = lab.app.test_client(), lab.token("operate")
    station.answer = {"ok": True, "queue": {"status": "running", "current_scan": "S", "scans": []}}
    done = client.post("/api/queue/Q/start", headers=headers)
    assert done.status_code == 200
    assert (done.json["queue"]["status"], done.json["queue"]["current_scan"]) == ("running", "S")
    station.answer = {"ok": True, "scan": {"scan_id": "S", "status": "running", "requested": "pause"}}
    asked = client.post("/api/scan/S/pause", headers=headers).json
    assert (asked["scan"]["status"], asked["scan"]["requested"]) == ("running", "pause")
    first, second = station.commands
    assert (first["action"], first["queue_id"], first["epoch"]) == ("start", "Q", "e1")
    assert (second["action"], second["scan_id"]) == ("pause", "S")
    assert second["seq"] == first["seq"] + 1
    assert done.json["command_id"] == first["command_id"]


@pytest.mark.system
def test_running_again_answers_with_the_new_scan(lab: Any, station: FakeStation) -> None:
    lab.queue("Q", station="bench")
    lab.scan("S", queue_id="Q", state="completed")
    lab.scan("S2", rows=0, state="queued", queue_id="Q", restarted_from="S")
    station.answer = {"ok": True, "scan": {"scan_id": "S2", "status": "running"}}
    answer = lab.app.test_client().post("/api/scan/S/restart", headers=lab.token("operate")).json
    assert (answer["scan"]["scan_id"], answer["scan"]["status"], answer["scan"]["restarted_from"]) == (
        "S2",
        "running",
        "S",
    )


@pytest.mark.system
def test_refusal_silence_and_absence_have_their_codes(
    lab: Any, station: FakeStation, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.queue("Q", station="bench")
    lab.queue("other", station="elsewhere")
    client, headers = lab.app.test_client(), lab.token("operate")
    station.answer = {"ok": False, "error": "the queue is empty"}
    refused = client.post("/api/queue/Q/start", headers=headers)
    assert (refused.status_code, refused.json["error"]["message"]) == (409, "the queue is empty")
    absent = client.post("/api/queue/other/start", headers=headers)
    assert absent.status_code == 503
    assert "elsewhere" in absent.json["error"]["message"]
    monkeypatch.setattr(stations_module, "DEADLINE", 0.1)
    station.hold.clear()
    assert client.post("/api/queue/Q/start", headers=headers).status_code == 504
    assert client.post("/api/queue/Q/dance", headers=headers).status_code in (404, 405)
    assert client.post("/api/queue/none/start", headers=headers).status_code == 404


@pytest.mark.system
def test_stop_everything_reaches_every_station(
    lab: Any, station: FakeStation, connect: Callable[..., Client]
) -> None:
    second = FakeStation(connect("station", auth={"station": "desk", "epoch": "e9"}))
    second.answer = {"ok": False, "error": "stuck"}
    answer = lab.app.test_client().post("/api/stop", headers=lab.token("operate"))
    assert sorted((s["name"], s["ok"], s["error"]) for s in answer.json["stations"]) == [
        ("bench", True, None),
        ("desk", False, "stuck"),
    ]
    assert answer.json["ok"] is False
    assert station.commands[0]["action"] == second.commands[0]["action"] == "stop_everything"


@pytest.mark.system
def test_stop_everything_is_plain_about_how_far_it_came(
    lab: Any, station: FakeStation, connect: Callable[..., Client]
) -> None:
    """Whoever is known may ask, and gives a reason; what hangs, fails or is out of reach is named."""
    connect("station", auth={"station": "gone", "epoch": "e2"})
    lab.parts.stations.exited("gone", "e2")
    running = [{"name": "sweep", "status": "running"}, {"name": "next", "status": "queued"}]
    station.answer = {
        "ok": True,
        "queues": [{"scans": running}],
        "instruments": [
            {"name": "hv", "state": "unsafe", "error": "no answer to OUTP OFF"},
            {"name": "camera", "state": "busy", "error": None},
            {"name": "stage", "state": "safe", "error": None},
        ],
    }
    client = lab.app.test_client()
    told = client.post("/api/stop", headers=lab.token("read"), json={"why": "smoke"}).json
    assert told["ok"] is False
    bench, gone = told["stations"]
    assert bench["running"] == ["sweep"]
    assert bench["error"] == (
        "hv could not be made safe: no answer to OUTP OFF; "
        "camera has not answered yet and will be made safe when it does"
    )
    assert (gone["name"], gone["ok"]) == ("gone", False)
    assert "cannot be reached" in gone["error"]
    assert station.commands[0]["why"] == "smoke"
    assert lab.parts.errands.flush(10)
    assert lab.db.audit.list()[0].detail["why"] == "smoke"


def test_stop_everything_without_a_station_is_no_success(lab: Any) -> None:
    told = lab.app.test_client().post("/api/stop", headers=lab.token("read")).json
    assert told == {"ok": False, "stations": []}


@pytest.mark.system
def test_a_stations_life_is_shown(
    lab: Any, station: FakeStation, connect: Callable[..., Client], wait_for: Any
) -> None:
    lab.scan("S")
    viewer = connect("read")
    beat = {"station": "bench", "epoch": "e1"}
    answer = station.client.io.call("heartbeat", beat)
    assert (answer["ok"], abs(answer["time"] - time.time()) < 60) == (True, True)
    assert station.client.io.call("heartbeat", {**beat, "epoch": "e0"})["ok"] is False
    told = lab.app.test_client().get("/api/overview", headers=lab.token("read")).json["stations"]
    assert [(s["name"], s["state"], s["pid"], s["host"]) for s in told] == [("bench", "live", 1, "here")]
    again = connect("admin", auth={"station": "bench", "epoch": "e2"})
    statuses = wait_for(lambda: viewer.of("scan_status"))
    assert (statuses[0]["scan_id"], statuses[0]["status"]) == ("S", "interrupted")
    assert again.io.call("heartbeat", {**beat, "epoch": "e2"})["ok"] is True
    assert station.client.io.call("heartbeat", beat)["ok"] is False


@pytest.mark.system
def test_nobody_connects_under_another_tokens_name(
    lab: Any, served: Any, station: FakeStation, connect: Callable[..., Client]
) -> None:
    with pytest.raises(socketio.exceptions.ConnectionError):
        connect("station", auth={"station": "bench", "epoch": "evil"})
    assert station.client.io.call("heartbeat", {"station": "bench", "epoch": "e1"})["ok"] is True


@pytest.mark.system
def test_a_station_that_beats_is_not_dead(lab: Any, station: FakeStation) -> None:
    client, admin = lab.app.test_client(), lab.token("admin")
    exit_ = {"station": "bench", "epoch": "e1", "code": -9}
    assert client.post("/api/station/exited", json=exit_, headers=admin).json == {"ok": True}

    def state() -> str:
        return client.get("/api/overview", headers=admin).json["stations"][0]["state"]

    assert state() == "exited"
    assert station.client.io.call("heartbeat", {"station": "bench", "epoch": "e1"})["ok"] is True
    assert state() == "live"
    assert lab.db.stations.find("bench").is_attached
    assert client.post("/api/stop", headers=admin).json["stations"][0]["ok"] is True


@pytest.mark.system
@pytest.mark.parametrize(("scopes", "name"), [(("read",), "bench"), (("operate",), "bench")])
def test_only_a_station_may_be_one(served: Any, lab: Any, scopes: tuple[str, ...], name: str) -> None:
    client = socketio.Client(reconnection=False)
    with pytest.raises(socketio.exceptions.ConnectionError):
        client.connect(
            served.url,
            headers=lab.token(*scopes),
            auth={"station": name, "epoch": "e1"},
            transports=["websocket"],
        )
    hang_up(client)


@pytest.mark.system
def test_a_client_that_takes_nothing_is_dropped(
    lab: Any, connect: Callable[..., Client], wait_for: Any
) -> None:
    client = connect("read")
    engine = server_of(lab.parts.sockets).eio
    ((sid, _),) = engine.sockets.items()
    assert drop_overfull(lab.parts.sockets) == []
    assert drop_overfull(lab.parts.sockets, most_packets=-1) == [sid]
    wait_for(lambda: not client.io.connected)
    client.close()


@pytest.mark.system
def test_a_message_too_large_ends_the_connection(connect: Callable[..., Client], wait_for: Any) -> None:
    client = connect("read")
    client.io.emit("subscribe_scan", {"scan_id": "x" * 100_000})
    wait_for(lambda: not client.io.connected)
    client.close()


@pytest.mark.system
def test_rights_that_change_elsewhere_cut_the_line(lab: Any, served: Any, wait_for: Any) -> None:
    now = [0.0]
    watch = IdentityWatch(lab.db, lab.parts.sockets, clock=lambda: now[0])
    made = [lab.db.tokens.create(f"t{n}", None, scopes=("read",)) for n in range(2)]
    kept, revoked = (Client(served.url, {"Authorization": f"Bearer {secret}"}) for _, secret in made)
    watch.look()
    lab.db.tokens.revoke(made[1][0].id)
    watch.look()
    assert revoked.io.connected
    now[0] = 1.0
    watch.look()
    wait_for(lambda: not revoked.io.connected)
    assert kept.io.connected
    kept.close()
    revoked.close()


def test_a_new_role_cuts_the_line(lab: Any, viewer: Any) -> None:
    watch = IdentityWatch(lab.db, lab.parts.sockets, clock=iter(range(10)).__next__)
    watch.look()
    assert any(room.startswith("user_") for room in rooms_of(lab.parts.sockets))
    lab.db.users.update(lab.db.users.list()[0].id, role="operator")
    watch.look()
    watch.look()
    lab.parts.updates.broadcast_scan_status("S", "running")
    assert heard(viewer) == []


@pytest.mark.system
def test_signing_out_and_losing_a_token_cut_the_line(lab: Any, served: Any, wait_for: Any) -> None:
    from database.web.auth import disconnect_identity

    row, secret = lab.db.tokens.create("test", None, scopes=("read",))
    client = Client(served.url, {"Authorization": f"Bearer {secret}"})
    lab.db.tokens.revoke(row.id)
    with lab.app.app_context():
        disconnect_identity(f"token_{row.id}")
    wait_for(lambda: not client.io.connected)
    client.close()


def test_broadcasts_of_this_process_go_to_its_own_server(lab: Any) -> None:
    from database.web.app import get_scan_update_server

    assert get_scan_update_server() is lab.parts.updates
    with lab.app.app_context():
        assert get_scan_update_server() is lab.parts.updates
