"""The `pybirch` command: a table of subcommands, each imported only when it is called."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from traceback import extract_tb
from typing import Any, NamedTuple

import click

from pybirch import __version__
from pybirch.errors import PyBirchError
from pybirch.extras import extra_of, missing_module

OUR_PACKAGES = ("pybirch", "database", "GUI")


class Entry(NamedTuple):
    """Where a subcommand lives, what `--help` says of it, and the extra it needs."""

    home: str
    help: str
    extra: str


SUBCOMMANDS = {
    "demo": Entry(
        "demo:demo", "Start the demo laboratory: server, station and simulated instruments.", "web,visa"
    ),
    "serve": Entry("serve:serve", "Run the web server alone.", "web"),
    "station": Entry(
        "station:station", "Run a station: the process that owns instruments and their queue.", "web"
    ),
    "link": Entry("link:link", "Print a fresh sign-in link of the running server.", "web"),
    "create-admin": Entry("create_admin:create_admin", "Create a user who may do everything.", "db"),
    "token": Entry("token:token", "Create, list and revoke tokens for scripts and stations.", "db"),
    "run": Entry("run:run", "Run a Python script with the lab's settings.", "web"),
    "diff": Entry("diff:diff", "Tell what is different between two scans.", "db"),
    "spool": Entry("spool:spool", "List, send, write out and discard what waits on this disk.", "db"),
    "db": Entry("db:db", "Check, back up, restore, compact and archive the database.", "db"),
    "export": Entry(
        "export:export", "Write scans as CSV, Parquet, HDF5, NetCDF, NeXus or an ELN archive.", "db,export"
    ),
    "import": Entry("import_:import_", "Take over samples, equipment and old runs.", "import"),
}


class LateGroup(click.Group):
    """A group that knows its commands by name and imports one when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = SUBCOMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, name = entry.home.split(":")
        return getattr(import_module(f"pybirch.cli.{module}"), name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in SUBCOMMANDS.items()])

    def main(self, args: Sequence[str] | None = None, *rest: Any, **more: Any) -> Any:
        """As click's, but what goes wrong on purpose is one sentence and exit code 1."""
        words = list(sys.argv[1:] if args is None else args)
        try:
            return super().main(words, *rest, **more)
        except PyBirchError as error:
            fail(str(error))
        except ModuleNotFoundError as error:
            fail(missing_part(error, words))


def missing_part(error: ModuleNotFoundError, words: Sequence[str]) -> str:
    """Which extra to install, said for the subcommand that was called; of a module that none of our extras
    brings, where it is asked for.

    Raises:
        ModuleNotFoundError: again, when it is a module of ours that is missing.
    """
    package = (error.name or "").partition(".")[0]
    if not package or package in OUR_PACKAGES:
        raise error
    if extra_of(package) is None:
        frame = extract_tb(error.__traceback__)[-1:]
        where = "".join(f"{step.filename}, line {step.lineno}: " for step in frame)
        return f"{where}{missing_module(error)}"
    name = next((word for word in words if word in SUBCOMMANDS), None)
    extra = SUBCOMMANDS[name].extra if name else "web"
    return f"`pybirch {name or ''}` needs {package}, which is not installed: pip install 'pybirch[{extra}]'"


def fail(sentence: str) -> None:
    """Say it on stderr and leave with exit code 1."""
    click.echo(f"error: {sentence}", err=True)
    sys.exit(1)


@click.command(cls=LateGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="PyBirch %(version)s")
def pybirch() -> None:
    """PyBirch runs a laboratory's measurements.

    Settings come from the environment or from `.env` in the current folder.
    """
