"""CSV: a header with units, then a line a reading; of text cells none that a spreadsheet would run."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pybirch.dataset.facts import ColumnFacts
    from pybirch.dataset.measurement import MeasurementData
    from pybirch.events import Readings
    from pybirch.export.contents import Contents

_FORMULA = ("=", "+", "-", "@")


def lines(contents: Contents) -> Iterator[str]:
    """See `csv_lines`; of the one measurement there is."""
    [part] = contents.parts
    return csv_lines(part.columns, contents.blocks(part))


def table(contents: Contents, part: MeasurementData, stream: Any) -> None:
    """The same into a stream of bytes."""
    for text in csv_lines(part.columns, contents.blocks(part)):
        stream.write(text.encode())


def csv_lines(columns: Sequence[ColumnFacts], blocks: Iterable[Readings]) -> Iterator[str]:
    """Header and rows: index, time, step, then the columns.

    Where a reading has arrays, each element is a row and the column "element" counts them; scalars
    are repeated.
    """
    long = any(column.shape for column in columns)
    titles = [text_cell(column.full) for column in columns]
    yield ",".join(["index", "time (s)", "step", *(["element"] if long else []), *titles]) + "\r\n"
    for block in blocks:
        yield _long_rows(block, columns) if long else _rows(block, columns)


def text_cell(text: str) -> str:
    """A text as one cell; one that a spreadsheet would run as a formula is quoted as text."""
    if is_formula(text):
        text = f"'{text}"
    return '"' + text.replace('"', '""') + '"' if re.search(r'[",;\t\r\n]', text) else text


def is_formula(text: str) -> bool:
    """Whether some spreadsheet would run it: however wide its sign, whatever unseen stands before it."""
    seen = [
        sign for sign in unicodedata.normalize("NFKC", text) if unicodedata.category(sign)[0] not in "CZM"
    ]
    return text.startswith(("\t", "\r", "\n")) or "".join(seen[:1]) in _FORMULA


def _rows(block: Readings, columns: Sequence[ColumnFacts]) -> str:
    indexes = range(block.first_index, block.end_index)
    cells = [indexes, block.times.tolist(), block.steps.tolist()]
    cells += [np.asarray(column.of(block)).tolist() for column in columns]
    return "".join(",".join(map(repr, row)) + "\r\n" for row in zip(*cells, strict=True))


def _long_rows(block: Readings, columns: Sequence[ColumnFacts]) -> str:
    rows = []
    for i in range(block.count):
        cells = [np.atleast_1d(column.of(block)[i]).reshape(-1).tolist() for column in columns]
        head = f"{block.first_index + i},{float(block.times[i])!r},{int(block.steps[i])},"
        for element in range(max(1, *map(len, cells))):
            texts = (_cell(values, element, column) for values, column in zip(cells, columns, strict=True))
            rows.append(head + ",".join([repr(element), *texts]) + "\r\n")
    return "".join(rows)


def _cell(values: list[float], element: int, column: ColumnFacts) -> str:
    if not column.shape:
        return repr(values[0])
    return repr(values[element]) if element < len(values) else ""
