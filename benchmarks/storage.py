"""How fast readings are stored and read: `python benchmarks/storage.py [--quick] [--url URL]`.

Each row has two floats, its index, a time and a step. Beside every line of storing stands a raw
`write()` and `fsync` of the same bytes in the same groups, in the same run, on the same disk. SQLite
is measured, and PostgreSQL where one answers on 127.0.0.1:5432 to user postgres.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from database.services import DatabaseService
from database.session import Database
from database.web.app import create_app
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


KINDS: dict[str, Callable[[int, np.random.Generator], tuple[np.ndarray, np.ndarray]]] = {
    "rounded": lambda n, r: (
        np.round(np.arange(n) * 1e-3 % 10, 6),
        np.round(r.standard_normal(n) * 1e-6, 12),
    ),
    "24-bit noise": lambda n, r: (r.integers(0, 1 << 24, n) * 1e-6, r.integers(0, 1 << 24, n) * 1e-9),
    "float64 noise": lambda n, r: (r.standard_normal(n), r.standard_normal(n)),
}
"""What two columns may hold, from easy to incompressible."""


def bulk_line(db: DatabaseService, folder: Path, kind: str, rows: int, block: int = 10_000) -> str:
    """`readings.bulk` of blocks as they are imported, restored or forwarded."""
    scan_id = f"bulk {kind}"
    number = db.scans.create(scan_id=scan_id).id
    random = np.random.default_rng(1)
    blocks = []
    for first in range(0, rows, block):
        whole = made(scan_id, first, block)
        voltage, current = KINDS[kind](block, random)
        blocks.append(replace(whole, values={"voltage (V)": voltage, "current (A)": current}))
    begin, begin_cpu = time.perf_counter(), time.process_time()
    db.readings.bulk(scan_id, blocks)
    taken, cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
    assert db.readings.read(scan_id, "iv", rows - 1).count == 1
    per_row = stored_bytes(db, number) / rows
    raw = raw_write(folder, 131_072, max(2, rows // 131_072))
    return (
        f"{kind:<20} {rows:>10,} {rows / taken:>12,.0f} {rows / cpu:>14,.0f} {per_row:>10.2f} {raw:>14,.0f}"
    )


def day_line(db: DatabaseService, commits: int) -> str:
    """A day at 1 Hz, without the waiting: so many commits of one reading."""
    number = db.scans.create(scan_id="day").id
    random = np.random.default_rng(2)
    for index in range(commits):
        reading = replace(
            made("day", index, 1),
            times=np.array([1.7e9 + index + random.standard_normal() * 1e-3]),
            values={"voltage (V)": random.standard_normal(1), "current (A)": random.standard_normal(1)},
        )
        db.readings.append("day", [reading])
    per_row = stored_bytes(db, number) / commits
    return f"{commits:,} commits of one reading of noise: {per_row:.1f} bytes a row (40 raw)"


def reading_lines(db: DatabaseService, rows: int) -> list[str]:
    scan_id = "long"
    db.scans.create(scan_id=scan_id)
    db.readings.bulk(scan_id, (made(scan_id, at, min(100_000, rows - at)) for at in range(0, rows, 100_000)))
    service, middle = db.readings, rows // 2 + 12_345
    works: dict[str, Callable[[], object]] = {
        f"overview of all {rows:,} in 2,000 points": lambda: service.overview(scan_id, "iv"),
        "overview of a tenth": lambda: service.overview(scan_id, "iv", start=middle, end=middle + rows // 10),
        "window of 100,000": lambda: service.read(scan_id, "iv", middle, middle + 100_000),
        "window of 1,000": lambda: service.read(scan_id, "iv", middle, middle + 1_000),
        "100,000 to a DataFrame": lambda: db.data(scan_id)["iv"][middle : middle + 100_000].to_pandas(),
        "the scan page's answers": scan_page(db, scan_id, rows),
    }
    return [f"{name:<44} {spread(work)}" for name, work in works.items()]


def scan_page(db: DatabaseService, scan_id: str, rows: int) -> Callable[[], None]:
    """Asks for what the page of a scan needs until its charts are drawn."""
    app = create_app({"TESTING": True, "DATABASE_URL": url_of(db), "SECRET_KEY": "benchmark"})
    _, secret = db.tokens.create("benchmark", None, scopes=("read",))
    client, headers = app.test_client(), {"Authorization": f"Bearer {secret}"}
    data = f"/api/scan/{scan_id}/data/iv?format=float64&"
    drawn = (f"{data}end={rows - 2000}&max_points=2000", f"{data}start={rows - 2000}&all=1")
    answers = (f"/scans/{scan_id}", "/api/overview", f"/api/scan/{scan_id}", *drawn)

    def ask() -> None:
        for address in answers:
            answer = client.get(address, headers=headers)
            assert answer.status_code == 200, answer.get_data(as_text=True)
            answer.get_data()

    return ask


def url_of(db: DatabaseService) -> str:
    return db.database.url.render_as_string(hide_password=False)


def spread(work: Callable[[], object], times: int = 25) -> str:
    """Best and median time: the best is the program's, the rest the machine's."""
    work()
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        taken.append((time.perf_counter() - begin) * 1e3)
    return f"best {min(taken):7.2f} ms   median {np.median(taken):7.2f} ms"


def tables(db: DatabaseService, unhurried: DatabaseService, folder: Path, quick: bool) -> None:
    """All tables of one database; `unhurried` is one that does not wait for its disk."""
    print("  rows a       rows       rows/s  ms/commit               bytes/  read all    raw write")
    print("  commit                  stored     median      p99        row        ms       rows/s")
    for group in GROUPS:
        most = 500 if group == 1 else 200_000 if group < 1000 else 1_000_000
        print(group_line(db, folder, group, most // (10 if quick and group > 1 else 1)), flush=True)
    print("\nbulk, of 10,000 rows     rows       rows/s  rows/s of CPU  bytes/row      raw write")
    for kind in KINDS:
        print(bulk_line(db, folder, kind, 500_000 if quick else 2_000_000), flush=True)
    print("\n" + day_line(unhurried, 4_000 if quick else 86_400), flush=True)
    print(*reading_lines(db, 1_000_000 if quick else 10_000_000), sep="\n")


@contextmanager
def postgres(name: str) -> Iterator[str | None]:
    """The URL of a PostgreSQL database that is there meanwhile; None where no server answers."""
    server = Database("postgresql://postgres@127.0.0.1:5432/postgres")
    outside = server.engine.execution_options(isolation_level="AUTOCOMMIT")
    try:
        with outside.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}"'))
    except OperationalError:
        yield None
        return
    try:
        yield server.url.set(database=name).render_as_string(hide_password=False)
    finally:
        with outside.connect() as connection:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
        server.dispose()


def unhurried_sqlite(path: Path) -> DatabaseService:
    """A database whose commits are not waited for, to count bytes only."""
    db = DatabaseService(path)

    @event.listens_for(db.database.engine, "connect")
    def hurry(connection: Any, record: object) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    db.database.engine.dispose()
    return db


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a few seconds")
    parser.add_argument("--url", help="another database, which must be empty, instead of both")
    parser.add_argument(
        "--folder", type=Path, default=Path.cwd(), help="where the files go (this disk is measured)"
    )
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="storage-bench-", dir=arguments.folder))
    os.environ["DATA_STORAGE_PATH"] = str(folder / "data")
    try:
        if arguments.url:
            with DatabaseService(arguments.url) as db:
                tables(db, db, folder, arguments.quick)
            return
        print("SQLite")
        with DatabaseService(folder / "bench.db") as db, unhurried_sqlite(folder / "day.db") as other:
            tables(db, other, folder, arguments.quick)
        with postgres(f"pybirch_bench_{os.getpid()}") as url:
            if url is None:
                print("\nPostgreSQL: none answers on 127.0.0.1:5432")
                return
            print("\nPostgreSQL")
            hurried = f"{url}?options=-c%20synchronous_commit%3Doff"
            with DatabaseService(url) as db, DatabaseService(hurried) as other:
                tables(db, other, folder, arguments.quick)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
