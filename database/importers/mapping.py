"""From their columns to our fields, as a mapping file says.

    things = "samples"            # or "equipment"
    encoding = "cp1252"           # these three only where they are not found by themselves
    delimiter = ";"
    tag_separator = ","

    [columns]                     # their column = our field
    "Probe Nr." = "sample_id"
    "Schlagworte" = "tags"
    "Dotierung" = "extra.doping"  # samples only: kept beside the fields

    [constants]                   # our field = what every line says
    status = "in the box"

Without a file, columns bear the names of our fields.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from database.importers.tables import Line, Table, decoded, read_bytes
from pybirch.errors import FieldError

FIELDS = {
    "samples": ("sample_id", "material", "tags", "status", "description", "parents", "image"),
    "equipment": (
        "name", "nickname", "adapter", "type", "pybirch_class", "manufacturer", "model", "serial_number",
        "location", "description",
    ),
}  # fmt: skip
"""What a line may say, of either kind of thing."""
LISTS = ("tags", "parents")
EXTRA = "extra."
KEYS = ("things", "encoding", "delimiter", "tag_separator", "columns", "constants")


@dataclass(frozen=True)
class ColumnMap:
    """How a table is read; `columns` None: each column is the field of its name."""

    things: str = ""
    encoding: str = ""
    delimiter: str = ""
    tag_separator: str = ","
    columns: Mapping[str, str] | None = None
    constants: Mapping[str, Any] = field(default_factory=dict)

    def fields(self, line: Line) -> dict[str, Any]:
        """What the line says, by our names; empty cells say nothing."""
        found: dict[str, Any] = dict(self.constants)
        for column, value in line.values.items():
            name = column if self.columns is None else self.columns.get(column)
            if name is None or value in ("", None):
                continue
            if name in LISTS and isinstance(value, str):
                value = [word.strip() for word in value.split(self.tag_separator) if word.strip()]
            if name.startswith(EXTRA):
                found.setdefault("extra", {})[name.removeprefix(EXTRA)] = value
            else:
                found[name] = value
        return found

    def column_of(self, name: str) -> str:
        """Their word for our field, to say what is wrong where they look for it."""
        theirs = [column for column, ours in (self.columns or {}).items() if ours == name]
        return theirs[0] if theirs else name

    def left_out(self, table: Table) -> list[str]:
        """Columns of the table that go nowhere."""
        if self.columns is None:
            return []
        return [column for column in table.columns if column not in self.columns]

    def check(self, table: Table, things: str) -> None:
        """Refuse a table that does not fit.

        Raises:
            FieldError: a column is missing, or a field is unknown.
        """
        known = FIELDS[things]
        for name in (*(self.columns or {}).values(), *self.constants):
            if name not in known and not (name.startswith(EXTRA) and things == "samples"):
                raise FieldError("mapping", f"{name!r} is no field of {things}; {', '.join(known)} are")
        if self.columns is None:
            for column in table.columns:
                if column not in known:
                    problem = f"is no field of {things} ({', '.join(known)}); map it with a mapping file"
                    raise FieldError(f"column {column!r}", problem)
            return
        for column in self.columns:
            if column not in table.columns:
                raise FieldError("mapping", f"the file has no column {column!r}; {', '.join(table.columns)}")


def read_mapping(path: Path) -> ColumnMap:
    """A mapping file.

    Raises:
        FieldError: it is none; names what is wrong.
    """
    try:
        told = tomllib.loads(decoded(path.name, read_bytes(path, 1_000_000)))
    except tomllib.TOMLDecodeError as error:
        raise FieldError(path.name, f"is no TOML: {error}") from error
    for key, value in told.items():
        if key not in KEYS:
            raise FieldError(f"{path.name}: {key}", f"is not known; {', '.join(KEYS)} are")
        wanted = dict if key in ("columns", "constants") else str
        if not isinstance(value, wanted):
            raise FieldError(f"{path.name}: {key}", "must be a table" if wanted is dict else "must be a text")
    columns = told.get("columns")
    for column, name in (columns or {}).items():
        if not isinstance(name, str):
            raise FieldError(f"{path.name}: columns.{column}", "must be the name of a field")
    if columns is not None and len(set(columns.values())) < len(columns):
        raise FieldError(f"{path.name}: columns", "two columns go to one field")
    return ColumnMap(**told)
