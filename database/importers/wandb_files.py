"""The files that Weights & Biases leaves of a run, read as they are: nothing of wandb is needed.

A run's folder, ``run-20240501_101500-3f9k2x1a`` (or ``offline-run-…``), holds a folder ``files`` with

- ``config.yaml``: name -> ``{desc, value}``, and ``_wandb`` with what wandb says of itself;
- ``wandb-metadata.json``: ``startedAt``, ``host``, ``username``, ``program``, ``args``, ``git`` …;
- ``wandb-summary.json``: the last value of everything, and ``_runtime``, ``_step``, ``_timestamp``;
- ``output.log``: what the program printed;
- ``wandb-history.jsonl`` (older versions), or what people exported: ``history.jsonl`` or ``.csv``, a line
  a step with ``_step``, ``_timestamp`` and ``_runtime``. Newer versions keep the history only in
  ``run-<id>.wandb``, which is not read: export it with ``wandb.Api().run(…).scan_history()``.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from database.importers.tables import decoded, read_bytes
from pybirch.errors import FieldError

MOST_SETTINGS = 4_000_000
MOST_HISTORY = 500_000_000
MOST_OUTPUT = 64_000
HISTORIES = ("wandb-history.jsonl", "history.jsonl", "history.csv")
_FOLDER = re.compile(r"(?:offline-)?run-(?P<date>\d{8}_\d{6})-(?P<id>[\w-]+)")
_STEPS = ("_step", "Step", "step")


@dataclass(frozen=True)
class OldRun:
    """A run as its files tell it; `history` a mapping a step."""

    run_id: str
    config: dict[str, Any]
    metadata: dict[str, Any]
    summary: dict[str, Any]
    output: str
    history: list[dict[str, Any]]
    started: datetime | None


def find_runs(folder: Path) -> list[Path]:
    """The run's folder itself, or those in a folder of runs, the oldest first.

    Raises:
        FieldError: there is none.
    """
    if _is_run(folder):
        return [folder]
    found = sorted(path for path in folder.iterdir() if path.is_dir() and _is_run(path))
    unlinked = [path for path in found if not path.is_symlink()]  # wandb links "latest-run"
    if not unlinked:
        raise FieldError(folder.name, "is neither a run of Weights & Biases nor a folder of such runs")
    return unlinked


def read_run(folder: Path) -> OldRun:
    """All that the folder tells.

    Raises:
        FieldError: a file is damaged or too large; ``field`` is its name.
    """
    files = folder / "files" if (folder / "files").is_dir() else folder
    metadata = _json(files / "wandb-metadata.json")
    named = _FOLDER.fullmatch(folder.name)
    output = files / "output.log"
    return OldRun(
        run_id=named["id"] if named else folder.name,
        config=_config(files / "config.yaml"),
        metadata=metadata,
        summary=_json(files / "wandb-summary.json"),
        output=_tail(output) if output.is_file() else "",
        history=_history(folder, files),
        started=_started(metadata, named["date"] if named else None),
    )


def number(value: Any) -> float | None:
    """A number as wandb writes it, NaN and infinities as words; None for everything else."""
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    return None


def flat(row: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Nested values with dots in their names, as wandb shows them; media are left out."""
    for key, value in row.items():
        name = f"{before}{key}"
        if isinstance(value, dict):
            if "_type" not in value and before.count(".") < 8:
                yield from flat(value, f"{name}.")
        else:
            yield name, value


def _is_run(folder: Path) -> bool:
    return any((place / "wandb-metadata.json").is_file() or (place / "config.yaml").is_file()
               for place in (folder, folder / "files"))  # fmt: skip


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        told = json.loads(decoded(path.name, read_bytes(path, MOST_SETTINGS)))
    except (json.JSONDecodeError, RecursionError) as error:
        raise FieldError(path.name, f"is no JSON: {error}") from error
    if not isinstance(told, dict):
        raise FieldError(path.name, "must hold an object")
    return told


def _config(path: Path) -> dict[str, Any]:
    """Name -> value, without what wandb says of itself."""
    if not path.is_file():
        return {}
    told = _yaml(path.name, decoded(path.name, read_bytes(path, MOST_SETTINGS)))
    if not isinstance(told, dict):
        raise FieldError(path.name, "must hold names and values")
    return {
        str(name): value["value"] if isinstance(value, dict) and "value" in value else value
        for name, value in told.items()
        if name not in ("_wandb", "wandb_version")
    }


def _yaml(name: str, text: str) -> Any:
    import yaml

    class Plain(yaml.SafeLoader):
        """Without aliases, a few of which could stand for gigabytes; and dates stay text."""

        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                raise yaml.YAMLError("it refers to itself (an alias)")
            return super().compose_node(parent, index)

    Plain.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    try:
        return yaml.load(text, Plain)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise FieldError(name, f"is no YAML that is taken: {' '.join(str(error).split())}") from error


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - MOST_OUTPUT))
        return file.read(MOST_OUTPUT).decode("utf-8", "replace").replace("\x00", "\N{REPLACEMENT CHARACTER}")


def _history(folder: Path, files: Path) -> list[dict[str, Any]]:
    for place in (files, folder):
        for name in HISTORIES:
            if (place / name).is_file():
                text = decoded(name, read_bytes(place / name, MOST_HISTORY))
                return _csv_rows(name, text) if name.endswith(".csv") else _json_rows(name, text)
    return []


def _json_rows(name: str, text: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for i, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            raise FieldError(f"{name}, line {i}", f"is no JSON: {error}") from error
        if not isinstance(row, dict):
            raise FieldError(f"{name}, line {i}", "must hold an object")
        rows.append(_with_step(dict(flat(row))))
    return rows


def _csv_rows(name: str, text: str) -> list[dict[str, Any]]:
    """As `history().to_csv()` writes it, or as a chart's export does (``"run - loss"``, ``…__MIN``)."""
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    rows: list[dict[str, Any]] = []
    try:
        for row in reader:
            if None in row or None in row.values():
                raise FieldError(
                    f"{name}, line {reader.line_num}", "has not as many cells as there are columns"
                )
            cells = {key.rpartition(" - ")[2]: cell for key, cell in row.items() if _is_wanted(key)}
            rows.append(_with_step({key: cell for key, cell in cells.items() if cell != ""}))
    except csv.Error as error:
        raise FieldError(f"{name}, line {reader.line_num}", f"is no CSV: {error}") from error
    return rows


def _is_wanted(column: str) -> bool:
    return column != "" and not column.endswith(("__MIN", "__MAX"))


def _with_step(row: dict[str, Any]) -> dict[str, Any]:
    for name in _STEPS:
        if name in row:
            return {"_step": row.pop(name), **row}
    return row


def _started(metadata: Mapping[str, Any], folder_date: str | None) -> datetime | None:
    """When it began: UTC in its metadata, the computer's own time in the folder's name."""
    told = metadata.get("startedAt")
    try:
        if isinstance(told, str):
            made = datetime.fromisoformat(told)
            return made.astimezone(UTC) if made.tzinfo else made.replace(tzinfo=UTC)
        if folder_date:
            return datetime.strptime(folder_date, "%Y%m%d_%H%M%S").astimezone(UTC)
    except ValueError as error:
        raise FieldError("wandb-metadata.json: startedAt", f"{told!r} is no time") from error
    return None
