"""The window on a lab: a queue of this process, or the lab behind a server."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

from qtpy.QtCore import QThread, QTimer
from qtpy.QtGui import QCloseEvent
from qtpy.QtWidgets import QApplication, QMainWindow, QWidget

from GUI.bridge import BusBridge
from GUI.commands import Commands
from GUI.desk import Desk
from GUI.exporting import Exports
from GUI.follower import ScanFollower
from GUI.lab import Lab, LocalLab
from GUI.look import Look
from GUI.main.attachment import Attachment
from GUI.main.frame import Frame
from GUI.pages.dashboard import DashboardPage
from GUI.pages.extensions_page import ExtensionsPage
from GUI.pages.instruments_page import InstrumentsPage
from GUI.pages.queue_page import QueuePage
from GUI.pages.scan_page import ScanPage
from GUI.view import LabView
from GUI.widgets.question import Ask, ask
from GUI.work import Work
from pybirch.database_integration.sync.connection import ConnectionState
from pybirch.events import Event, Readings

WEBSOCKET_AVAILABLE = all(importlib.util.find_spec(name) for name in ("socketio", "requests", "websocket"))
"""Whether this install can talk to a server."""


def application() -> QApplication:
    """The application of this process, made if there is none."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    made = QApplication(sys.argv[:1])
    made.setApplicationName("PyBirch")
    made.setStyle("Fusion")
    return made


