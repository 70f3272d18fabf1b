"""The pages: each renders its template with the first JSON it lives on."""

from __future__ import annotations

from flask import Flask


def init_routes(app: Flask) -> None:
    """Register every page."""
    from database.web.routes import dashboard, instruments, lab, projects, queues, scans, templates

    for module in (dashboard, queues, scans, projects, instruments, lab, templates):
        app.register_blueprint(module.bp)
