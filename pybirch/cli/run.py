"""`pybirch run`: a Python script with the lab's settings around it."""

from __future__ import annotations

import os
import runpy
import sys
import traceback
from pathlib import Path
from types import TracebackType

import click

from pybirch.cli.settings import lab_settings
from pybirch.errors import PyBirchError


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("script", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(script: Path, arguments: tuple[str, ...]) -> None:
    """Run SCRIPT with the lab's settings.

    `.env` is read, the data folder made, DATABASE_URL and DATA_STORAGE_PATH are set.
    """
    settings = lab_settings()
    settings.make_folders()
    os.environ.update(settings.environment())
    sys.argv = [str(script), *arguments]
    sys.path.insert(0, str(script.absolute().parent))
    try:
        runpy.run_path(str(script), run_name="__main__")
    except PyBirchError as error:
        raise PyBirchError(f"{where_in(script, error)}: {error}") from error
    except Exception as error:
        error.__traceback__ = without_runner(error, script)
        traceback.print_exception(error)
        sys.exit(1)


def where_in(script: Path, error: BaseException) -> str:
    """`script.py, line 12`: the script's own last line on the way to the error."""
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(script)
    ]
    return f"{script}, line {lines[-1]}" if lines else str(script)


def without_runner(error: BaseException, script: Path) -> TracebackType | None:
    """The traceback from the script's first line on."""
    frame = error.__traceback__
    while frame is not None and frame.tb_frame.f_code.co_filename != str(script):
        frame = frame.tb_next
    return frame or error.__traceback__
