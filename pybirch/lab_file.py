"""A laboratory from a person's own file; whatever goes wrong in it is said with file and line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pybirch.errors import FieldError, LabFileError, PyBirchError
from pybirch.extras import missing_module
from pybirch.lines import place_in, traceback_from
from pybirch.queue.lab import Lab, load_lab
from pybirch.queue.places import check_new
from pybirch.scan.scan import Scan

THE_LAB = Path("the lab")
"""Stands for the file of a lab that has none."""


def read_lab(file: Path) -> Lab:
    """The lab that the file defines.

    Raises:
        LabFileError: it cannot be run, or defines none; names file and line.
    """
    with _placed(file):
        return load_lab(file)


def scans_in(lab: Lab, queue_id: str, file: Path | None) -> list[Scan]:
    """The scans that the lab has for a queue, newly made.

    Raises:
        LabFileError: its own function failed; names file and line.
    """
    with _placed(file or THE_LAB):
        return lab.scans(queue_id)


def check_scan(scan: Scan, file: Path | None) -> None:
    """Whether it could run.

    Raises:
        FieldError: it could not; names what is wrong.
    """
    with _placed(file or THE_LAB):
        check_new(scan)


@contextmanager
def _placed(file: Path) -> Iterator[None]:
    try:
        yield
    except (Exception, SystemExit) as error:  # a person's own code may raise whatever it likes
        if isinstance(error, FieldError) and error.field == "lab_file":
            raise LabFileError(error.problem) from error
        place = place_in(file, error)
        if isinstance(error, PyBirchError) and not place:
            raise LabFileError(str(error)) from error
        error.__traceback__ = traceback_from(file, error)
        raise LabFileError(f"{place or file.name}: {_problem(error)}") from error


def _problem(error: BaseException) -> str:
    match error:
        case PyBirchError():
            return str(error)
        case ModuleNotFoundError():
            return missing_module(error)
        case SyntaxError():
            line = f": {error.text.strip()}" if error.text else ""
            return f"{error.msg}{line}"
    return f"{type(error).__name__}: {error}"
