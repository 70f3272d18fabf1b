"""The supervisor: keeps server, station and simulator alive, and takes all of them down in order.

    start -> look, look, look ... -> stop asked -> station ends -> the others end -> nobody is left

It owns no instrument and no port, so that it has nothing to lose when it is killed: the children
go on, and the next supervisor of the folder adopts them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import psutil

from pybirch.cli.care import Care, Ended, Patience
from pybirch.cli.child import ChildProcess, ChildSpec
from pybirch.cli.exits import ExitReporter, StationExit
from pybirch.cli.output import LogBook
from pybirch.cli.runtime import ChildRecord, StationFile, read_children, read_station, write_children
from pybirch.errors import PyBirchError
from pybirch.processes import is_ours

LOOK_EVERY_S = 0.1
STATION_TIME_S = 3.2
ALL_TIME_S = 4.5


class StartError(PyBirchError):
    """A child could not start, and it makes no sense to try again."""


class Supervisor:
    """Watches its children from one loop, in the thread that calls `run()`.

    Args:
        specs: the children, in the order in which they start.
        run_dir: the lab's run folder; the caller holds its lock.
        logbook: where children's lines and the supervisor's sentences go.
        reporter: hears of a station's end.
        patience: waits between restarts.
    """

    def __init__(
        self,
        specs: Sequence[ChildSpec],
        run_dir: Path,
        logbook: LogBook,
        reporter: ExitReporter,
        patience: Patience | None = None,
    ) -> None:
        self._run_dir = run_dir
        self._logbook = logbook
        self._reporter = reporter
        self._station: StationFile | None = None
        self._stop_asked = False
        patience = patience or Patience()
        records = read_children(run_dir)
        self.cares = [Care(spec, run_dir, patience, adopted=self._adopt(spec, records)) for spec in specs]
        self._recorded = records
        names = {spec.name for spec in specs}
        self._left_alone = {
            name: r for name, r in records.items() if name not in names and ChildProcess.adopt(r)
        }

    def _adopt(self, spec: ChildSpec, records: dict[str, ChildRecord]) -> ChildProcess | None:
        process = ChildProcess.adopt(records[spec.name]) if spec.name in records else None
        if process is not None:
            self._logbook.tell(f"the {spec.name} is still alive (process {process.pid}) and was taken over")
        return process

    def child(self, name: str) -> ChildProcess | None:
        """The living child of that name."""
        return next((care.process for care in self.cares if care.spec.name == name), None)

    def stop(self) -> None:
        """Ask `run()` to end everything; safe in a signal handler and from any thread."""
        self._stop_asked = True

    def run(self) -> None:
        """Keep the children alive until `stop()`, then leave nobody behind.

        Raises:
            StartError: a child ended its first start with one of its fatal codes.
        """
        try:
            while not self._stop_asked:
                self._look()
                time.sleep(LOOK_EVERY_S)
        finally:
            self._end_all()

    def _look(self) -> None:
        for care in self.cares:
            try:
                ended = care.look()
            except (OSError, psutil.Error) as error:
                wait = care.postpone()
                self._logbook.tell(f"the {care.spec.name} cannot be started ({error}); again in {wait:g} s")
                continue
            self._follow(care)
            if ended is not None:
                self._tell_of(care, ended)
        self._remember_station()
        self._record_children()

    def _follow(self, care: Care) -> None:
        for line in care.tail.lines():
            self._logbook.write(care.spec.name, line)

    def _tell_of(self, care: Care, ended: Ended) -> None:
        name = care.spec.name
        if name == "station":
            self._report_station(ended)
        fatal = care.spec.fatal_codes.get(ended.code) if ended.code is not None else None
        if fatal is not None and ended.first_start:
            raise StartError(fatal)
        code = "" if ended.code is None else f" ({_code_in_words(ended.code)})"
        then = f"starting it again in {ended.wait:g} s"
        if ended.held is not None:
            code, then = "", f"it is started again as soon as {ended.held.name} is saved"
        self._logbook.tell(f"the {name} has ended{code}; {then}")

    def _remember_station(self) -> None:
        """Keep the living station's epoch: it may take its file along when it goes."""
        process = self.child("station")
        if process is None or (self._station is not None and self._station.pid == process.pid):
            return
        found = read_station(self._run_dir)
        if found is not None and found.pid == process.pid:
            self._station = found

    def _report_station(self, ended: Ended) -> None:
        for known in (read_station(self._run_dir), self._station):
            if known is not None and known.pid == ended.process.pid:
                self._reporter.report(StationExit(known.name, known.epoch, ended.code, known.error or None))
                return

    def _record_children(self) -> None:
        """Write down who is ours, for the supervisor that may come after this one."""
        records = self._left_alone | {
            care.spec.name: ChildRecord(care.spec.name, care.process.pid, care.process.created)
            for care in self.cares
            if care.process is not None and care.process.mine
        }
        if records == self._recorded:
            return
        self._recorded = records
        try:
            write_children(self._run_dir, records)
        except OSError as error:  # a full disk is no reason to end a measurement
            self._logbook.tell(f"cannot write {self._run_dir / 'children.json'} ({error.strerror})")

    def _end_all(self) -> None:
        """The station first, while the server still listens; whoever is left at the end is killed."""
        begun = time.monotonic()
        stations = [care for care in self.cares if care.spec.name == "station"]
        others = [care for care in self.cares if care.spec.name != "station"]
        self._ask(stations, begun + STATION_TIME_S)
        self._ask(others, begun + ALL_TIME_S)
        self._wait(stations, begun + ALL_TIME_S)
        for care in self.cares:
            if care.process is not None and care.process.mine:
                care.process.kill()
            self._follow(care)
            care.process = None
        self._record_children()

    def _ask(self, cares: Iterable[Care], deadline: float) -> None:
        cares = list(cares)
        for care in cares:
            if care.process is not None and care.process.mine:
                care.process.ask_to_stop()
        self._wait(cares, deadline)

    def _wait(self, cares: Sequence[Care], deadline: float) -> None:
        while any(_still_stopping(care) for care in cares) and time.monotonic() < deadline:
            for care in self.cares:
                self._follow(care)
            time.sleep(LOOK_EVERY_S / 4)


def somebodys_station(run_dir: Path) -> ChildProcess | None:
    """The living station that holds this lab's lock, whoever started it."""
    station = read_station(run_dir)
    if station is None or not is_ours(station.pid, station.created):
        return None
    return ChildProcess.watch(station.pid)


def _still_stopping(care: Care) -> bool:
    return care.process is not None and care.process.mine and not care.process.has_ended()


def _code_in_words(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"code {code}"
