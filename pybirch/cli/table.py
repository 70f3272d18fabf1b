"""Readings as CSV: `index,time (s),step,<columns>`; arrays in long format, one line an element."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pybirch.events import Readings


def write_csv(blocks: Iterable[Readings], stream: IO[str]) -> int:
    """Write blocks as they come and return how many lines there were besides the header."""
    writer = csv.writer(stream, lineterminator="\n")
    count = 0
    for number, block in enumerate(blocks):
        long = is_long(block)
        if number == 0:
            element = ["element"] if long else []
            writer.writerow(["index", "time (s)", "step", *element, *block.positions, *block.values])
        for line in (long_lines if long else lines)(block):
            writer.writerow(line)
            count += 1
    return count


def is_long(block: Readings) -> bool:
    """Some column's readings are arrays."""
    return any(isinstance(values, list) or values.ndim > 1 for values in block.values.values())


def lines(block: Readings) -> Iterator[list[Any]]:
    columns = [*block.positions.values(), *block.values.values()]
    for row in range(block.count):
        head = [block.first_index + row, repr(float(block.times[row])), int(block.steps[row])]
        yield [*head, *(number(column[row]) for column in columns)]


def long_lines(block: Readings) -> Iterator[list[Any]]:
    """One line an element; a scalar column repeats its value on each."""
    for row in range(block.count):
        head = [block.first_index + row, repr(float(block.times[row])), int(block.steps[row])]
        positions = [number(column[row]) for column in block.positions.values()]
        values = [column[row] for column in block.values.values()]
        for element in range(max(size(value) for value in values)):
            yield [*head, element, *positions, *(number(element_of(value, element)) for value in values)]


def size(value: Any) -> int:
    return len(value) if hasattr(value, "__len__") else 1


def element_of(value: Any, element: int) -> float | None:
    """None past the end of a shorter array."""
    if not hasattr(value, "__len__"):
        return value
    return value[element] if element < len(value) else None


def number(value: Any) -> str:
    """The shortest text that reads back as the same number; empty where there is none."""
    if value is None:
        return ""
    plain = float(value)
    return (
        repr(int(plain))
        if plain.is_integer() and abs(plain) < 2**53 and math.copysign(1, plain) > 0
        else repr(plain)
    )
