"""A file that is there whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pybirch.errors import PyBirchError


@contextmanager
def draft(path: Path) -> Iterator[Path]:
    """A file beside `path` to write into; takes its place at the end, and is gone if there was none.

    Raises:
        PyBirchError: the file cannot be written.
    """
    part = path.with_name(path.name + ".part")
    try:
        yield part
        part.replace(path)
    except OSError as error:
        raise PyBirchError(f"cannot write {path}: {_why(error)}") from error
    finally:
        part.unlink(missing_ok=True)


def _why(error: OSError) -> str:
    """HDF5 tells of a full disk in a text of its own."""
    return error.strerror or (os.strerror(error.errno) if error.errno else str(error))
