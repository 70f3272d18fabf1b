"""`pybirch diff`: what is different between two scans of the database."""

from __future__ import annotations

import json
from itertools import groupby
from typing import TYPE_CHECKING

import click

from pybirch.cli.store import database

if TYPE_CHECKING:
    from pybirch.scan.differences import Comparison


@click.command()
@click.argument("before")
@click.argument("after", required=False)
@click.option("--json", "as_json", is_flag=True, help="As JSON, for other programs.")
@click.option("--demo", is_flag=True, help="From the demo's database.")
def diff(before: str, after: str | None, as_json: bool, demo: bool) -> None:
    """Tell what is different in scan AFTER (both by scan_id).

    Of a single scan: what changed since the last good one, the last completed scan of its name.
    """
    with database(demo=demo, must_exist=True) as db:
        if after is None:
            earlier, found = db.scans.changes(before)
            before, after = (earlier.scan_id if earlier else ""), before
        else:
            found = db.scans.differences(before, after)
    if as_json:
        click.echo(json.dumps({"before": before or None, "after": after, **found.as_json()}, indent=2))
    elif not before:
        click.echo(f"no scan of this name was completed before {after}")
    else:
        click.echo(f"from {before} to {after}")
        tell(found)


def tell(found: Comparison) -> None:
    """By group, a line each."""
    if not found.changes:
        click.echo("nothing is different")
    for group, changes in groupby(found.changes, key=lambda change: change.group):
        click.echo(group)
        for change in changes:
            click.echo(f"  {change}")
    for remark in found.remarks:
        click.echo(f"note: {remark}")
