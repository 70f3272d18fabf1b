"""Numbered frames to the server's ingest: one in flight, sent again until acknowledged.

Two kinds of items travel in them. *Told* items only show what the database has already (they wait
in a bounded backlog from which readings, never statuses, are dropped). *Kept* items are stored by
the server, and `keep` returns when they are.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import requests

from pybirch.errors import FieldError, ServerUnavailableError, StaleWriterError

log = logging.getLogger(__name__)

BACKLOG_ITEMS = 2_000
FRAME_ITEMS = 500
SLOWEST_RETRY = 2.0
TIMEOUT = 10.0
LAST_ANSWER = 1.0
"""Seconds that closing gives a request under way."""

Find = Callable[[], tuple[str, str]]
"""Gives a server's address and token; raises ServerUnavailableError when there is none."""

Item = dict[str, Any]
"""``{"kind": event name, "payload": …}``"""


class _Kept:
    def __init__(self, items: Sequence[Item], awaited: bool = True) -> None:
        self.items = list(items)
        self.awaited = awaited
        self.done = threading.Event()
        self.answer: dict[str, Any] = {}
        self.error: Exception | None = None


class Frames:
    """The sender: one thread, one request at a time.

    Args:
        find: gives the server's address and a bearer token with the scope "station".
        station: name of this station.
        epoch: its present life.
    """

    def __init__(self, find: Find, station: str, epoch: str) -> None:
        self._find = find
        self._station = station
        self._epoch = epoch
        self._seq = 0
        self._told: deque[Item] = deque()
        self._kept: deque[_Kept] = deque()
        self._open = True
        self._idle = True
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=f"frames of {station}", daemon=True)
        self._thread.start()

    def tell(self, kind: str, payload: dict[str, Any]) -> None:
        """Show something that is stored already; never waits."""
        with self._changed:
            self._told.append({"kind": kind, "payload": payload})
            if len(self._told) > BACKLOG_ITEMS:
                self._drop_readings()
            self._changed.notify_all()

    def keep(self, items: Sequence[Item], patience: float = 60.0) -> dict[str, Any]:
        """Have the server store these items, in order; its answer, when they are durable.

        Raises:
            ServerUnavailableError: no answer within `patience` seconds, or the sender is closed.
            FieldError, StaleWriterError: the server refused them.
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

    def post(self, items: Sequence[Item]) -> None:
        """Have the server store these items, in order with what is kept, without waiting for it.

        Raises:
            ServerUnavailableError: the sender is closed.
        """
        self._line_up(_Kept(items, awaited=False))

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

    def _drop_readings(self) -> None:
        """The server was away too long: viewers will read these from the record."""
        self._told = deque(
            item for item in self._told if item["kind"] not in ("data_block", "instrument_position")
        )

    def _run(self) -> None:
        session = requests.Session()
        try:
            while (frame := self._next_frame()) is not None:
                kept, items = frame
                self._seq += 1
                error = self._send_until_answered(session, kept, items)
                if kept is not None:
                    kept.error = error
                    kept.done.set()
                if error is not None and (kept is None or not kept.awaited):
                    log.error("the server refused %d events: %s", len(items), error)
        finally:
            session.close()
            for kept in self._kept:
                kept.error = ServerUnavailableError("the connection to the server was closed")
                kept.done.set()

    def _next_frame(self) -> tuple[_Kept | None, list[Item]] | None:
        with self._changed:
            self._idle = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._kept or self._told or not self._open)
            if not self._open:
                return None
            self._idle = False
            if self._kept:
                kept = self._kept.popleft()
                return kept, kept.items
            return None, [self._told.popleft() for _ in range(min(FRAME_ITEMS, len(self._told)))]

    def _send_until_answered(
        self, session: requests.Session, kept: _Kept | None, items: list[Item]
    ) -> Exception | None:
        body = orjson.dumps(
            {
                "station": self._station,
                "epoch": self._epoch,
                "seq": self._seq,
                "store": kept is not None,
                "items": items,
            },
            option=orjson.OPT_SERIALIZE_NUMPY,
        )
        pause = 0.05
        while self._open:
            try:
                url, token = self._find()
                headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
                answer = session.post(
                    f"{url.rstrip('/')}/api/ingest", data=body, headers=headers, timeout=TIMEOUT
                )
            except (requests.RequestException, ServerUnavailableError) as error:
                log.debug("ingest: %s", error)
            else:
                if answer.status_code < 500 and answer.status_code != 429:
                    if kept is not None and answer.ok:
                        kept.answer = answer.json()
                    return _refusal(answer)
                log.warning("ingest: the server answered %d", answer.status_code)
            self._pause(pause)
            pause = min(SLOWEST_RETRY, pause * 2)
        return ServerUnavailableError("the connection was closed before the server answered")

    def _pause(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._open, seconds)


def _refusal(answer: requests.Response) -> Exception | None:
    if answer.ok:
        return None
    try:
        told = answer.json().get("error") or {}
    except ValueError:
        told = {}
    message = told.get("message") if isinstance(told, dict) else str(told)
    message = message or f"the server answered {answer.status_code}"
    match answer.status_code:
        case 401 | 403:
            return ServerUnavailableError(f"the server refused the token: {message}")
        case 409:
            return StaleWriterError(message)
    return FieldError(str(told.get("field") or "ingest") if isinstance(told, dict) else "ingest", message)
