"""Lines of a CSV or TOML file, each with the place it stands in.

Spreadsheets write CSV in many ways: with or without a byte order mark, with commas, semicolons or tabs,
in UTF-8 or in the Windows of one's country. What is not certain is refused, not guessed.
"""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pybirch.errors import FieldError

MOST_BYTES = 50_000_000
DELIMITERS = ",;\t|"


@dataclass(frozen=True)
class Line:
    """One thing of a file: where it stands (``"line 7"``), and its columns."""

    place: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """What a file holds: its columns, in order, and its lines."""

    columns: tuple[str, ...]
    lines: tuple[Line, ...]


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """The file's bytes, if they are not too many.

    Raises:
        FieldError: too large, or it cannot be read; ``field`` is its name.
    """
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise FieldError(path.name, f"cannot be read: {error.strerror}") from error
    if len(content) > most:
        raise FieldError(path.name, f"is larger than {most:,} bytes")
    return content


def read_table(path: Path, *, encoding: str = "", delimiter: str = "") -> Table:
    """The lines of a CSV or TOML file, by its ending.

    Args:
        encoding: of a CSV file; UTF-8, or UTF-16 with its mark, unless given.
        delimiter: of a CSV file; that of its first line unless given.

    Raises:
        FieldError: it is not such a file; ``field`` names it, with the line where there is one.
    """
    content = read_bytes(path)
    if path.suffix.lower() == ".toml":
        return _from_toml(path.name, content)
    return _from_csv(path.name, decoded(path.name, content, encoding), delimiter)


def decoded(name: str, content: bytes, encoding: str = "") -> str:
    """The file as text.

    Raises:
        FieldError: it is not of that encoding.
    """
    if not encoding:
        encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise FieldError(
            f"{name}, line {line}",
            f"is not {encoding.removesuffix('-sig')}; say what it is with --encoding, often cp1252",
        ) from error
    except LookupError as error:
        raise FieldError("encoding", f"{encoding!r} is no encoding") from error
    if "\x00" in text:
        raise FieldError(name, "holds NUL characters: it is no text file, or not of that encoding")
    return text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")


def _from_csv(name: str, text: str, delimiter: str) -> Table:
    head = text.lstrip("\r\n").partition("\n")[0]
    if not head.strip():
        raise FieldError(name, "is empty: its first line must name the columns")
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter or _delimiter_of(head), strict=True
    )
    try:
        columns: list[str] = []
        lines: list[Line] = []
        while True:
            start = reader.line_num + 1
            cells = next(reader, None)
            if cells is None:
                break
            cells = [cell.strip() for cell in cells]
            if not any(cells):
                continue
            if not columns:
                columns = _columns(name, cells)
                continue
            if len(cells) != len(columns):
                problem = f"has {len(cells)} cells for {len(columns)} columns ({', '.join(columns)})"
                raise FieldError(f"{name}, line {start}", problem)
            lines.append(Line(f"line {start}", dict(zip(columns, cells, strict=True))))
    except csv.Error as error:
        raise FieldError(f"{name}, line {reader.line_num}", f"is no CSV: {error}") from error
    return Table(tuple(columns), tuple(lines))


def _delimiter_of(head: str) -> str:
    """The one of `DELIMITERS` that parts the first line into most cells, quoted ones kept whole."""
    parts = {mark: len(next(csv.reader([head], delimiter=mark))) for mark in DELIMITERS}
    return max(parts, key=parts.__getitem__)


def _columns(name: str, cells: list[str]) -> list[str]:
    for i, cell in enumerate(cells, 1):
        if not cell:
            raise FieldError(f"{name}, line 1", f"column {i} has no name")
        if cell in cells[: i - 1]:
            raise FieldError(f"{name}, line 1", f"there are two columns {cell!r}")
    return cells


def _from_toml(name: str, content: bytes) -> Table:
    """Lines are the tables of its one array of tables: ``[[sample]]``, ``[[equipment]]``."""
    try:
        told = tomllib.loads(decoded(name, content).replace("\r\n", "\n"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise FieldError(name, f"is no TOML: {error}") from error
    arrays = [
        (key, value)
        for key, value in told.items()
        if isinstance(value, list) and all(isinstance(one, dict) for one in value)
    ]
    if len(told) != 1 or len(arrays) != 1:
        raise FieldError(name, "must hold one array of tables and nothing else, e.g. [[sample]]")
    key, tables = arrays[0]
    columns = dict.fromkeys(column for table in tables for column in table)
    lines = [Line(f"{key} {i}", table) for i, table in enumerate(tables, 1)]
    return Table(tuple(columns), tuple(lines))
