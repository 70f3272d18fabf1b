"""How long a page of a long list of scans takes: `python benchmarks/lists.py [--quick]`.

100,000 scans of 20 people in 50 projects; each line is a page of 50 as the page of scans asks for it, with
the count beside it. SQLite is measured, and PostgreSQL where one answers on 127.0.0.1:5432.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import insert, text

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.storage import postgres, spread
from database.models import Scan
from database.services import DatabaseService

PAGES: dict[str, dict[str, Any]] = {
    "the newest": {},
    "completed": {"state": "completed"},
    "failed or interrupted": {"state": ["failed", "interrupted"]},
    "of one owner": {"owner": "person 7"},
    "of one project, by name": {"project_name": "project 7", "sort": "scan_name"},
    "by time of start, oldest first": {"sort": "started_at"},
    "of one month": {"since": "2024-06-01", "until": "2024-07-01"},
    "with a rare word": {"search": "kryostat77"},
    "with a word of every scan": {"search": "sweep"},
}


def fill(db: DatabaseService, scans: int) -> None:
    """That many scans over two years, most of them completed."""
    random = np.random.default_rng(1)
    begun = datetime(2024, 1, 1, tzinfo=UTC)
    states = random.choice(
        ["completed", "failed", "aborted", "interrupted"], scans, p=[0.94, 0.03, 0.02, 0.01]
    )
    with db.database.write_connection() as connection:
        for first in range(0, scans, 1_000):
            rows = [_row(n, begun, states[n]) for n in range(first, first + 1_000)]
            connection.execute(insert(Scan), rows)

    if not db.database.is_sqlite:  # as the server itself does a minute after such a change
        outside = db.database.engine.execution_options(isolation_level="AUTOCOMMIT")
        with outside.connect() as connection:
            connection.execute(text("VACUUM ANALYZE"))


def _row(number: int, begun: datetime, state: str) -> dict[str, Any]:
    at = begun + timedelta(minutes=10 * number)
    return {
        "scan_id": f"S{number:06d}",
        "scan_name": f"sweep {number % 1000}",
        "project_name": f"project {number % 50}",
        "owner": f"person {number % 20}",
        "additional_tags": [f"kryostat{number % 1500}"],
        "extra_data": {},
        "terms": {},
        "status": state,
        "created_at": at,
        "started_at": at + timedelta(seconds=number % 60),
    }


def table(db: DatabaseService, scans: int) -> None:
    fill(db, scans)
    for name, wanted in PAGES.items():
        page = spread(lambda w=wanted: db.scans.list(limit=50, **w))
        unsorted = {key: value for key, value in wanted.items() if key != "sort"}
        count = spread(lambda w=unsorted: db.scans.count(**w))
        print(f"{name:<32} page {page}   count {count}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="10,000 scans")
    scans = 10_000 if parser.parse_args().quick else 100_000
    with tempfile.TemporaryDirectory() as folder, DatabaseService(Path(folder) / "lab.db") as db:
        print(f"SQLite, {scans:,} scans")
        table(db, scans)
    with postgres(f"pybirch_lists_{os.getpid()}") as url:
        if url is None:
            print("\nPostgreSQL: none answers on 127.0.0.1:5432")
            return
        print(f"\nPostgreSQL, {scans:,} scans")
        with DatabaseService(url) as db:
            table(db, scans)


if __name__ == "__main__":
    main()
