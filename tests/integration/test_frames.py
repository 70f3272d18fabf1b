"""Frames to the server's ingest: numbered, one in flight, sent again until acknowledged."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from pybirch.database_integration.sync.frames import Frames
from pybirch.errors import FieldError, ServerUnavailableError, StaleWriterError
from tests.lab import Doorway


class Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        pass


class Ingest:
    """A server that remembers frames; `answers` are the statuses it gives next, then always 200."""

    def __init__(self) -> None:
        self.frames: list[dict[str, Any]] = []
        self.tokens: set[str] = set()
        self.answers: list[int] = []
        self.door: Doorway | None = None
        self.is_too_large: Callable[[list[Any]], bool] = lambda items: False
        self.most_at_once = self._at_once = 0
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}"

    def _answer(self, environ: Any, start_response: Any) -> list[bytes]:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        frame = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        self.tokens.add(environ["HTTP_AUTHORIZATION"])
        if self.door is not None:
            self.door.pass_through()
        status = 413 if self.is_too_large(frame["items"]) else self.answers.pop(0) if self.answers else 200
        if status == 200:
            self.frames.append(frame)
        self._at_once -= 1
        body = json.dumps({"ok": status == 200, "error": {"field": "items[0]", "message": "no"}}).encode()
        start_response(f"{status} told", [("Content-Length", str(len(body)))])
        return [body]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join(5)
        self._server.server_close()


@pytest.fixture
def ingest() -> Iterator[Ingest]:
    made = Ingest()
    yield made
    if made.door is not None:
        made.door.open()
    made.close()


@pytest.fixture
def place() -> dict[str, str]:
    """Where the server is; empty while nobody knows."""
    return {}


@pytest.fixture
def frames(ingest: Ingest, place: dict[str, str]) -> Iterator[Frames]:
    place["url"] = ingest.url

    def find() -> tuple[str, str]:
        if "url" not in place:
            raise ServerUnavailableError("nobody knows")
        return place["url"], "secret"

    made = Frames(find, "bench", "e1")
    yield made
    made.close(0.0)


def kinds(ingest: Ingest) -> list[str]:
    return [item["kind"] for frame in ingest.frames for item in frame["items"]]


def test_frames_are_numbered_and_one_is_in_flight(ingest: Ingest, frames: Frames) -> None:
    threads = [
        threading.Thread(target=frames.keep, args=([{"kind": f"k{i}", "payload": {}}],)) for i in range(8)
    ]
    for thread in threads:
        thread.start()
    frames.tell("told", {"x": 1})
    for thread in threads:
        thread.join(5)
    assert frames.flush(5)
    assert [frame["seq"] for frame in ingest.frames] == list(range(1, len(ingest.frames) + 1))
    assert ingest.most_at_once == 1
    assert {(frame["station"], frame["epoch"]) for frame in ingest.frames} == {("bench", "e1")}
    assert {frame["store"] for frame in ingest.frames if frame["items"][0]["kind"] == "told"} == {False}
    assert ingest.tokens == {"Bearer secret"}


def test_a_frame_is_sent_again_under_its_number(ingest: Ingest, frames: Frames) -> None:
    ingest.answers = [503, 429]
    frames.keep([{"kind": "k", "payload": {}}], patience=5)
    frames.keep([{"kind": "l", "payload": {}}], patience=5)
    assert [(frame["seq"], frame["items"][0]["kind"]) for frame in ingest.frames] == [(1, "k"), (2, "l")]


def test_what_is_kept_waits_until_it_is_acknowledged(
    ingest: Ingest, frames: Frames, place: dict[str, str]
) -> None:
    ingest.door = door = Doorway()
    kept = threading.Thread(target=frames.keep, args=([{"kind": "k", "payload": {}}],))
    kept.start()
    door.wait_until_entered()
    assert kept.is_alive()
    ingest.door = None
    door.open()
    kept.join(5)
    assert not kept.is_alive()
    url = place.pop("url")
    again = threading.Thread(target=frames.keep, args=([{"kind": "l", "payload": {}}],))
    again.start()
    place["url"] = "http://127.0.0.1:9"  # refused
    place["url"] = url
    again.join(5)
    assert kinds(ingest) == ["k", "l"]


def test_what_the_server_refuses_is_raised_with_its_words(ingest: Ingest, frames: Frames) -> None:
    for status, error in ((400, FieldError), (409, StaleWriterError), (401, ServerUnavailableError)):
        ingest.answers = [status]
        with pytest.raises(error, match="no"):
            frames.keep([{"kind": "k", "payload": {}}], patience=5)


def test_a_server_that_stays_away_is_an_error_after_some_patience(
    frames: Frames, place: dict[str, str]
) -> None:
    place.clear()
    with pytest.raises(ServerUnavailableError, match=r"0\.05 s"):
        frames.keep([{"kind": "k", "payload": {}}], patience=0.05)


def test_readings_are_dropped_before_statuses(
    ingest: Ingest, frames: Frames, place: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pybirch.database_integration.sync.told.MOST_BYTES", 20_000)
    place.clear()
    frames.tell("first", {})
    for number in range(1000):
        frames.tell("data_block", {"n": number})
        if number % 50 == 0:
            frames.tell("scan_status", {"scan_id": f"S{number}", "status": "running"})
    place["url"] = ingest.url
    assert frames.flush(10)
    told = kinds(ingest)
    assert told.count("scan_status") == 20
    assert 100 < told.count("data_block") < 900
    last = [i["payload"]["n"] for f in ingest.frames for i in f["items"] if i["kind"] == "data_block"][-1]
    assert last == 999, "the oldest go first"


def test_what_the_server_finds_too_large_comes_in_halves(
    ingest: Ingest, frames: Frames, place: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    place.clear()
    frames.tell("first", {})
    for number in range(4):
        frames.tell("queue_log", {"n": number})
    ingest.is_too_large = lambda items: len(items) > 2 or {"n": 2} in [item["payload"] for item in items]
    place["url"] = ingest.url
    assert frames.flush(10)
    told = [item["payload"].get("n") for frame in ingest.frames for item in frame["items"]]
    assert told == [None, 0, 1, 3], "only what is too large by itself is left out"
    assert "not shown" in caplog.text


def test_what_json_cannot_say_stops_nobody(
    ingest: Ingest, frames: Frames, caplog: pytest.LogCaptureFixture
) -> None:
    frames.tell("queue_log", {"queue_id": "Q", "message": "half \ud800"})
    for odd in ({"message": "\ud800"}, {"thing": object()}, {"number": 2**70}):
        with pytest.raises(FieldError, match="scan_status of S1"):
            frames.keep([{"kind": "scan_status", "payload": {"scan_id": "S1", **odd}}])
    frames.keep([{"kind": "fine", "payload": {}}], patience=5)
    assert kinds(ingest) == ["fine"]
    assert "queue_log of Q" in caplog.text


def test_after_closing_nothing_is_taken_and_nobody_waits(ingest: Ingest, frames: Frames) -> None:
    frames.tell("last", {})
    frames.close()
    assert kinds(ingest) == ["last"]
    with pytest.raises(ServerUnavailableError, match="closed"):
        frames.keep([{"kind": "k", "payload": {}}])


def test_closing_does_not_wait_for_a_server_that_never_answers(ingest: Ingest, frames: Frames) -> None:
    ingest.door = Doorway()
    frames.tell("stuck", {})
    ingest.door.wait_until_entered()
    begun = time.monotonic()
    frames.close(0.1)
    assert time.monotonic() - begun < 3
