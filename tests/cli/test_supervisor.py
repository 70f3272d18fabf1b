"""The supervisor over small fake children: it restarts, reports, adopts, and leaves nobody behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from pybirch.cli.care import Patience
from pybirch.cli.child import ChildSpec
from pybirch.cli.runtime import ChildRecord, read_children, write_children, write_private
from pybirch.cli.supervisor import StartError
from tests.cli.fakes import FAILING_STATION, SLEEPER, STATION, STUBBORN, FakeServer, Run, program
from tests.conftest import until

pytestmark = pytest.mark.system
Supervise = Callable[..., Run]


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def left_behind(run_dir: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A station whose supervisor was killed."""
    spec = program("station", STATION, str(run_dir / "station.json"))
    popen = subprocess.Popen(spec.command, start_new_session=True)
    created = psutil.Process(popen.pid).create_time()
    write_children(run_dir, {"station": ChildRecord("station", popen.pid, created)})
    until((run_dir / "station.json").exists)
    yield popen
    popen.kill()
    popen.wait()


def test_a_child_that_dies_is_started_again(supervise: Supervise) -> None:
    run = supervise(program("server", SLEEPER))
    first = until(lambda: run.pid("server"))
    os.kill(first, signal.SIGKILL)
    until(lambda: run.pid("server") not in (None, first))
    assert lives(until(lambda: run.pid("server")))
    assert "the server has ended (killed by signal 9); starting it again in 0.2 s" in run.said


def test_an_end_is_seen_within_half_a_second(supervise: Supervise) -> None:
    run = supervise(program("server", SLEEPER), patience=Patience(first=60))
    os.kill(until(lambda: run.pid("server")), signal.SIGKILL)
    until(lambda: run.pid("server") is None, timeout=0.5)


def test_waits_double_up_to_the_longest(supervise: Supervise) -> None:
    run = supervise(program("server", "raise SystemExit(7)"), patience=Patience(first=0.05, longest=0.2))
    until(lambda: len(run.said) >= 4)
    assert [line.rpartition(" in ")[2] for line in run.said[:4]] == ["0.05 s", "0.1 s", "0.2 s", "0.2 s"]
    assert "code 7" in run.said[0]


def test_a_healthy_life_resets_the_wait(supervise: Supervise) -> None:
    run = supervise(program("server", "raise SystemExit(7)"), patience=Patience(first=0.05, healthy=0))
    until(lambda: len(run.said) >= 3)
    assert [line.rpartition(" in ")[2] for line in run.said[:3]] == ["0.05 s"] * 3


def test_a_child_that_cannot_be_started_is_told_and_tried_again(supervise: Supervise) -> None:
    run = supervise(ChildSpec(name="server", command=["/no/such/python"]), patience=Patience(first=0.05))
    until(lambda: len(run.said) >= 2)
    assert run.said[0].startswith("the server cannot be started (")
    assert run.said[1].endswith("again in 0.1 s")


def test_a_stations_end_is_reported_until_it_is_taken(
    supervise: Supervise, run_dir: Path, fake_server: FakeServer
) -> None:
    fake_server.statuses = [503, 401]
    fake_server.write_runtime_file(os.getpid())
    run = supervise(program("station", STATION, str(run_dir / "station.json")), patience=Patience(first=60))
    pid = until(lambda: run.pid("station"))
    until((run_dir / "station.json").exists)
    os.kill(pid, signal.SIGKILL)
    until(lambda: fake_server.exits)
    assert fake_server.exits == [{"station": "station", "epoch": f"epoch-{pid}", "code": -signal.SIGKILL}]
    assert fake_server.tokens == {"Bearer secret"}


