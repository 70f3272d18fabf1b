"""When many watch, progress and values wait for room, of each thing the newest; states never do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybirch.database_integration.sync.easing import Easing
from pybirch.database_integration.sync.websocket_server import ScanUpdateServer
from pybirch.events import Event, InstrumentStatus, QueueLog, ScanStatus
from pybirch.states import InstrumentState, ScanState, Wish

BUSY, RUNNING = InstrumentState.MEASURING, ScanState.RUNNING


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def value(number: int, volts: float, state: InstrumentState = BUSY) -> InstrumentStatus:
    return InstrumentStatus(
        instrument_id=number, instrument_name=f"meter {number}", status=state, value={"V": volts}
    )


def progress(scan_id: str, share: float, state: ScanState = RUNNING, **known: Any) -> ScanStatus:
    return ScanStatus(scan_id=scan_id, status=state, progress=share, **known)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_while_there_is_room_nothing_waits(clock: Clock) -> None:
    easing = Easing(clock, rate=100)
    for n in range(20):
        event = value(n % 4, n)
        assert easing.pass_on(event, 5) == [event]
    assert easing.due_in(5) is None


def test_without_room_the_newest_of_each_thing_waits_for_its_turn(clock: Clock) -> None:
    easing = Easing(clock, rate=100)
    for number in (1, 2):
        easing.pass_on(value(number, 0), 100)
    sent = [easing.pass_on(value(number, volts), 100) for volts in (1, 2, 3) for number in (1, 2)]
    assert [event.value for events in sent for event in events] == []
    assert easing.due_in(100) == pytest.approx(2.0)
    clock.now += 2.0
    [first] = easing.take_due(100)
    assert (first.instrument_id, first.value) == (1, {"V": 3})
    clock.now += 1.0
    [second] = easing.take_due(100)
    assert (second.instrument_id, second.value) == (2, {"V": 3})
    clock.now += 5.0
    assert easing.take_due(100) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (value(1, 1), value(1, 2, InstrumentState.ERROR)),
        (progress("S", 0.1), progress("S", 0.2, ScanState.PAUSED)),
        (progress("S", 0.1), progress("S", 0.2, requested=Wish.PAUSE)),
        (progress("S", 0.1), progress("S", 0.2, message="waiting for the stage")),
    ],
)
def test_a_change_of_state_never_waits_and_comes_behind_what_waited(
    clock: Clock, before: Any, after: Any
) -> None:
    easing = Easing(clock, rate=10)
    easing.pass_on(before, 10)
    assert easing.pass_on(before, 10) == [], "no room is left"
    assert easing.pass_on(after, 10) == [before, after]
    assert easing.take_all() == []


def test_what_is_no_progress_and_no_value_never_waits(clock: Clock) -> None:
    easing = Easing(clock, rate=1)
    line = QueueLog(queue_id="Q", level="INFO", message="x")
    assert [easing.pass_on(line, 1000) for _ in range(9)] == [[line]] * 9


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from([BUSY, InstrumentState.IDLE]), st.floats(0, 0.3)),
        max_size=60,
    ),
    st.integers(1, 300),
)
def test_the_last_of_each_thing_is_always_sent_and_every_change_of_state(
    events: list[tuple[int, InstrumentState, float]], watchers: int
) -> None:
    clock = Clock()
    easing = Easing(clock, rate=100)
    sent: list[Event] = []
    given_: list[InstrumentStatus] = []
    for n, (number, state, pause) in enumerate(events):
        clock.now += pause
        sent += easing.take_due(watchers)
        given_.append(value(number, n, state))
        sent += easing.pass_on(given_[-1], watchers)
    clock.now += 1000
    while easing.due_in(watchers) is not None:
        sent += easing.take_due(watchers)
        clock.now += 10
    for number in range(4):
        all_ = [e for e in given_ if e.instrument_id == number]
        mine = [e for e in sent if isinstance(e, InstrumentStatus) and e.instrument_id == number]
        assert mine[-1:] == all_[-1:]
        assert [e for e in all_ if e in mine] == mine, "in order, none twice"
        assert _changes(mine) == _changes(all_)


def _changes(events: list[InstrumentStatus]) -> list[InstrumentState]:
    states = [event.status for event in events]
    return [state for n, state in enumerate(states) if n == 0 or states[n - 1] is not state]


class _Room:
    def get_participants(self, _space: str, room: str) -> list[int]:
        return list(range(500)) if room == "global" else []


class _SocketIO:
    def __init__(self) -> None:
        self.server = type("Server", (), {"manager": _Room()})()
        self.sent: list[tuple[str, dict[str, Any]]] = []

    def emit(self, event: str, payload: dict[str, Any], **_: Any) -> None:
        self.sent.append((event, payload))


def test_the_server_sends_what_waited_at_its_tick_and_at_its_end(clock: Clock) -> None:
    sockets = _SocketIO()
    server = ScanUpdateServer(sockets, clock=clock, paced=False)
    for volts in range(10):
        server.publish(value(1, volts))
    assert [payload["value"]["V"] for _, payload in sockets.sent] == [0, 1, 2, 3]
    latest = server.latest_instrument(1)
    assert latest is not None
    assert latest.value == {"V": 9}, "who asks is told the newest"
    clock.now += 1.0
    server.tick()
    assert sockets.sent[-1][1]["value"] == {"V": 9}
    for volts in range(20, 30):
        server.publish(value(1, volts))
    server.close()
    assert sockets.sent[-1][1]["value"] == {"V": 29}
