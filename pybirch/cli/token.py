"""`pybirch token`: what scripts and stations sign in with."""

from __future__ import annotations

import click

from pybirch.cli.store import database
from pybirch.errors import FieldError

SCOPES = ("read", "operate", "station", "admin")
OWN_TOKEN = (
    "{number} ({name}) is what the server, its station, windows and `pybirch link` on this computer use; "
    "without it they are cut off from each other until the server is restarted and makes itself a new one. "
    "To revoke it all the same, add --yes"
)
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
        row, secret = db.tokens.create(name, None, scopes)
        db.audit.add("", "create_token", f"token:{row.id}", name=name, scopes=list(scopes))
    click.echo(secret)


@token.command("list")
@_demo
def list_tokens(demo: bool) -> None:
    """List the tokens: number, name, scopes, when made; and whose stations and queues are."""
    with database(demo=demo, must_exist=True) as db:
        rows = db.tokens.list()
        keeps = {row.id: (db.keepers.of(row.id), db.queue_keepers.of(row.id)) for row in rows}
    for row in rows:
        state = "" if row.is_active else "  (revoked)"
        click.echo(f"{row.id:>5}  {row.name}  {','.join(row.scopes)}  {row.created_at:%Y-%m-%d %H:%M}{state}")
        stations, queues = keeps[row.id]
        kept = [*(f"station {name}" for name in stations), *(f"queue {name}" for name in queues)]
        if kept and row.is_active:
            click.echo(f"       keeps {', '.join(kept)}")


@token.command()
@click.argument("token")
@click.option("--yes", is_flag=True, help="Revoke this computer's own token, too.")
@_demo
def revoke(token: str, yes: bool, demo: bool) -> None:
    """Revoke TOKEN, given by its name or number; whoever uses it is signed out."""
    from database.services.tokens import OWN

    with database(demo=demo, must_exist=True) as db:
        row = db.tokens.named(token)
        if row.name == OWN and row.is_active and not yes:
            raise FieldError("token", OWN_TOKEN.format(number=row.id, name=row.name))
        db.tokens.revoke(row.id)
        db.audit.add("", "revoke_token", f"token:{row.id}", name=row.name)
    click.echo(f"Token {row.id} ({row.name}) is revoked.")
    if row.name == OWN:
        click.echo("Restart the server: it makes itself a new one.")


@token.command()
@click.argument("token")
@click.option("--queue", "queues", multiple=True, help="A queue's QID; may be given more than once.")
@click.option("--station", "stations", multiple=True, help="A station's name; likewise.")
@_demo
def give(token: str, queues: tuple[str, ...], stations: tuple[str, ...], demo: bool) -> None:
    """Give queues and stations' names to TOKEN, whosever they were: for a station that was installed anew."""
    if not queues and not stations:
        raise click.UsageError("Say what: --queue QID or --station NAME.")
    with database(demo=demo, must_exist=True) as db:
        row = db.tokens.named(token)
        for noun, names, keepers in (("queue", queues, db.queue_keepers), ("station", stations, db.keepers)):
            for name in names:
                keepers.give(name, row.id)
                db.audit.add("", f"give_{noun}", f"{noun}:{name}", to=row.name)
                click.echo(f"The {noun} {name} is that of token {row.id} ({row.name}) from now on.")
