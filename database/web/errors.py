"""Every error as an answer: JSON under /api, a page elsewhere; the words are those of its source."""

from __future__ import annotations

import logging
from typing import Any

from apiflask import APIFlask
from apiflask.exceptions import HTTPError
from flask import jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from database.errors import InArchiveError
from database.web.identity import known
from pybirch.errors import (
    ArchivedError,
    CommandTimeoutError,
    EditConflictError,
    FieldError,
    IllegalTransitionError,
    MissingLibraryError,
    NoRoomError,
    NotFoundError,
    NotYoursError,
    StaleWriterError,
    StationUnavailableError,
)

log = logging.getLogger(__name__)

CODES: dict[type[Exception], int] = {
    FieldError: 400,
    NotFoundError: 404,
    IllegalTransitionError: 409,
    EditConflictError: 409,
    StaleWriterError: 409,
    InArchiveError: 409,
    StationUnavailableError: 503,
    CommandTimeoutError: 504,
    MissingLibraryError: 501,
    NoRoomError: 507,
}
OF_FIELDS: dict[type[FieldError], int] = {ArchivedError: 409, NotYoursError: 403}
"""Where a field is not wrong in itself."""
TITLES = {
    400: "That did not make sense",
    401: "Sign in first",
    403: "Not allowed",
    404: "Nothing here",
    405: "Nothing here",
    409: "Not possible now",
    413: "Too large",
    429: "Too many attempts",
    503: "Not possible now",
    504: "The station did not answer",
}
UNKNOWN = "Something went wrong in the server; what was measured is safe. Details are in its log."


def init_errors(app: APIFlask) -> None:
    app.register_error_handler(Exception, answer_error)
    app.error_callback = answer_error  # type: ignore[assignment]


def answer_error(error: Exception) -> ResponseReturnValue:
    """The one error handler."""
    status, message, field = explain(error)
    if request.path.startswith("/api"):
        told = {"field": field, "message": message} if field else {"message": message}
        response = jsonify({"ok": False, "error": told})
    elif known() is None:
        response = render_template("login.html", error=message, code="", next="")
    else:
        title = TITLES.get(status, "Something went wrong")
        response = render_template("error.html", status=status, title=title, message=message)
    after = getattr(error, "retry_after", None) or (60 if status == 429 else None)
    headers = {"Retry-After": str(after)} if after else {}
    return response, status, headers


def explain(error: Exception) -> tuple[int, str, str | None]:
    """HTTP status, a sentence, and the field it is about."""
    match error:
        case FieldError():
            status = next((code for kind, code in OF_FIELDS.items() if isinstance(error, kind)), 400)
            return status, error.problem, error.field
        case HTTPError(status_code=status) if status in (400, 422):
            field, problem = _first_problem(error.detail)
            return 400, problem or error.message, field
        case HTTPError():
            return error.status_code, error.message, None
        case CSRFError():
            return 400, f"{error.description} Reload the page and try again.", "X-CSRFToken"
        case HTTPException():
            return error.code or 500, error.description or UNKNOWN, None
    for kind, status in CODES.items():
        if isinstance(error, kind):
            return status, str(error), None
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    return 500, UNKNOWN, None


def _first_problem(detail: Any, path: str = "") -> tuple[str | None, str]:
    """The first field and sentence of marshmallow's nested messages."""
    while isinstance(detail, dict) and detail:
        key, detail = next(iter(detail.items()))
        if key not in ("json", "query", "form_and_files", "_schema"):
            path = f"{path}.{key}" if path else str(key)
    return path or None, str(detail[0]) if isinstance(detail, list) and detail else ""
