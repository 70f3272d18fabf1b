"""What the parts of the running server share; `services()` finds it from a request or a socket handler."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flask import current_app

from database.web.turns import Turns
from pybirch.errands import Errands

if TYPE_CHECKING:
    from flask_socketio import SocketIO

    from database.services import DatabaseService
    from database.web.audit_trail import AuditTrail
    from database.web.config import Settings
    from database.web.export_jobs import ExportJobs
    from database.web.housekeeping import Housekeeping
    from database.web.ingest import Ingest
    from database.web.stations import Stations
    from database.web.tidying import Tidying
    from pybirch.database_integration.sync.websocket_server import ScanUpdateServer


log = logging.getLogger(__name__)

LAST_ERRANDS = 1.0
"""Seconds that closing gives what is still to be written."""


@dataclass(frozen=True)
class Services:
    """One app's database, live updates, stations and the rest."""

    settings: Settings
    db: DatabaseService
    sockets: SocketIO
    updates: ScanUpdateServer
    stations: Stations
    ingest: Ingest
    housekeeping: Housekeeping
    errands: Errands
    audit: AuditTrail
    exports: ExportJobs
    tidying: Tidying
    tidier: Housekeeping
    turns: Turns = field(default_factory=Turns)

    def close(self) -> None:
        """Send what waits, end the threads, close the database; harmless when called twice."""
        self.tidying.close()
        self.housekeeping.close()
        self.tidier.close()
        self.exports.close()
        self.updates.close()
        if not self.errands.flush(LAST_ERRANDS):
            log.error("the record could not be written; see the log for who did what")
        self.db.close()


def services() -> Services:
    """The services of the app that handles this request."""
    return current_app.extensions["pybirch"]
