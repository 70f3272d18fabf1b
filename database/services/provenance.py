"""By which code something was computed: its commit, or the hash of its file."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

PATIENCE = 10.0
"""Seconds git may take."""


def code_of(file: str | Path, version: str = "") -> dict[str, str]:
    """The `code_…` fields of an analysis, for the program in `file` (mostly ``__file__``).

    The revision is the commit that holds the file as it is, ``git:<commit>``; of a file that was
    changed since, or is in no repository, ``sha256:<hash>``.

    Raises:
        OSError: the file cannot be read.
    """
    path = Path(file).resolve()
    revision = _commit_of(path) or f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    return {"code_name": path.name, "code_version": version, "code_revision": revision}


def _commit_of(path: Path) -> str | None:
    """The commit checked out, if it holds the file as it is."""
    if _git(path, "ls-files", "--error-unmatch", "--", path.name) is None:
        return None
    if _git(path, "status", "--porcelain", "--", path.name) != "":
        return None
    commit = _git(path, "rev-parse", "HEAD")
    return f"git:{commit}" if commit else None


def _git(path: Path, *words: str) -> str | None:
    """What git says, None where it does not know."""
    try:
        told = subprocess.run(
            ["git", "-C", str(path.parent), *words],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return told.stdout.strip() if told.returncode == 0 else None
