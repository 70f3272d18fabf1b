"""Exports: seconds, size, and how much memory each format takes at its most, for more and more readings.

``python benchmarks/exports.py [--quick]``
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pybirch.dataset.facts import ColumnFacts, MeasurementFacts, ScanFacts, StoredArray
from pybirch.dataset.scan import ScanData
from pybirch.events import Readings
from pybirch.export import FORMATS, export

BLOCK = 65_536
LINE = 1_000
COLUMNS = (
    ColumnFacts("x", "mm", "position"),
    ColumnFacts("y", "mm", "position"),
    ColumnFacts("v", "V", "data"),
)


class Map:
    """A map of lines of a thousand places, made as it is read; nothing of it is kept."""

    def __init__(self, count: int) -> None:
        self._count = count

    def facts(self) -> ScanFacts:
        return ScanFacts(scan_id="bench", name="bench", status="completed")

    def measurements(self) -> list[MeasurementFacts]:
        return [MeasurementFacts("m", COLUMNS, self._count)]

    def blocks(
        self, measurement: str, start: int, end: int, columns: Sequence[str] | None, newest: bool
    ) -> Iterator[Readings]:
        noise = np.random.default_rng(1)
        for first in range(start, end, BLOCK):
            index = np.arange(first, min(first + BLOCK, end))
            yield Readings(
                scan_id="bench",
                measurement="m",
                first_index=first,
                steps=index,
                times=1.7e9 + index * 1e-3,
                positions={"x (mm)": index // LINE * 0.1, "y (mm)": index % LINE * 0.1},
                values={"v (V)": np.sin(index * 1e-3) + noise.normal(0, 1e-3, len(index))},
            )

    def arrays(self, measurement: str) -> Iterator[StoredArray]:
        return iter(())


def one(name: str, count: int, folder: Path) -> None:
    """One export in this process; a line of figures."""
    path = folder / f"a{FORMATS[name].suffix}"
    export(ScanData(Map(LINE)), path)  # imports
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    begun = time.perf_counter()
    export(ScanData(Map(count)), path)
    took = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size = path.stat().st_size / 1e6
    print(
        f"  {FORMATS[name].title:20s}{count:12,}{took:10.1f}{size:10.0f}{before:10.0f}{peak:10.0f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer readings")
    parser.add_argument("--one", nargs=2, metavar=("FORMAT", "COUNT"), help=argparse.SUPPRESS)
    parser.add_argument("--formats", nargs="*", default=list(FORMATS), choices=list(FORMATS))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if chosen.one:
            one(chosen.one[0], int(chosen.one[1]), Path(folder))
            return
    print("\nformat                  readings         s        MB  RSS before   at most, MiB")
    for name in chosen.formats:
        for count in (100_000, 1_000_000) if chosen.quick else (1_000_000, 10_000_000):
            subprocess.run([sys.executable, __file__, "--one", name, str(count)], check=True)


if __name__ == "__main__":
    main()
