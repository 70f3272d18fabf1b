"""`pybirch create-admin`: a user who may do everything."""

from __future__ import annotations

import sys

import click

from pybirch.cli.store import database


@click.command()
@click.option("--username", prompt=True, help="Asked for if not given.")
@click.option("--demo", is_flag=True, help="In the demo's database.")
def create_admin(username: str, demo: bool) -> None:
    """Create a user who may do everything.

    The password is asked for (or read from a pipe), never given on the command line.
    """
    with database(demo=demo) as db:
        db.users.create(username, ask_password(), "admin")
        db.audit.add("", "create_user", f"user:{username}", role="admin")
    click.echo(f"{username} may now sign in and do everything.")


def ask_password() -> str:
    """Twice at a terminal, where it is not shown; else one line of stdin."""
    if sys.stdin.isatty():
        return click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return sys.stdin.readline().rstrip("\r\n")
