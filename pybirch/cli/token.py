"""`pybirch token`: what scripts and stations sign in with."""

from __future__ import annotations

import click

from pybirch.cli.store import database

SCOPES = ("read", "operate", "station", "admin")
_demo = click.option("--demo", is_flag=True, help="In the demo's database.")


@click.group()
def token() -> None:
    """Create, list and revoke tokens for scripts and stations."""


@token.command()
@click.argument("name")
@click.option(
    "--scope", "scopes", multiple=True, default=("station",), show_default=True, type=click.Choice(SCOPES),
    help="What it may do; may be given more than once.",
)  # fmt: skip
@_demo
def create(name: str, scopes: tuple[str, ...], demo: bool) -> None:
    """Create a token called NAME and print it: it is shown this once."""
    with database(demo=demo) as db:
        _, secret = db.tokens.create(name, None, scopes)
    click.echo(secret)


@token.command("list")
@_demo
def list_tokens(demo: bool) -> None:
    """List the tokens: number, name, scopes, when made."""
    with database(demo=demo, must_exist=True) as db:
        rows = db.tokens.list()
    for row in rows:
        state = "" if row.is_active else "  (revoked)"
        click.echo(f"{row.id:>5}  {row.name}  {','.join(row.scopes)}  {row.created_at:%Y-%m-%d %H:%M}{state}")


@token.command()
@click.argument("number", type=int)
@_demo
def revoke(number: int, demo: bool) -> None:
    """Revoke the token of that NUMBER; whoever uses it is signed out."""
    with database(demo=demo, must_exist=True) as db:
        db.tokens.revoke(number)
    click.echo(f"Token {number} is revoked.")
