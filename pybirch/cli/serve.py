"""`pybirch serve`: the web server alone, in this process."""

from __future__ import annotations

import sys

import click

from pybirch.cli.logs import log_to_stderr
from pybirch.lab_settings import lab_settings


@click.command()
@click.option("--host", help="Address to listen at (HOST; 127.0.0.1).")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen at (PORT; 5000).")
def serve(host: str | None, port: int | None) -> None:
    """Run the web server alone. Ends with code 3 when the port is in use."""
    from database.web.serve import main

    settings = lab_settings(host=host, port=port)
    settings.make_folders()
    log_to_stderr()
    sys.exit(main(settings.environment()))