def test_a_file_that_cannot_be_used_is_waited_for_and_its_error_reported(
    supervise: Supervise, run_dir: Path, fake_server: FakeServer
) -> None:
    lab = run_dir / "lab.py"
    lab.write_text("bad")
    fake_server.write_runtime_file(os.getpid())
    spec = program("station", FAILING_STATION, str(run_dir), str(lab), held_codes={5: lab})
    run = supervise(spec, program("server", "raise SystemExit(7)"), patience=Patience(first=0.01, healthy=0))
    until(lambda: fake_server.exits)
    assert (fake_server.exits[0]["code"], fake_server.exits[0]["reason"]) == (5, "lab.py, line 1: bad")
    told = "the station has ended; it is started again as soon as lab.py is saved"
    until(lambda: told in run.said)
    deaths = len(run.said)
    until(lambda: len(run.said) > deaths + 3, what="another child's deaths, to tell the time")
    assert run.pid("station") is None
    assert run.said.count(told) == 1, "it is not tried again and again"

    lab.write_text("still bad")
    until(lambda: run.said.count(told) == 2)
    lab.unlink()
    lab.with_name("new").write_text("good")
    lab.with_name("new").rename(lab)
    assert lives(until(lambda: run.pid("station")))


def test_an_end_waits_for_a_server_that_is_away(supervise: Supervise, run_dir: Path) -> None:
    run = supervise(program("station", STATION, str(run_dir / "station.json")), patience=Patience(first=60))
    pid = until(lambda: run.pid("station"))
    until((run_dir / "station.json").exists)
    os.kill(pid, signal.SIGKILL)
    until(lambda: run.pid("station") is None)
    server = FakeServer(run_dir)
    server.write_runtime_file(os.getpid())
    try:
        until(lambda: server.exits)
    finally:
        server.close()


def test_stopping_leaves_nobody_within_five_seconds(supervise: Supervise, run_dir: Path) -> None:
    parent = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {STUBBORN!r}]).wait()"
    run = supervise(
        program("server", parent), program("station", STUBBORN), program("simulator", SLEEPER)
    )  # a server with a worker of its own; nobody but the simulator listens to SIGTERM
    pids = [until(lambda name=name: run.pid(name)) for name in ("server", "station", "simulator")]
    worker = until(lambda: psutil.Process(pids[0]).children())
    until(lambda: (run_dir / "station.out").read_text().count("up"))
    begun = time.monotonic()
    assert run.end(timeout=5.0)
    until(lambda: not any(lives(pid) for pid in [*pids, *(child.pid for child in worker)]))
    assert time.monotonic() - begun < 5
    assert read_children(run_dir) == {}


def test_the_station_ends_before_the_server_is_asked(supervise: Supervise, run_dir: Path) -> None:
    timed = SLEEPER.replace(
        'print("INFO fake: down"', 'import time; print("INFO fake: down", time.monotonic_ns()'
    )
    slow = timed.replace("ended.wait()", "ended.wait(); threading.Event().wait(0.5)")
    run = supervise(program("server", timed), program("station", slow))
    for name in ("server", "station"):
        until(lambda name=name: (run_dir / f"{name}.out").exists() and (run_dir / f"{name}.out").read_text())
    assert run.end()
    said = (run_dir / "pybirch.log").read_text()
    when = {name: int(at) for name, at in re.findall(r"(server|station) \| INFO fake: down (\d+)", said)}
    assert when["station"] < when["server"]


def test_a_fatal_first_code_ends_everything(supervise: Supervise) -> None:
    run = supervise(
        program("station", SLEEPER), program("server", "raise SystemExit(3)", fatal_codes={3: "port taken"})
    )
    until(lambda: run.error)
    assert isinstance(run.error, StartError)
    assert str(run.error) == "port taken"
    station = run.pid("station")
    assert station is None or not lives(station)


def test_a_station_left_behind_is_adopted_watched_and_stopped(
    supervise: Supervise, run_dir: Path, left_behind: subprocess.Popen[bytes]
) -> None:
    run = supervise(program("station", STATION, str(run_dir / "station.json")))
    assert run.pid("station") == left_behind.pid
    assert f"the station is still alive (process {left_behind.pid}) and was taken over" in run.said
    assert run.end()
    assert not lives(left_behind.pid)


