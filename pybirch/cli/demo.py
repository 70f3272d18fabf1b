"""`pybirch demo`: the demo laboratory."""

from __future__ import annotations

import click


@click.command()
@click.option("--host", help="Address to listen at (HOST; 127.0.0.1).")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port to listen at (PORT; 5000); 0 takes a free one."
)
def demo(host: str | None, port: int | None) -> None:
    """Start the demo laboratory: server, station and simulated instruments."""
    from pybirch.cli.up import start_lab

    start_lab(demo=True, lab_file=None, host=host, port=port)
