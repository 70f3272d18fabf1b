"""The lab's database, opened for a command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pybirch.errors import PyBirchError
from pybirch.lab_settings import LabSettings, lab_settings

if TYPE_CHECKING:
    from database.services import DatabaseService


def database(*, demo: bool = False, must_exist: bool = False) -> DatabaseService:
    """The services of this folder's database.

    Raises:
        PyBirchError: `must_exist`, and there is no such file.
    """
    settings = lab_settings(demo=demo)
    if must_exist:
        require_database(settings, demo=demo)
    if (path := sqlite_file(settings)) is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    from database.services import DatabaseService

    return DatabaseService(settings.database_url)


def sqlite_file(settings: LabSettings) -> Path | None:
    """The database's file, if it is one."""
    scheme, _, file = settings.database_url.partition(":///")
    return Path(file.partition("?")[0]) if scheme.startswith("sqlite") and file else None


def require_database(settings: LabSettings, *, demo: bool) -> None:
    """Raise PyBirchError if the database is a file that is not there."""
    path = sqlite_file(settings)
    if path is not None and not path.exists():
        hint = "" if demo else "; for the demo's data add --demo"
        raise PyBirchError(f"DATABASE_URL: there is no database {path} yet{hint}")
