"""`pybirch.load`: a scan's data in a notebook or script, from wherever they are kept."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pybirch.errors import FieldError, PyBirchError
from pybirch.lab_settings import lab_settings

if TYPE_CHECKING:
    from pybirch.dataset.scan import ScanData


def load(
    scan_id: str | int,
    *,
    database: Any = None,
    url: str | None = None,
    token: str | None = None,
) -> ScanData:
    """What a scan measured: ``pybirch.load("a1b2c3").to_pandas()``, `to_xarray()`, `to_arrow()`.

    Without `database` and `url` it is looked for in the database of the lab in this folder:
    DATABASE_URL (`.env` is read), else ``pybirch.db``, else the demo's.

    Args:
        scan_id: the text id that pages and files show; a number only from a database.
        database: a path, a URL or a `DatabaseService`.
        url: of a server, e.g. ``"http://127.0.0.1:5000"``.
        token: that the server knows (`pybirch token create`); else PYBIRCH_TOKEN.

    Raises:
        NotFoundError: there is no such scan.
        FieldError: both a database and a server are named, or a server without a token.
        PyBirchError: neither database nor server is there.
    """
    if database is not None and url is not None:
        raise FieldError("url", "give a database or a server, not both")
    if database is not None:
        return _from_database(database, scan_id)
    if url is not None:
        return _from_server(url, token, scan_id)
    return _from_database(_database_here(), scan_id)


def _from_database(place: Any, scan_id: str | int) -> ScanData:
    from database.services import DatabaseService

    if isinstance(place, DatabaseService):
        return place.data(scan_id)
    _must_exist(place)
    return DatabaseService(place).data(scan_id)


def _from_server(url: str, token: str | None, scan_id: str | int) -> ScanData:
    from pybirch.database_integration.server_data import ServerSource
    from pybirch.database_integration.sync.rest import Rest
    from pybirch.dataset.scan import ScanData

    token = token or os.environ.get("PYBIRCH_TOKEN")
    if not token:
        raise FieldError("token", f"the server at {url} wants one: `pybirch token create` makes it")
    data = ScanData(ServerSource(Rest(url, token, timeout=(5.0, 60.0)), str(scan_id)))
    _ = data.facts  # whether there is such a scan is told now, not at the first column
    return data


def _database_here() -> str:
    here = lab_settings().database_url
    if os.environ.get("DATABASE_URL") or _file_of(here).exists():
        return here
    demo = lab_settings(demo=True).database_url
    if _file_of(demo).exists():
        return demo
    raise PyBirchError(
        f"there is no database {_file_of(here)}: give database=, or url= and token= of a server"
    )


def _must_exist(place: Any) -> None:
    """A file that is only read is not made by reading it."""
    file = _file_of(str(place)) if "://" in str(place) else Path(place)
    if not str(place).startswith("postgres") and not file.exists():
        raise FieldError("database", f"there is no file {file}")


def _file_of(url: str) -> Path:
    return Path(url.partition(":///")[2].partition("?")[0])
