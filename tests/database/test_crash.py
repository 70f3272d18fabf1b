"""A writer that is killed loses nothing it was told is stored; two writers do not disturb each other."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable

import numpy as np
import pytest

from database.services import DatabaseService
from pybirch.events import Readings

MakeReadings = Callable[..., Readings]

WRITER = """
import sys
import numpy as np
from database.services import DatabaseService
from pybirch.events import Readings

db = DatabaseService(sys.argv[1], migrate="wait")
first, step = 0, 0
while True:
    group = []
    for name, n in (("a", 7), ("b", 3)):
        index = np.arange(step * n, step * n + n)
        group.append(Readings(scan_id="S1", measurement=name, first_index=int(index[0]),
                              steps=index * 0 + step, times=index * 1.0, positions={},
                              values={"v": index * 2.0}))
    db.readings.append("S1", group, writer="w", progress=0.5)
    step += 1
    print(step, flush=True)
"""


@pytest.mark.parametrize("groups", [3, 70, 150])
def test_kill_9_loses_no_committed_group(db: DatabaseService, place: str, groups: int) -> None:
    db.scans.create(scan_id="S1", writer="w", status="running")
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, place], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        told = 0
        while told < groups:
            told = int(process.stdout.readline())
        process.kill()
        rest = process.stdout.read().split()
    told = int(rest[-1]) if rest else told
    last = db.readings.last_indexes("S1")
    assert last["a"] + 1 >= told * 7
    assert (last["a"] + 1) * 3 == (last["b"] + 1) * 7
    for name in "ab":
        found = db.readings.read("S1", name)
        np.testing.assert_array_equal(found.values["v"], np.arange(found.count) * 2.0)
    assert db.scans.get("S1").points_done == last["a"] + last["b"] + 2


def test_two_writers_at_once(place: str, make_readings: MakeReadings) -> None:
    services = [DatabaseService(place, migrate=False) for _ in range(2)]
    failures: list[BaseException] = []

    def write(service: DatabaseService, scan: str) -> None:
        try:
            service.scans.create(scan_id=scan, writer=scan)
            for first in range(0, 1000, 10):
                service.readings.append(scan, [make_readings(first, 10, scan)], writer=scan)
        except BaseException as failure:
            failures.append(failure)

    threads = [
        threading.Thread(target=write, args=(service, f"S{i}{j}"))
        for i, service in enumerate(services)
        for j in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    for scan in ("S00", "S01", "S10", "S11"):
        found = services[0].readings.read(scan, "iv")
        np.testing.assert_array_equal(found.steps, np.arange(1000))
    for service in services:
        service.close()


def test_two_writers_of_one_scan_keep_one_order(place: str, make_readings: MakeReadings) -> None:
    """The same blocks sent twice, by two services at once, are stored once."""
    services = [DatabaseService(place, migrate=False) for _ in range(2)]
    services[0].scans.create(scan_id="S1")
    new: list[int] = []

    def write(service: DatabaseService) -> None:
        for first in range(0, 300, 10):
            new.append(service.readings.append("S1", [make_readings(first, 10)]))

    threads = [threading.Thread(target=write, args=(service,)) for service in services]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(new) == 300 == services[0].scans.get("S1").points_done
    np.testing.assert_array_equal(services[1].readings.read("S1", "iv").steps, np.arange(300))
    for service in services:
        service.close()
