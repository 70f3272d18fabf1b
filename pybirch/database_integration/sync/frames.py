"""Numbered frames to the server's ingest: one in flight, sent again until acknowledged.

Two kinds of items travel in them. *Told* items only show what the database has already (see
`told`). *Kept* items are stored by the server, and `keep` returns when they are.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
import requests

from pybirch.database_integration.sync.told import Told
from pybirch.errors import FieldError, PyBirchError, ServerUnavailableError, StaleWriterError

log = logging.getLogger(__name__)

FRAME_ITEMS = 500
FRAME_BYTES = 2**20
"""A frame of told items is cut at about this size."""
MOST_BYTES = 60 * 2**20
"""A little less than the server takes in one frame."""
SLOWEST_RETRY = 2.0
TIMEOUT = 10.0
LAST_ANSWER = 1.0
"""Seconds that closing gives a request under way."""

Find = Callable[[], tuple[str, str]]
"""Gives a server's address and token; raises ServerUnavailableError when there is none."""

Item = Mapping[str, Any]
"""``{"kind": event name, "payload": …}``"""


class TooLargeError(Exception):
    """The server takes no frame of this size."""


class _Kept:
    def __init__(self, items: Sequence[Item]) -> None:
        self.items = [encode(item) for item in items]
        self.done = threading.Event()
        self.answer: dict[str, Any] = {}
        self.error: Exception | None = None

    def settle(self, error: Exception | None) -> None:
        self.error = error
        self.done.set()


