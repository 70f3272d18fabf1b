"""The server's clock, as a station learns it from answers."""

from __future__ import annotations

from pybirch.database_integration.sync.clock import ServerClock


class Here:
    """A clock that goes as it is told."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def learned(ahead: float, round_trip: float = 0.2) -> tuple[ServerClock, Here]:
    here = Here()
    clock = ServerClock(here)
    answer(clock, here, ahead, round_trip)
    return clock, here


def answer(clock: ServerClock, here: Here, ahead: float, round_trip: float) -> None:
    sent = here.time
    here.time += round_trip
    clock.learn(sent, sent + round_trip / 2 + ahead)


def test_nothing_is_past_while_the_clock_is_unknown() -> None:
    clock = ServerClock(Here())
    assert not clock.is_past(0.0)


def test_a_server_in_another_time_is_understood() -> None:
    clock, here = learned(ahead=3600.0)
    assert not clock.is_past(here.time + 3600)
    assert not clock.is_past(here.time + 3600 - 0.09), "within half the round trip nobody knows"
    assert clock.is_past(here.time + 3600 - 0.11)


def test_the_quickest_answer_says_it_best() -> None:
    clock, here = learned(ahead=50.0, round_trip=0.01)
    answer(clock, here, ahead=51.0, round_trip=4.0)
    assert clock.is_past(here.time + 49.9)
    assert not clock.is_past(here.time + 50.1)


def test_a_clock_that_was_put_back_is_learned_again() -> None:
    clock, here = learned(ahead=0.0, round_trip=0.01)
    here.time -= 7200.0
    answer(clock, here, ahead=7200.0, round_trip=0.5)
    assert not clock.is_past(here.time + 7200)
    assert clock.is_past(here.time + 7199)


def test_a_new_connection_begins_with_nothing() -> None:
    clock, here = learned(ahead=0.0)
    clock.forget()
    assert not clock.is_past(here.time - 1e6)
