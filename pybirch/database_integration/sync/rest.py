"""Calls to the server's API whose failures are sentences."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import requests

from pybirch.errors import (
    CommandTimeoutError,
    FieldError,
    IllegalTransitionError,
    NotFoundError,
    PyBirchError,
    ServerUnavailableError,
    StationUnavailableError,
)

_ERRORS: dict[int, type[PyBirchError]] = {
    401: ServerUnavailableError,
    403: ServerUnavailableError,
    404: NotFoundError,
    409: IllegalTransitionError,
    503: StationUnavailableError,
    504: CommandTimeoutError,
}


class Rest:
    """GET and POST with a bearer token. Safe from any thread: each call has its own connection."""

    def __init__(self, url: str, token: str, timeout: tuple[float, float] = (3.0, 12.0)) -> None:
        self.url = url.rstrip("/")
        self._token = token
        self._timeout = timeout

    def get(self, *parts: str, **query: Any) -> Any:
        """The JSON at /api/part/part?query.

        Raises:
            PyBirchError: the server did not answer or said no; the text is for people.
        """
        return self._call("GET", parts, params={k: v for k, v in query.items() if v is not None})

    def get_bytes(self, *parts: str, **query: Any) -> bytes:
        """What lies at /api/part/part?query, as it came.

        Raises:
            PyBirchError: the server did not answer or said no; the text is for people.
        """
        answer = self._answer("GET", parts, params={k: v for k, v in query.items() if v is not None})
        return answer.content if answer.ok else self._content(answer)

    def post(self, *parts: str, content: dict[str, Any] | None = None) -> Any:
        """The JSON that came back from a POST.

        Raises:
            CommandTimeoutError: sent, but no answer: what came of it is unknown.
            PyBirchError: the server said no; the text is for people.
        """
        return self._call("POST", parts, json=content or {})

    def _call(self, method: str, parts: tuple[str, ...], **what: Any) -> Any:
        return self._content(self._answer(method, parts, **what))

    def _answer(self, method: str, parts: tuple[str, ...], **what: Any) -> requests.Response:
        url = f"{self.url}/api/" + "/".join(quote(part, safe="") for part in parts)
        try:
            with requests.Session() as session:
                session.trust_env = False
                return session.request(
                    method,
                    url,
                    headers={"Authorization": f"Bearer {self._token}"},
                    timeout=self._timeout,
                    allow_redirects=False,
                    **what,
                )
        except requests.ReadTimeout:
            raise _timed_out(method, self.url) from None
        except requests.RequestException:
            raise ServerUnavailableError(f"The server at {self.url} does not answer.") from None

    def _content(self, answer: requests.Response) -> Any:
        try:
            content = answer.json()
        except ValueError:
            content = None
        if answer.ok and content is not None and answer.status_code < 300:
            return content
        error = content.get("error") if isinstance(content, dict) else None
        message, field = (
            (error.get("message"), error.get("field")) if isinstance(error, dict) else (error, None)
        )
        if answer.status_code in (401, 403) and not message:
            message = "not allowed" if answer.status_code == 403 else "not signed in"
        if answer.status_code == 401:
            message = f"The server at {self.url} refused the token ({message})."
        message = str(message or f"The server at {self.url} answered {answer.status_code}.")
        if field:
            return _raise(FieldError(str(field), message))
        return _raise(_ERRORS.get(answer.status_code, PyBirchError)(message))


def _timed_out(method: str, url: str) -> PyBirchError:
    if method == "POST":
        return CommandTimeoutError(f"The server at {url} did not answer in time; look at the state.")
    return ServerUnavailableError(f"The server at {url} did not answer in time.")


def _raise(error: PyBirchError) -> Any:
    raise error
