"""The HTTP API: a blueprint a noun, all under /api, described at /api/openapi.json."""

from __future__ import annotations

from apiflask import APIFlask


def init_api(app: APIFlask) -> None:
    """Register every blueprint of the API."""
    from database.web.api import (
        arrays,
        audit,
        changes,
        commands,
        data,
        docs,
        edits,
        equipment,
        exports,
        ingest,
        instruments,
        lab,
        overview,
        preflight,
        projects,
        queues,
        samples,
        scans,
        search,
        stations,
        stop,
        templates,
    )

    for module in (
        overview,
        scans,
        search,
        preflight,
        data,
        arrays,
        exports,
        queues,
        instruments,
        projects,
        samples,
        equipment,
        lab,
        audit,
        commands,
        edits,
        templates,
        changes,
        stations,
        stop,
        ingest,
        docs,
    ):
        app.register_blueprint(module.bp, url_prefix="/api")