class MainWindow(QMainWindow):
    """With a queue the window is a station; without, it shows and commands the server it finds.

    Args:
        queue: a `Queue` of this process, or several.
        server_url: the server to show; without it, the one that runs for this folder.
        token: for `server_url`.
        lab: shown instead of all that.
        dark: True or False instead of what the system says.
    """

    def __init__(
        self,
        queue: Any = None,
        *,
        server_url: str | None = None,
        token: str | None = None,
        lab: Lab | None = None,
        dark: bool | None = None,
    ) -> None:
        self._application = application()
        super().__init__()
        self.ask: Ask = ask
        self.look = Look(dark, self)
        self.lab: Lab = lab or _lab_of(queue, server_url, token)
        self._work = Work(2, self)
        self._chosen_scan: str | None = None
        self._may_close = self._closed = False
        self.view = LabView(self.lab, self._work, self)
        self.follower = ScanFollower(self.lab, self._work, self)
        self.commands = Commands(self.lab, self)
        self.exports = Exports(self.lab, self)
        self.attachment = Attachment(getattr(self.lab, "queues", ()), self)
        self._make_pages()
        self._connect()
        self._bridge = BusBridge(self.lab.bus, self._take, self)
        self.view.connection = self.lab.connection
        self._dress()
        self.look.changed.connect(self._dress)
        self.resize(1280, 820)
        self.go_to("dashboard")
        self.frame.setFocus()
        self._redraw()
        self._redraw_connection()
        self.view.refresh()

    def _make_pages(self) -> None:
        desk = Desk(self.look, self.view, self.follower, self.commands, self.exports)
        is_station = isinstance(self.lab, LocalLab)
        self.dashboard = DashboardPage(desk)
        self.queue_page = QueuePage(desk)
        self.scan_page = ScanPage(desk)
        self.instruments_page = InstrumentsPage(desk)
        self.extensions_page = ExtensionsPage(desk, is_station=is_station, available=WEBSOCKET_AVAILABLE)
        pages: dict[str, tuple[str, QWidget]] = {
            "dashboard": ("Dashboard", self.dashboard),
            "queue": ("Queue", self.queue_page),
            "scan": ("Scan", self.scan_page),
            "instruments": ("Instruments", self.instruments_page),
            "extensions": ("Extensions", self.extensions_page),
        }
        self.frame = Frame(self.look, pages, self)
        self.setCentralWidget(self.frame)
        self.extensions_page.show_extensions(_extensions_of(self.lab))

    def _connect(self) -> None:
        self.view.changed.connect(self._redraw)
        self.view.logged.connect(self.queue_page.redraw_log)
        self.view.connected.connect(self._redraw_connection)
        self.view.failed.connect(self.frame.notice.say)
        self.follower.failed.connect(self._reading_failed)
        self.follower.loaded.connect(self.view.learn_scan)
        self.commands.ended.connect(lambda _action, _whom, refusal: self.frame.notice.say(refusal))
        self.commands.ended.connect(lambda _action, whom, _refusal: self.view.ask_about(whom))
        self.commands.stop_ended.connect(self._stopped)
        self.frame.stop.wanted.connect(self.stop_everything)
        self.dashboard.queue_opened.connect(self.show_queue)
        self.queue_page.scan_opened.connect(self.show_scan)
        self.extensions_page.attach.connect(
            lambda url, token: self.enable_websocket_integration(url or None, token or None)
        )
        self.extensions_page.detach.connect(self.disable_websocket_integration)
        self.attachment.changed.connect(self._redraw_connection)
        self.attachment.failed.connect(self.frame.notice.say)

    # What scripts and pages may ask

    def run(self) -> int:
        """Show the window until it is closed; the exit code."""
        self.show()
        return self._application.exec()

    def enable_websocket_integration(self, server_url: str | None = None, token: str | None = None) -> None:
        """Attach the window's queue to a server: recorded there, seen in the browser. Returns at once.

        Args:
            server_url: without it, the server that runs for this folder.
            token: for `server_url`; needs the station scope.
        """
        if not WEBSOCKET_AVAILABLE:
            self.frame.notice.say('This needs the web part: pip install "pybirch[web]".')
        elif not isinstance(self.lab, LocalLab):
            self.frame.notice.say(
                "This window shows a server already; it has no queue of its own.", error=False
            )
        else:
            self.attachment.attach(server_url, token)

    def disable_websocket_integration(self) -> None:
        """Let go of the server; the queue goes on. Returns at once."""
        self.attachment.detach()

    def show_extensions_page(self) -> None:
        self.go_to("extensions")

    def go_to(self, page: str) -> None:
        """Show dashboard, queue, scan, instruments or extensions."""
        self.frame.go_to(page)

    def show_queue(self, queue_id: str) -> None:
        self.queue_page.show_queue(queue_id)
        self.go_to("queue")

    def show_scan(self, scan_id: str) -> None:
        """Show that scan until another is chosen."""
        self._chosen_scan = scan_id
        self._redraw()
        self.go_to("scan")

    def stop_everything(self) -> None:
        """Ask once, then abort every queue."""
        if self.ask(
            self,
            "Stop everything?",
            "Every queue is aborted now and all instruments are made safe. What was measured is kept.",
            "Stop everything",
            "Go on measuring",
        ):
            self.frame.stop.show_busy(True)
            self.commands.stop_everything()

    # From the lab

    def _take(self, events: list[Event]) -> None:
        assert QThread.currentThread() is self.thread()
        self.view.take([event for event in events if not isinstance(event, Readings)])
        self.follower.take([event for event in events if isinstance(event, Readings)])

    def _redraw(self) -> None:
        self.follower.show(self._scan_to_show())
        self.frame.lab.set_whole(self.view.name)
        self.setWindowTitle(f"{self.view.name} · PyBirch" if self.view.name else "PyBirch")
        for page in (self.dashboard, self.queue_page, self.scan_page, self.instruments_page):
            page.redraw()

    def _scan_to_show(self) -> str | None:
        """The one chosen, until another begins; else what runs, what ran last, what comes first."""
        rows = [row for q in self.view.queues if (row := self.view.active_scan(q)) is not None]
        if self._chosen_scan is not None:
            return self._chosen_scan
        rows.sort(key=lambda r: (r["status"] in ("running", "paused"), r.get("started_at") or ""))
        return rows[-1]["scan_id"] if rows else self.follower.scan_id

    def _redraw_connection(self) -> None:
        connection = self.view.connection
        extra = f"attached to {self.attachment.url}" if self.attachment.url else ""
        self.frame.connection.show_connection(connection, extra)
        self.extensions_page.show_server(self.attachment.url, busy=self.attachment.busy)
        if connection.state in (ConnectionState.LIVE, ConnectionState.LOCAL):
            self.frame.notice.say("")
            self.follower.refresh()
        elif connection.message and self.view.loaded:
            self.frame.notice.say(connection.message, error=False)
        self.dashboard.redraw()

    def _reading_failed(self, sentence: str) -> None:
        if self.view.connection.state in (ConnectionState.LIVE, ConnectionState.LOCAL):
            self.frame.notice.say(sentence)

    def _stopped(self, refusal: str) -> None:
        self.frame.stop.show_busy(False)
        self.frame.notice.say(
            refusal or "Everything was stopped; instruments are being made safe.", error=bool(refusal)
        )

    def _dress(self) -> None:
        self.setPalette(self.look.palette())
        self.setStyleSheet(self.look.style_sheet())

    # Closing

    def closeEvent(self, a0: QCloseEvent | None) -> None:
        assert a0 is not None
        if not self._may_close and isinstance(self.lab, LocalLab) and self.lab.is_running():
            a0.ignore()
            self._ask_to_abort(self.lab)
            return
        self._let_go()
        super().closeEvent(a0)

    def _ask_to_abort(self, lab: LocalLab) -> None:
        if self.ask(
            self,
            "A queue is running",
            "It runs in this window. Abort it, make its instruments safe and close; or keep it running.",
            "Abort and close",
            "Keep running",
        ):
            self.setEnabled(False)
            self._work.call(lab.abort_and_wait, self._aborted, self.frame.notice.say)

    def _aborted(self, done: bool) -> None:
        self.setEnabled(True)
        if done:
            self._may_close = True
            QTimer.singleShot(0, self.close)
        else:
            self.frame.notice.say("The queue has not ended within 10 s: an instrument may still be busy.")

    def _let_go(self) -> None:
        """Leave lab and server, end every thread. Harmless when called twice."""
        if self._closed:
            return
        self._closed = True
        self._bridge.close()
        self.attachment.close()
        self.commands.close()
        self.exports.close()
        self.lab.close()
        self._work.close()


def _lab_of(queue: Any, server_url: str | None, token: str | None) -> Lab:
    if queue is not None:
        return LocalLab(queue)
    from pybirch.database_integration.sync.remote_lab import RemoteLab

    return RemoteLab(server_url, token)


def _extensions_of(lab: Lab) -> list[str]:
    found = []
    for queue in getattr(lab, "queues", ()):
        found += list(queue.extensions)
        found += [extension for handle in queue.handles for extension in handle.scan.extensions]
    return sorted({type(extension).__name__ for extension in found})
