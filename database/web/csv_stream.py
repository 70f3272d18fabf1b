"""Readings as CSV, block by block, while nothing of the database is held open."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from pybirch.wire import join_column

if TYPE_CHECKING:
    from pybirch.events import Readings

Layout = list[dict[str, Any]]
_FORMULA = ("=", "+", "-", "@")


def csv_lines(layout: Layout, blocks: Iterable[Readings], columns: list[str] | None = None) -> Iterator[str]:
    """Header and rows: index, time, step, then the columns.

    Where a reading has arrays, each element is a row and the column "element" counts them; scalars
    are repeated.
    """
    names = [join_column(c["name"], c["unit"]) for c in layout]
    wanted = [name for name in names if columns is None or name in columns]
    long = any(c.get("shape") for c, name in zip(layout, names, strict=True) if name in wanted)
    yield (
        ",".join(["index", "time (s)", "step", *(["element"] if long else []), *map(text_cell, wanted)])
        + "\r\n"
    )
    for block in blocks:
        yield _long_rows(block, wanted) if long else _rows(block, wanted)


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


def file_name(*parts: str) -> str:
    """A file name of letters, digits, dots and dashes."""
    safe = (re.sub(r"[^A-Za-z0-9._-]+", "_", part).strip("._-")[:80] for part in parts)
    return "-".join(part or "scan" for part in safe) + ".csv"


def _values(block: Readings, name: str) -> Any:
    return block.positions[name] if name in block.positions else block.values[name]


def _rows(block: Readings, names: list[str]) -> str:
    indexes = range(block.first_index, block.end_index)
    columns = [indexes, block.times.tolist(), block.steps.tolist()]
    columns += [np.asarray(_values(block, name)).tolist() for name in names]
    return "".join(",".join(map(repr, row)) + "\r\n" for row in zip(*columns, strict=True))


def _long_rows(block: Readings, names: list[str]) -> str:
    lines = []
    for i in range(block.count):
        cells = [np.atleast_1d(_values(block, name)[i]).reshape(-1).tolist() for name in names]
        head = f"{block.first_index + i},{float(block.times[i])!r},{int(block.steps[i])},"
        for element in range(max(map(len, cells), default=0)):
            lines.append(
                head + ",".join([repr(element), *(_cell(values, element) for values in cells)]) + "\r\n"
            )
    return "".join(lines)


def _cell(values: list[float], element: int) -> str:
    if len(values) == 1:
        return repr(values[0])
    return repr(values[element]) if element < len(values) else ""
