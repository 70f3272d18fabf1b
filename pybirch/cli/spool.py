"""`pybirch spool`: what waits on this disk for a database or server, and what one of them refused."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from pybirch.cli.store import database
from pybirch.errors import FieldError, ServerUnavailableError
from pybirch.lab_settings import lab_settings

if TYPE_CHECKING:
    from pybirch.database_integration.carrier import Carried
    from pybirch.database_integration.lying import Lying

CONNECT_WITHIN = 5.0
_demo = click.option("--demo", is_flag=True, help="Of the demo.")
_yes = click.option("--yes", is_flag=True, help="Without asking.")


@click.group()
def spool() -> None:
    """List, send, write out and discard what waits on this disk for a database or server.

    NAME is that of a file as `list` shows it, or its beginning.
    """


@spool.command("list")
@_demo
def list_spools(demo: bool) -> None:
    """List the spools: what is in them, since when, for which store, and why it was refused."""
    from pybirch.database_integration.lying import lying

    found = lying(_folder(demo))
    if not found:
        click.echo("Nothing waits here, and nothing was refused.")
    for one in found:
        click.echo(f"{one.path.name}  {one.items:,} items, {one.readings:,} readings, {_age(one)}")
        click.echo(f"    for {one.store}; {_how(one)}")
        if one.scans:
            click.echo(f"    of {', '.join(one.scans[:5])}{' …' if len(one.scans) > 5 else ''}")
        for text in one.why:
            click.echo(f"    refused: {text}")


@spool.command()
@click.argument("name")
@click.option("--server", "url", help="To the server at this address instead.")
@_yes
@_demo
def send(name: str, url: str | None, yes: bool, demo: bool) -> None:
    """Send what is in NAME to the store it is for: this lab's database, or a server.

    The token for a server is read from PYBIRCH_TOKEN; without one it goes to the server of this computer.
    """
    from pybirch.database_integration import lying

    one = lying.find(_folder(demo), name)
    if one.is_held:
        raise FieldError("name", f"{one.path.name} is that of a program that lives, which sends it itself")
    with _store(one, url, demo) as store:
        if (one.about or {}).get("place") != store.place and not yes:
            click.confirm(f"It is for {one.store}. Send it to {store.called} {store.place}?", abort=True)
        sent, refused = lying.send(one.path, store)
    click.echo(f"{sent:,} items are sent.")
    if refused:
        click.echo(f"{refused:,} were refused, and are kept; `pybirch spool list` tells why.")


@spool.command()
@click.argument("name")
@click.argument("file", type=click.File("wb"), default="-")
@_demo
def export(name: str, file: IO[bytes], demo: bool) -> None:
    """Write what is in NAME as JSON, a line an item, to FILE or the screen."""
    from pybirch.database_integration import lying

    for line in lying.lines(lying.find(_folder(demo), name).path):
        file.write(line)


@spool.command()
@click.argument("name")
@_yes
@_demo
def discard(name: str, yes: bool, demo: bool) -> None:
    """Throw NAME away: what was measured and is nowhere else is lost."""
    from pybirch.database_integration import lying

    one = lying.find(_folder(demo), name)
    if not yes:
        click.confirm(f"{one.items:,} items with {one.readings:,} readings are lost. Go on?", abort=True)
    lying.discard(one.path)
    click.echo(f"{one.path.name} is gone.")


@contextmanager
def _store(one: Lying, url: str | None, demo: bool) -> Iterator[Carried]:
    about = one.about or {}
    if url is None and "url" not in about:
        from pybirch.database_integration.store import DatabaseStore
        from pybirch.database_integration.writers import new_writer

        with database(demo=demo, must_exist=True) as db:
            yield DatabaseStore(db, new_writer())
        return
    from pybirch.database_integration.sync.discovery import find_server
    from pybirch.database_integration.sync.link import ServerLink
    from pybirch.database_integration.sync.remote import RemoteStore

    token = os.environ.get("PYBIRCH_TOKEN")
    address, token = (about.get("url", ""), token) if token else find_server(lab_settings(demo=demo).data_dir)
    address, station = url or address, about.get("station") or f"spool {secrets.token_hex(4)}"
    _refuse_a_living(address, token, station)
    link = ServerLink(lambda: (address, token), station)
    try:
        if not link.wait_connected(CONNECT_WITHIN):
            raise ServerUnavailableError(f"no server answers at {address}, or it refuses the token")
        yield RemoteStore(link.frames, address, link.server_identity(CONNECT_WITHIN))
    finally:
        link.close()


def _refuse_a_living(url: str, token: str, station: str) -> None:
    """Two of one name must not be there at once: the one that runs would be taken for gone."""
    from pybirch.database_integration.sync.rest import Rest

    for one in Rest(url, token).get("overview")["stations"]:
        if one["name"] == station and one["state"] in ("live", "not_answering"):
            raise FieldError(
                "name", f"station {station} is connected to {url}; end it first, or have it send this itself"
            )


def _folder(demo: bool) -> Path:
    return lab_settings(demo=demo).data_dir / "spool"


def _how(one: Lying) -> str:
    if one.problem:
        return f"cannot be read: {one.problem}"
    if one.is_held:
        return "its program lives and sends it"
    return "refused, and kept apart" if one.is_refused else "waits for its program to come back"


def _age(one: Lying) -> str:
    minutes = int((datetime.now(UTC) - one.written_at).total_seconds() // 60)
    if minutes < 120:
        return f"{max(0, minutes)} min old"
    return f"{minutes // 60} h old" if minutes < 48 * 60 else f"{minutes // 1440} days old"