class Frames:
    """The sender: one thread, one request at a time.

    Args:
        find: gives the server's address and a bearer token with the scope "station".
        station: name of this station.
        epoch: its present life.
    """

    def __init__(self, find: Find, station: str, epoch: str) -> None:
        self._find = find
        self.station = station
        self.epoch = epoch
        self._seq = 0
        self._told = Told()
        self._kept: deque[_Kept] = deque()
        self._open = True
        self._idle = True
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=f"frames of {station}", daemon=True)
        self._thread.start()

    def tell(self, kind: str, payload: Mapping[str, Any]) -> None:
        """Show something that is stored already; never waits, and never raises for what cannot be sent."""
        try:
            data = encode({"kind": kind, "payload": payload})
        except FieldError as error:
            log.error("not shown: %s", error)
            return
        with self._changed:
            self._told.add(kind, payload, data)
            self._changed.notify_all()

    def keep(self, items: Sequence[Item], patience: float = 60.0) -> dict[str, Any]:
        """Have the server store these items, in order; its answer, when they are durable.

        Raises:
            ServerUnavailableError: no answer within `patience` seconds, or the sender is closed.
            FieldError: they cannot be sent, or the server refused them.
            StaleWriterError: the server refused them.
        """
        kept = _Kept(items)
        self._line_up(kept)
        if not kept.done.wait(patience):
            with self._changed:
                if kept in self._kept:
                    self._kept.remove(kept)
            raise ServerUnavailableError(f"the server did not store the readings within {patience:g} s")
        if kept.error is not None:
            raise kept.error
        return kept.answer

    def _line_up(self, kept: _Kept) -> None:
        with self._changed:
            if not self._open:
                raise ServerUnavailableError("the connection to the server was closed")
            self._kept.append(kept)
            self._changed.notify_all()

    def flush(self, timeout: float) -> bool:
        """Wait until everything was acknowledged; False when `timeout` (s) ran out."""
        with self._changed:
            return self._changed.wait_for(lambda: self._idle and not self._told and not self._kept, timeout)

    def close(self, timeout: float = 2.0) -> None:
        """Send what waits, for at most `timeout` seconds, and end the thread."""
        self.flush(timeout)
        with self._changed:
            self._open = False
            self._changed.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join(max(timeout, LAST_ANSWER))

    def _run(self) -> None:
        session = requests.Session()
        try:
            while (frame := self._next_frame()) is not None:
                if isinstance(frame, _Kept):
                    self._send_kept(session, frame)
                else:
                    self._send_told(session, frame)
        finally:
            session.close()
            with self._changed:
                self._open, left = False, list(self._kept)
            for kept in left:
                kept.settle(ServerUnavailableError("the connection to the server was closed"))

    def _next_frame(self) -> _Kept | list[bytes] | None:
        with self._changed:
            self._idle = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._kept or self._told or not self._open)
            if not self._open:
                return None
            self._idle = False
            return self._kept.popleft() if self._kept else self._told.take(FRAME_ITEMS, FRAME_BYTES)

    def _send_kept(self, session: requests.Session, kept: _Kept) -> None:
        try:
            kept.answer = self._send(session, kept.items, store=True)
        except (PyBirchError, TooLargeError) as error:
            kept.settle(FieldError("items", str(error)) if isinstance(error, TooLargeError) else error)
        else:
            kept.settle(None)

    def _send_told(self, session: requests.Session, items: list[bytes]) -> None:
        """Send; what is too large for the server in halves."""
        try:
            self._send(session, items, store=False)
        except TooLargeError as error:
            if len(items) == 1:
                log.error("not shown, %d bytes: %s", len(items[0]), error)
                return
            self._send_told(session, items[: len(items) // 2])
            self._send_told(session, items[len(items) // 2 :])
        except PyBirchError as error:
            log.error("the server refused %d events: %s", len(items), error)

    def _send(self, session: requests.Session, items: list[bytes], *, store: bool) -> dict[str, Any]:
        """One frame, again and again until it is answered; the answer.

        Raises:
            ServerUnavailableError: closed before that, or the token was refused.
            FieldError, StaleWriterError, TooLargeError: the server refused the frame.
        """
        self._seq += 1
        head = orjson.dumps({"station": self.station, "epoch": self.epoch, "seq": self._seq, "store": store})
        body = head[:-1] + b',"items":[' + b",".join(items) + b"]}"
        pause = 0.05
        while self._open:
            answer = self._post(session, body)
            if answer is not None:
                return _read(answer)
            self._pause(pause)
            pause = min(SLOWEST_RETRY, pause * 2)
        raise ServerUnavailableError("the connection was closed before the server answered")

    def _post(self, session: requests.Session, body: bytes) -> requests.Response | None:
        """The server's answer, if it has one already."""
        try:
            url, token = self._find()
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            answer = session.post(
                f"{url.rstrip('/')}/api/ingest", data=body, headers=headers, timeout=TIMEOUT
            )
        except (requests.RequestException, ServerUnavailableError) as error:
            log.debug("ingest: %s", error)
            return None
        if answer.status_code < 500 and answer.status_code != 429:
            return answer
        log.warning("ingest: the server answered %d", answer.status_code)
        return None

    def _pause(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._open, seconds)


def encode(item: Item) -> bytes:
    """One item as JSON.

    Raises:
        FieldError: it holds something JSON cannot say; names the item.
    """
    try:
        return orjson.dumps(item, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)
    except TypeError as error:
        payload = item["payload"]
        named = next((f" of {payload[key]}" for key in ("scan_id", "queue_id", "name") if key in payload), "")
        raise FieldError(f"{item['kind']}{named}", str(error)) from error


def _read(answer: requests.Response) -> dict[str, Any]:
    """What the server said.

    Raises:
        ServerUnavailableError, FieldError, StaleWriterError, TooLargeError: it refused.
    """
    try:
        told = answer.json()
    except ValueError:
        told = {}
    if answer.ok:
        return told
    error = told.get("error") or {}
    named = isinstance(error, dict)
    message = (error.get("message") if named else str(error)) or f"the server answered {answer.status_code}"
    field = str(error.get("field") or "") if named else ""
    match answer.status_code:
        case status if status == 401 or (status == 403 and not field):  # with a field, that is not its own
            raise ServerUnavailableError(f"the server refused the token: {message}")
        case 409 if field.startswith("items") or not field:  # else it names what is archived
            raise StaleWriterError(message)
        case 413:
            raise TooLargeError(message)
    raise FieldError(field or "ingest", message)
