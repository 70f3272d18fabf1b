"""`pybirch link`: a fresh sign-in link."""

from __future__ import annotations

import click

from pybirch.cli.api import find_server, sign_in_link
from pybirch.lab_settings import lab_settings


@click.command()
def link() -> None:
    """Print a sign-in link of the server that runs for this folder, valid ten minutes and for one use."""
    click.echo(sign_in_link(find_server(lab_settings())))
