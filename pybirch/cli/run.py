"""`pybirch run`: a Python script with the lab's settings around it."""

from __future__ import annotations

import os
import runpy
import sys
import traceback
from pathlib import Path

import click

from pybirch.errors import PyBirchError
from pybirch.lab_settings import lab_settings
from pybirch.lines import place_in, traceback_from


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
        raise PyBirchError(f"{place_in(script, error) or script}: {error}") from error
    except Exception as error:
        error.__traceback__ = traceback_from(script, error)
        traceback.print_exception(error)
        sys.exit(1)
