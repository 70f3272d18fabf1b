"""Starting a lab: `run_web.py`, `make demo` and `pybirch demo` end up here."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import click
from filelock import FileLock, Timeout

from pybirch.cli import lab, ports
from pybirch.cli.again import Typed, typed
from pybirch.cli.api import living_server, run_dirs
from pybirch.cli.child import ChildProcess
from pybirch.cli.exits import ExitReporter
from pybirch.cli.output import LogBook
from pybirch.cli.runtime import read_children, read_server
from pybirch.cli.signin import SignIn, link_when_ready
from pybirch.cli.supervisor import Supervisor
from pybirch.errors import PyBirchError, ServerUnavailableError
from pybirch.lab_settings import LabSettings, lab_settings
from pybirch.processes import is_ours

START_TIME_S = 20.0


def say(text: str) -> None:
    """Print, if anybody still reads: a closed terminal is no reason to leave a laboratory in disorder."""
    with contextlib.suppress(OSError):
        click.echo(text)
        sys.stdout.flush()


def start_lab(
    *, demo: bool, lab_file: Path | None, host: str | None, port: int | None, with_station: bool = True
) -> None:
    """Start what is not yet running and keep it alive until Ctrl-C.

    Raises:
        PyBirchError: nothing could be started; its text is the sentence to say.
    """
    command = typed(demo=demo, lab_file=lab_file, host=host, with_station=with_station)
    lab_file = lab_file.absolute() if lab_file else None
    settings = lab_settings(demo=demo, host=host, port=port)
    settings.make_folders()
    with_station = with_station and (demo or lab_file is not None)
    with one_supervisor(settings) as alone:
        if not alone or server_of_somebody_else(settings):
            say(where_it_runs(settings))
            return
        if settings.port == 0:
            settings = lab_settings(demo=demo, host=host, port=ports.any_free(settings.host))
        if not server_to_adopt(settings) and not ports.is_free(settings.host, settings.port):
            raise PyBirchError(sentence_in_use(settings, command))
        watch_over(settings, demo=demo, lab_file=lab_file, with_station=with_station, command=command)


def watch_over(
    settings: LabSettings, *, demo: bool, lab_file: Path | None, with_station: bool, command: Typed
) -> None:
    """Assemble the supervisor and run it in this thread."""
    another = command.with_port(settings.port + 1)
    sentence = f"port {settings.port} is in use by another program; choose another: {another}"
    specs = lab.children(
        settings, demo=demo, lab_file=lab_file, with_station=with_station, port_sentence=sentence
    )
    logbook = LogBook(settings.run_dir / "pybirch.log", say)
    reporter = ExitReporter(settings.run_dir)
    try:
        supervisor = Supervisor(specs, settings.run_dir, logbook, reporter)
        stop_on_signals(supervisor)
        signin = SignIn(settings.run_dir, lambda: server_pid(supervisor), say, settings.data_dir)
        try:
            supervisor.run()
        finally:
            signin.close()
            reporter.close()
        say("PyBirch has stopped.")
    finally:
        logbook.close()


def server_pid(supervisor: Supervisor) -> int | None:
    child = supervisor.child("server")
    return None if child is None else child.pid


@contextlib.contextmanager
def one_supervisor(settings: LabSettings) -> Iterator[bool]:
    """True for the one supervisor of a data folder; the system frees the lock when it dies."""
    lock = FileLock(settings.run_dir / "supervisor.lock", timeout=0)
    try:
        with lock:
            yield True
    except Timeout:
        yield False


def server_to_adopt(settings: LabSettings) -> bool:
    """A server of a supervisor that was killed still listens at the address that is wanted.

    One at another address is ours as well, and ended, so that the new one can take its place.
    """
    record = read_children(settings.run_dir).get("server")
    process = ChildProcess.adopt(record) if record else None
    if process is None:
        return False
    server = read_server(settings.run_dir)
    if server is None or server.url.rpartition(":")[2] == str(settings.port):
        return True
    process.ask_to_stop()
    return False


def server_of_somebody_else(settings: LabSettings) -> bool:
    """A living server of this folder that no supervisor has started."""
    server = living_server(settings.run_dir)
    record = read_children(settings.run_dir).get("server")
    if server is None or not is_ours(server.pid):
        return False
    return record is None or ChildProcess.adopt(record) is None


def where_it_runs(settings: LabSettings) -> str:
    """What to say instead of starting a second one."""
    sentence = f"PyBirch already runs for {settings.data_dir}; nothing new was started."
    try:
        server, link = link_when_ready(settings.run_dir, START_TIME_S)
    except ServerUnavailableError as error:
        return f"{sentence} But there is no link: {error}."
    return (
        f"{sentence}\nIt is at {server.url}; this link signs you in (ten minutes, one use):\n\n    {link}\n"
    )


def sentence_in_use(settings: LabSettings, command: Typed) -> str:
    """Who has the port, and what to do; a PyBirch of this very folder is no stranger."""
    for run_dir in run_dirs(settings):
        server = living_server(run_dir)
        if server is not None and server.url.rpartition(":")[2] == str(settings.port):
            another = ports.next_free(settings.host, settings.port)
            beside = f"; to start this one beside it: {command.with_port(another)}" if another else ""
            return f"PyBirch runs already in this folder, at {server.url} (data in {run_dir.parent}){beside}"
    return ports.sentence_in_use(settings.host, settings.port, command.with_port)


def stop_on_signals(supervisor: Supervisor) -> None:
    """Ctrl-C, SIGTERM and a closed terminal (unless under nohup) all mean: stop in order."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is None or (name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN):
            continue
        signal.signal(number, lambda *_: supervisor.stop())


@click.command(name="run_web.py", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--demo", is_flag=True, help="The demo laboratory: simulated instruments, data in data/demo/.")
@click.option(
    "--lab",
    "lab_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The Python file that describes your laboratory (see examples/my_lab.py).",
)
@click.option("--host", help="Address to listen at (HOST; 127.0.0.1).")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port to listen at (PORT; 5000); 0 takes a free one."
)
@click.option(
    "--no-station", is_flag=True, help="The server alone; a station or window comes from elsewhere."
)
def run_web(demo: bool, lab_file: Path | None, host: str | None, port: int | None, no_station: bool) -> None:
    """Start the laboratory: web server and, for --demo or --lab, its station; kept alive until Ctrl-C.

    Without a laboratory the server waits for stations (`pybirch station FILE`), windows and scripts.
    """
    if demo and lab_file:
        raise click.UsageError("--demo has its own laboratory; leave out --lab.")
    start_lab(demo=demo, lab_file=lab_file, host=host, port=port, with_station=not no_station)


def main() -> None:
    """Run `run_web.py`'s command; what goes wrong on purpose is one sentence and exit code 1."""
    from pybirch.cli.command import fail

    try:
        run_web.main()
    except PyBirchError as error:
        fail(str(error))
