"""`pybirch station`: the process that owns instruments and their queue."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Literal

import click

from pybirch.cli.logs import log_to_stderr
from pybirch.lab_settings import lab_settings


@click.command()
@click.argument("lab_file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--demo", is_flag=True, help="The demo laboratory instead of a file.")
@click.option("--name", help="The station's name; by default that of the file, or demo.")
@click.option("--server", "server_url", help="The server's address; found by itself on this computer.")
def station(lab_file: Path | None, demo: bool, name: str | None, server_url: str | None) -> None:
    """Run a station for the laboratory in LAB_FILE (see examples/my_lab.py).

    A token for a server on another computer is read from PYBIRCH_TOKEN.
    """
    from pybirch.station import run_station

    if demo and lab_file:
        raise click.UsageError("--demo has its own laboratory; leave out LAB_FILE.")
    settings = lab_settings()
    settings.make_folders()
    log_to_stderr()
    lab: Path | Literal["demo"] | None = "demo" if demo else lab_file
    code = run_station(
        lab,
        server_url=server_url,
        token=os.environ.get("PYBIRCH_TOKEN"),
        data_dir=settings.data_dir,
        database_url=settings.database_url,
        name=name or ("demo" if demo else lab_file.stem if lab_file else "station"),
    )
    sys.exit(code)
