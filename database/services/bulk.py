"""Blocks of any size joined to such as fill the record's own, for `readings.bulk`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from database.services.merging import MOST_BYTES
from pybirch.blocks import follows, join, numbers_in, part
from pybirch.events import Readings

BLOCKS_AT_ONCE = 2
"""Full blocks of one transaction: a commit costs as much as a third of one."""


class _Gathered:
    """What came of one measurement and is not given out yet."""

    def __init__(self) -> None:
        self.blocks: list[Readings] = []
        self.rows = 0
        self.bytes = 0

    def add(self, block: Readings) -> None:
        self.blocks.append(block)
        self.rows += block.count
        self.bytes += 8 * numbers_in([block])

    def take(self, rows: int) -> Readings:
        """The first `rows`; what is left stays."""
        whole = join(self.blocks)
        self.blocks, self.rows, self.bytes = [], 0, 0
        if rows < whole.count:
            self.add(part(whole, rows, whole.count))
        return part(whole, 0, rows)


def pieces(blocks: Iterable[Readings], most_rows: int) -> Iterator[Readings]:
    """The same readings in pieces of a whole number of full blocks, the last of each measurement aside."""
    gathered: dict[str, _Gathered] = {}
    for block in blocks:
        here = gathered.setdefault(block.measurement, _Gathered())
        if here.blocks and not follows(here.blocks[-1], block):
            yield here.take(here.rows)
        if block.count:
            here.add(block)
        if here.rows >= BLOCKS_AT_ONCE * most_rows:
            yield here.take(here.rows // most_rows * most_rows)
        elif here.bytes >= BLOCKS_AT_ONCE * MOST_BYTES:
            yield here.take(here.rows)
    for here in gathered.values():
        if here.rows:
            yield here.take(here.rows)
