"""The HTTP API: a blueprint a noun, all under /api, described at /api/openapi.json."""

from __future__ import annotations

from apiflask import APIFlask


def init_api(app: APIFlask) -> None:
    """Register every blueprint of the API."""
    from database.web.api import (
        commands,
        data,
        docs,
        edits,
        ingest,
        instruments,
        lab,
        overview,
        preflight,
        queues,
        scans,
        stations,
        stop,
    )

    for module in (
        overview,
        scans,
        preflight,
        data,
        queues,
        instruments,
        lab,
        commands,
        edits,
        stations,
        stop,
        ingest,
        docs,
    ):
        app.register_blueprint(module.bp, url_prefix="/api")
