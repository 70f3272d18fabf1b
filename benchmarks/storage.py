"""How fast readings are stored and read: `python benchmarks/storage.py [--quick] [--url URL]`.

Each row has two floats, its index, a time and a step. Beside every line stands a raw `write()` and
`fsync` of the same bytes in the same groups, in the same run, on the same disk.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sqlalchemy import text

from database.services import DatabaseService
from pybirch.events import Readings

GROUPS = (1, 20, 100, 1_000, 10_000, 100_000)


def made(scan_id: str, first: int, count: int) -> Readings:
    """Rows like an instrument's: a rounded voltage, a noisy current."""
    index = np.arange(first, first + count)
    noise = np.random.default_rng(first).standard_normal(count)
    return Readings(
        scan_id=scan_id,
        measurement="iv",
        first_index=first,
        steps=index,
        times=1.7e9 + index * 1e-3 + noise * 1e-6,
        positions={},
        values={"voltage (V)": np.round(index * 1e-3 % 10, 6), "current (A)": np.round(noise * 1e-6, 12)},
    )


def raw_write(folder: Path, group: int, groups: int) -> float:
    """Rows a second of a plain file: 40 bytes a row, an fsync a group."""
    rows = os.urandom(40 * group)
    with (folder / "raw").open("wb", buffering=0) as file:
        begin = time.perf_counter()
        for _ in range(groups):
            file.write(rows)
            os.fsync(file.fileno())
        return group * groups / (time.perf_counter() - begin)


def milliseconds(work: Callable[[], object], times: int = 5) -> float:
    """The median time of `work`."""
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begin)
    return float(np.median(taken) * 1e3)


def stored_bytes(db: DatabaseService, scan: int) -> int:
    """Bytes of payloads (blocks and summaries) of a scan."""
    of = "measurement_object_id IN (SELECT id FROM measurement_objects WHERE scan_id = :scan)"
    with db.database.read() as session:
        return sum(
            session.execute(text(f"SELECT sum(length(payload)) FROM {t} WHERE {of}"), {"scan": scan}).scalar()
            or 0
            for t in ("measurement_blocks", "measurement_summaries")
        )


def group_line(db: DatabaseService, folder: Path, group: int, rows: int) -> str:
    scan_id = f"group-{group}"
    number = db.scans.create(scan_id=scan_id, writer="bench").id
    groups = max(2, rows // group)
    blocks = [made(scan_id, i * group, group) for i in range(groups)]
    taken = []
    for block in blocks:
        begin = time.perf_counter()
        db.readings.append(scan_id, [block], writer="bench", progress=0.5)
        taken.append(time.perf_counter() - begin)
    total = group * groups
    found = db.readings.read(scan_id, "iv")
    assert found.count == total
    assert (found.steps == np.arange(total)).all()
    read = milliseconds(lambda: db.readings.read(scan_id, "iv"), 3)
    return (
        f"{group:>8,} {total:>10,} {total / sum(taken):>12,.0f} {np.median(taken) * 1e3:>10.2f} "
        f"{np.percentile(taken, 99) * 1e3:>8.2f} {stored_bytes(db, number) / total:>8.1f} {read:>9.1f} "
        f"{raw_write(folder, group, min(groups, 2000)):>14,.0f}"
    )


def reading_lines(db: DatabaseService, rows: int) -> list[str]:
    scan_id = "long"
    db.scans.create(scan_id=scan_id)
    for first in range(0, rows, 100_000):
        db.readings.append(scan_id, [made(scan_id, first, min(100_000, rows - first))])
    service, middle = db.readings, rows // 2
    works: dict[str, Callable[[], object]] = {
        f"overview of all {rows:,} in 2,000 points": lambda: service.overview(scan_id, "iv"),
        "overview of a tenth": lambda: service.overview(scan_id, "iv", start=middle, end=middle + rows // 10),
        "window of 100,000": lambda: service.read(scan_id, "iv", middle, middle + 100_000),
        "window of 1,000": lambda: service.read(scan_id, "iv", middle, middle + 1_000),
    }
    return [f"{name:<44} {milliseconds(work):6.1f} ms" for name, work in works.items()]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a few seconds")
    parser.add_argument("--url", help="another database, which must be empty; an SQLite file without")
    parser.add_argument(
        "--folder", type=Path, default=Path.cwd(), help="where the files go (this disk is measured)"
    )
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="storage-bench-", dir=arguments.folder))
    try:
        with DatabaseService(arguments.url or folder / "bench.db") as db:
            print("  rows a       rows       rows/s  ms/commit               bytes/  read all    raw write")
            print("  commit                  stored     median      p99        row        ms       rows/s")
            for group in GROUPS:
                most = 500 if group == 1 else 200_000 if group < 1000 else 1_000_000
                print(
                    group_line(db, folder, group, most // (10 if arguments.quick and group > 1 else 1)),
                    flush=True,
                )
            print(*reading_lines(db, 1_000_000 if arguments.quick else 10_000_000), sep="\n")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
