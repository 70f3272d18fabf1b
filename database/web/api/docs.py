"""Where the API is described: its OpenAPI JSON, and a plain page that lists it without any script."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import current_app, render_template_string

from database.web.identity import needs

bp = APIBlueprint("api_docs", __name__, enable_openapi=False)

_PAGE = """<!doctype html><html lang="en">
<head><meta charset="utf-8"><title>API · PyBirch</title></head><body>
<h1>{{ spec.info.title }}</h1>
<p>Machines read <a href="/api/openapi.json">/api/openapi.json</a>. Programs send
<code>Authorization: Bearer &lt;token&gt;</code>; <code>pybirch token</code> makes one.</p>
<table><thead><tr><th>Call</th><th>What it does</th><th>Parameters</th></tr></thead><tbody>
{% for path, calls in spec.paths.items() %}{% for verb, call in calls.items() if verb in ("get", "post") %}
<tr><td><code>{{ verb|upper }} {{ path }}</code></td><td>{{ call.summary }}</td>
<td>{{ call.parameters|default([])|map(attribute="name")|join(", ") }}</td></tr>
{% endfor %}{% endfor %}</tbody></table></body></html>"""


@bp.get("/docs")
@needs("read")
def page() -> str:
    """A plain list of every call"""
    spec: Any = current_app.spec  # type: ignore[attr-defined]
    return render_template_string(_PAGE, spec=spec)
