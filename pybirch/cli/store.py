"""The lab's database, opened for a command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pybirch.cli.settings import lab_settings
from pybirch.errors import PyBirchError

if TYPE_CHECKING:
    from database.services import DatabaseService


def database(*, demo: bool = False, must_exist: bool = False) -> DatabaseService:
    """The services of this folder's database.

    Raises:
        PyBirchError: `must_exist`, and there is no such file.
    """
    settings = lab_settings(demo=demo)
    scheme, _, file = settings.database_url.partition(":///")
    if scheme.startswith("sqlite") and file:
        path = Path(file.partition("?")[0])
        if must_exist and not path.exists():
            hint = "" if demo else "; for the demo's data add --demo"
            raise PyBirchError(f"DATABASE_URL: there is no database {path} yet{hint}")
        path.parent.mkdir(parents=True, exist_ok=True)
    from database.services import DatabaseService

    return DatabaseService(settings.database_url)
