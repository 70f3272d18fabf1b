"""`pybirch create-admin`: a user who may do everything."""

from __future__ import annotations

import click

from pybirch.cli.store import database


@click.command()
@click.option("--username", prompt=True, help="Asked for if not given.")
@click.option("--demo", is_flag=True, help="In the demo's database.")
def create_admin(username: str, demo: bool) -> None:
    """Create a user who may do everything. The password is asked for, never given on the command line."""
    password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    db = database(demo=demo)
    db.users.create(username, password, "admin")
    click.echo(f"{username} may now sign in and do everything.")