def test_an_adopted_stations_end_is_reported_and_answered_by_a_new_one(
    supervise: Supervise, run_dir: Path, left_behind: subprocess.Popen[bytes], fake_server: FakeServer
) -> None:
    fake_server.write_runtime_file(os.getpid())
    run = supervise(program("station", STATION, str(run_dir / "station.json")))
    left_behind.kill()
    left_behind.wait()
    until(lambda: fake_server.exits)
    assert fake_server.exits == [{"station": "station", "epoch": f"epoch-{left_behind.pid}", "code": None}]
    until(lambda: run.pid("station") not in (None, left_behind.pid))


def test_somebody_elses_station_is_watched_and_left_alone(
    supervise: Supervise, run_dir: Path, left_behind: subprocess.Popen[bytes]
) -> None:
    from pybirch.cli.supervisor import somebodys_station

    write_children(run_dir, {})
    station = STATION, str(run_dir / "station.json")
    run = supervise(program("station", *station, already_runs=lambda: somebodys_station(run_dir)))
    until(lambda: run.pid("station") == left_behind.pid)
    assert run.end()
    assert lives(left_behind.pid)


def test_a_number_used_again_is_not_adopted(supervise: Supervise, run_dir: Path) -> None:
    write_children(run_dir, {"server": ChildRecord("server", os.getpid(), 1.0)})
    run = supervise(program("server", SLEEPER))
    assert until(lambda: run.pid("server")) != os.getpid()


def test_a_station_s_number_used_again_is_no_station(run_dir: Path) -> None:
    """As after a power cut: the file is old, and its number is that of something else."""
    from pybirch.cli.supervisor import somebodys_station

    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)  # pybirch"])
    try:
        content = {"pid": other.pid, "epoch": "e", "name": "lab"}
        write_private(run_dir / "station.json", content | {"created": time.time() - 1000})
        assert somebodys_station(run_dir) is None
        write_private(
            run_dir / "station.json", content | {"created": psutil.Process(other.pid).create_time()}
        )
        assert somebodys_station(run_dir) is not None
    finally:
        other.kill()
        other.wait()


def test_warnings_reach_the_terminal_and_everything_the_log(supervise: Supervise, run_dir: Path) -> None:
    code = "print('INFO a: quiet\\nWARNING a: loud\\n  and more\\nINFO a: done', flush=True)"
    run = supervise(program("server", code), patience=Patience(first=60))
    until(lambda: "done" in (run_dir / "pybirch.log").read_text())
    assert [line for line in run.said if line.startswith("server |")] == [
        "server | WARNING a: loud",
        "server |   and more",
    ]
    assert "server | INFO a: quiet" in (run_dir / "pybirch.log").read_text()


def test_secrets_are_on_no_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pybirch.cli.lab import children
    from pybirch.lab_settings import lab_settings

    monkeypatch.setenv("SECRET_KEY", "hush")
    settings = lab_settings(
        demo=True, folder=tmp_path, environment={"DATABASE_URL": "postgresql://lab:hush@host/pybirch"}
    )
    specs = children(settings, demo=True, lab_file=None, with_station=True, port_sentence="")
    assert [spec.name for spec in specs] == ["simulator", "server", "station"]
    assert not any("hush" in word for spec in specs for word in spec.command)
    assert specs[1].command[0] == sys.executable


def test_only_the_stations_own_code_for_its_file_holds_it(tmp_path: Path) -> None:
    from pybirch.cli.lab import children
    from pybirch.lab_settings import lab_settings
    from pybirch.station import LAB_FILE

    settings, file = lab_settings(folder=tmp_path, environment={}), tmp_path / "lab.py"
    specs = children(settings, demo=False, lab_file=file, with_station=True, port_sentence="")
    assert {spec.name: dict(spec.held_codes) for spec in specs} == {"server": {}, "station": {LAB_FILE: file}}
