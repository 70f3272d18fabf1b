"""Lines over a real socket through pyvisa-py: sharing, time-outs, broken connections."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from pybirch.errors import InstrumentError, InstrumentTimeoutError
from pybirch.instruments.address import canonical_address
from pybirch.instruments.session import LineSession, LineSettings
from pybirch.instruments.visa import VisaMovement
from pybirch.simulator.process import visa_address
from pybirch.simulator.server import DeviceServer


class SlowBox:
    """Answers SLOW? when told to; counts and echoes everything else."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.heard: list[str] = []

    def handle(self, line: str) -> str | None:
        self.heard.append(line)
        if line == "SLOW?":
            self.release.wait(10)
            return "late"
        return f"{line} answered" if line.endswith("?") else None


@pytest.fixture
def box() -> SlowBox:
    return SlowBox()


@pytest.fixture
def server(box: SlowBox) -> Iterator[DeviceServer]:
    served = DeviceServer("box", box)
    served.start()
    yield served
    box.release.set()
    served.stop()


@pytest.fixture
def open_session(server: DeviceServer, request: pytest.FixtureRequest) -> Callable[..., LineSession]:
    def opened(name: str = "box", timeout: float = 2.0) -> LineSession:
        session = LineSession(name, visa_address(server.port), LineSettings(timeout=timeout))
        request.addfinalizer(session.close)
        session.open()
        return session

    return opened


def wait_for(fact: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    pause = threading.Event()
    while not fact():
        assert time.monotonic() < end
        pause.wait(0.005)


def test_a_late_answer_is_not_taken_for_the_next_one(
    box: SlowBox, open_session: Callable[..., LineSession]
) -> None:
    session = open_session(timeout=0.1)

    with pytest.raises(
        InstrumentTimeoutError, match=r"box at TCPIP::127.0.0.1::\d+::SOCKET: no answer within 0.1 s"
    ):
        session.query("SLOW?")
    box.release.set()

    assert [session.query(f"Q{number}?") for number in range(3)] == [
        "Q0? answered",
        "Q1? answered",
        "Q2? answered",
    ]


def test_an_answer_that_comes_while_the_next_question_waits_is_not_taken_for_it(
    box: SlowBox, open_session: Callable[..., LineSession]
) -> None:
    session = open_session()
    with pytest.raises(InstrumentTimeoutError, match=r"within 0.05 s"):
        session.query("SLOW?", timeout=0.05)
    answers: list[str] = []
    asking = threading.Thread(target=lambda: answers.append(session.query("NEXT?")))
    asking.start()
    box.release.set()
    asking.join()

    assert answers == ["NEXT? answered"]


def test_sessions_of_one_address_share_one_connection(
    server: DeviceServer, open_session: Callable[..., LineSession]
) -> None:
    first, second = open_session("a"), open_session("b")
    first.query("A?")
    second.query("B?")
    assert len(server.connections) == 1

    first.close()
    assert second.query("C?") == "C? answered"
    second.close()
    wait_for(lambda: not server.connections)


def test_many_threads_get_their_own_answers(open_session: Callable[..., LineSession]) -> None:
    sessions = [open_session(f"user {number}") for number in range(4)]
    wrong: list[str] = []

    def ask(session: LineSession, who: int) -> None:
        for number in range(50):
            answer = session.query(f"Q{who}.{number}?")
            if answer != f"Q{who}.{number}? answered":
                wrong.append(answer)

    threads = [threading.Thread(target=ask, args=(session, who)) for who, session in enumerate(sessions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


def test_exclusively_keeps_others_out(box: SlowBox, open_session: Callable[..., LineSession]) -> None:
    one, other = open_session("one"), open_session("other")
    with one.exclusively():
        asking = threading.Thread(target=other.query, args=("OTHER?",))
        asking.start()
        one.query("FIRST?")
        one.query("SECOND?")
    asking.join()

    assert box.heard == ["FIRST?", "SECOND?", "OTHER?"]


def test_a_command_before_a_query_costs_no_pause(open_session: Callable[..., LineSession]) -> None:
    session = open_session()
    session.query("WARM?")
    began = time.monotonic()
    for _ in range(20):
        session.write("SET 1")
        session.write("SET 2")
        session.query("GET?")

    assert time.monotonic() - began < 0.4


def test_a_hung_up_instrument_is_told_at_once_and_can_be_called_again(
    box: SlowBox, server: DeviceServer, open_session: Callable[..., LineSession]
) -> None:
    session = open_session()
    session.query("A?")
    for connection in list(server.connections):
        connection.shutdown(socket.SHUT_RDWR)
    wait_for(lambda: not server.connections)

    with pytest.raises(InstrumentError, match=r"box at .*: the instrument closed the connection"):
        session.query("B?")
    assert session.query("C?") == "C? answered"
    assert "B?" not in box.heard


def test_an_instrument_that_dies_while_asked_is_told_before_the_time_out(
    box: SlowBox, server: DeviceServer, open_session: Callable[..., LineSession]
) -> None:
    session = open_session(timeout=20.0)
    session.query("A?")

    def die() -> None:
        wait_for(lambda: "SLOW?" in box.heard)
        for connection in list(server.connections):
            connection.shutdown(socket.SHUT_RDWR)

    dying = threading.Thread(target=die)
    dying.start()
    began = time.monotonic()
    with pytest.raises(InstrumentError, match="closed the connection"):
        session.query("SLOW?")
    dying.join()

    assert time.monotonic() - began < 5.0


def test_nobody_there_names_instrument_and_address() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        address = visa_address(reserved.getsockname()[1])
        movement = VisaMovement("stage", None, address, timeout=0.5)

        with pytest.raises(
            InstrumentError, match=f"stage at {address}: cannot be opened: Connection refused"
        ):
            movement.connect()
    assert not movement.check_connection()
    assert "stage" in str(movement.error)


def test_a_closed_session_says_so(open_session: Callable[..., LineSession]) -> None:
    session = open_session()
    session.close()
    session.close()

    with pytest.raises(InstrumentError, match="not connected"):
        session.query("A?")


@pytest.mark.parametrize(
    ("address", "same"),
    [
        ("TCPIP::10.0.0.7::5025::SOCKET", "tcpip0::10.0.0.7::5025::socket"),
        ("GPIB::8::INSTR", "GPIB0::8::INSTR "),
        ("ASRL/dev/ttyUSB0::INSTR", "ASRL/dev/ttyUSB0::INSTR"),
    ],
)
def test_one_address_has_one_spelling(address: str, same: str) -> None:
    assert canonical_address(address) == canonical_address(same)
