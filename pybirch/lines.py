"""Where in a person's own file something went wrong."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import TracebackType


def place_in(file: Path, error: BaseException) -> str:
    """`lab.py, line 12`: the last line, on the way to the error, of the file or of one beside it.

    Empty if there is none.
    """
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return f"{Path(error.filename).name}, line {error.lineno}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if _is_beside(file, frame.filename):
            return f"{Path(frame.filename).name}, line {frame.lineno}"
    return ""


def traceback_from(file: Path, error: BaseException) -> TracebackType | None:
    """The traceback from the file's first line on, without what called it."""
    step = error.__traceback__
    while step is not None and not _is_beside(file, step.tb_frame.f_code.co_filename):
        step = step.tb_next
    return step or error.__traceback__


def _is_beside(file: Path, other: str) -> bool:
    """Whether the code's file is that one, or in its folder; ``<frozen runpy>`` is in none."""
    return not other.startswith("<") and Path(other).absolute().parent == file.absolute().parent
