"""The web application: `create_app` assembles it, `get_scan_update_server` finds where to broadcast."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from apiflask import APIFlask
from flask import has_app_context
from flask.json.provider import JSONProvider

from database.services import DatabaseService
from database.web.api import init_api
from database.web.api.lists import lab_name
from database.web.assets import asset
from database.web.audit_trail import AuditTrail
from database.web.auth import init_auth
from database.web.config import SETTINGS, load_settings
from database.web.errors import init_errors
from database.web.export_jobs import ExportJobs
from database.web.gate import Gate
from database.web.housekeeping import Housekeeping
from database.web.identity_watch import IdentityWatch
from database.web.ingest import Ingest
from database.web.places import Places
from database.web.realtime import init_realtime
from database.web.registrar import Registrar
from database.web.routes import init_routes
from database.web.security import init_security
from database.web.services import Services, services
from database.web.sockets import drop_overfull, make_socketio, places_of, server_of, use_own_websocket
from database.web.stations import Stations
from database.web.tidying import EVERY, Tidying
from pybirch.database_integration.config import IntegrationConfig
from pybirch.database_integration.sync.websocket_server import ScanUpdateServer
from pybirch.errands import Errands
from pybirch.wire import dumps

if TYPE_CHECKING:
    from pybirch.database_integration.sync.remote import RemoteUpdateServer

log = logging.getLogger(__name__)

MOST_BODY = 1024 * 1024
_newest: weakref.ref[APIFlask] | None = None


class WireJsonProvider(JSONProvider):
    """JSON that never contains a bare NaN."""

    def dumps(self, obj: Any, **_options: Any) -> str:
        return dumps(obj)

    def loads(self, s: str | bytes, **_options: Any) -> Any:
        import orjson

        return orjson.loads(s)


def create_app(config: Mapping[str, Any] | None = None) -> APIFlask:
    """The app, its database, live updates and station registry, ready to serve.

    Args:
        config: settings by their names (DATABASE_URL, HOST, …), before the environment; other keys
            go to Flask's own configuration.
    """
    settings = load_settings(config)
    app = APIFlask(
        __name__,
        title="PyBirch",
        version="1",
        spec_path="/api/openapi.json",
        docs_path=None,
        json_errors=False,
    )
    app.json = WireJsonProvider(app)
    app.secret_key = settings.secret_key
    app.config.update(MAX_CONTENT_LENGTH=MOST_BODY, VALIDATION_ERROR_STATUS_CODE=400)
    app.config.update({key: value for key, value in (config or {}).items() if key not in SETTINGS})

    sockets = make_socketio(settings)
    db = DatabaseService(settings.database_url)
    updates = ScanUpdateServer(sockets, register=Registrar(db))
    stations = Stations(lambda: server_of(sockets), updates)
    for row in db.stations.list(limit=1_000):
        if row.is_attached:
            stations.expect(row.name, row.epoch, row.pid, row.host)
    watch = IdentityWatch(db, sockets)
    exports = ExportJobs(settings.storage / "exports")
    housekeeping = Housekeeping([stations.check, lambda: drop_overfull(sockets), watch.look, exports.tidy])
    tidying = Tidying(db.database, IntegrationConfig.from_environment().merged_block_rows)
    tidier = Housekeeping([tidying.look], EVERY, "tidying")
    errands = Errands("errands of the server")
    audit = AuditTrail(db, errands)
    app.extensions["pybirch"] = Services(
        *(settings, db, sockets, updates, stations, Ingest(), housekeeping, errands),
        *(audit, exports, tidying, tidier),
    )

    init_auth(app)
    init_security(app)
    init_errors(app)
    init_api(app)
    init_routes(app)
    app.context_processor(page_context)
    init_realtime(sockets)
    sockets.init_app(app)
    use_own_websocket(sockets)
    app.wsgi_app = Gate(app, app.wsgi_app, settings.allowed_hosts, Places(lambda: places_of(sockets)))
    if not app.testing:
        exports.clear()
        housekeeping.start()
        tidier.start()
    _remember(app)
    return app


def page_context() -> dict[str, Any]:
    """What every template may use."""
    return {"lab_name": lab_name(), "asset": asset}


def get_scan_update_server() -> ScanUpdateServer | RemoteUpdateServer:
    """Where to broadcast: this process's own server, else a proxy for the one that is running.

    Raises:
        ServerUnavailableError: there is none in this process, and none was found running.
    """
    if has_app_context():
        return services().updates
    app = _newest() if _newest is not None else None
    if app is not None:
        return app.extensions["pybirch"].updates
    from database.web.runtime import find_server
    from pybirch.database_integration.sync.remote import RemoteUpdateServer

    server = find_server(load_settings().run_folder)
    return RemoteUpdateServer(server.url, server.token)


def _remember(app: APIFlask) -> None:
    global _newest
    _newest = weakref.ref(app)
