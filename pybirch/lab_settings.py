"""The lab's settings, from the environment or `.env` in the lab's folder."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pybirch.errors import FieldError, PyBirchError

_SQLITE_FILE = re.compile(r"^(sqlite(?:\+\w+)?:///)([^?]+)(\?.*)?$")


@dataclass(frozen=True, kw_only=True)
class LabSettings:
    """Where the lab keeps its data and where its server listens; every path absolute."""

    data_dir: Path
    database_url: str
    host: str
    port: int

    @property
    def run_dir(self) -> Path:
        """Locks, runtime files and the log of what runs now."""
        return self.data_dir / "run"

    def environment(self) -> dict[str, str]:
        """The same settings as environment variables, for child processes and scripts."""
        return {
            "DATA_STORAGE_PATH": str(self.data_dir),
            "DATABASE_URL": self.database_url,
            "HOST": self.host,
            "PORT": str(self.port),
        }

    def make_folders(self) -> None:
        """Make the data folder, and the run folder for its owner's eyes only."""
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            self.run_dir.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise PyBirchError(
                f"DATA_STORAGE_PATH: cannot make the folder {self.run_dir} ({error.strerror})"
            ) from error


def read_dotenv(folder: Path) -> None:
    """Put what `.env` in the folder says into the environment; what is set already wins."""
    file = folder / ".env"
    if not file.is_file():
        return
    try:
        from dotenv import load_dotenv
    except ModuleNotFoundError:
        raise PyBirchError(f"reading {file} needs python-dotenv: pip install 'pybirch[web]'") from None
    load_dotenv(file, override=False)


def lab_settings(
    *,
    demo: bool = False,
    host: str | None = None,
    port: int | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> LabSettings:
    """The settings that hold in this folder.

    Args:
        demo: without other orders, keep everything in `data/demo/`.
        host: wins over HOST.
        port: wins over PORT.
        environment: instead of the process's own (and then `.env` is not read).
        folder: the lab's folder; the current one if not given.

    Raises:
        FieldError: a setting is wrong; the error names it.
    """
    folder = (folder or Path.cwd()).absolute()
    if environment is None:
        read_dotenv(folder)
        environment = os.environ
    data_dir = folder / (environment.get("DATA_STORAGE_PATH") or ("data/demo" if demo else "data"))
    home, default = (data_dir, "pybirch.db") if demo else (folder, "pybirch.db")
    given = environment.get("DATABASE_URL")
    return LabSettings(
        data_dir=data_dir,
        database_url=absolute_url(given, folder) if given else absolute_url(f"sqlite:///{default}", home),
        host=host or environment.get("HOST") or "127.0.0.1",
        port=port if port is not None else _port(environment.get("PORT") or "5000"),
    )


def absolute_url(url: str, folder: Path) -> str:
    """The URL with an SQLite file's path made absolute; any other URL as it is."""
    match = _SQLITE_FILE.match(url)
    if match is None or match[2] == ":memory:":
        return url
    return f"{match[1]}{(folder / match[2]).as_posix()}{match[3] or ''}"


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise FieldError("PORT", f"{text!r} is not a port; give a number from 0 to 65535")
    return int(text)
