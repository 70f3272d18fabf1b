"""What the children say: followed from their files into one rotating log, the loud part to the terminal."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path

LARGEST_OUTPUT = 4_000_000
LOG_BYTES, LOG_FILES = 5_000_000, 3

_LEVEL = re.compile(
    r"^(?:\S+\s+){0,3}?[\[(]?(DEBUG|INFO|WARNING|ERROR|CRITICAL)\b|^(error|warning):", re.IGNORECASE
)
_TRACEBACK = "Traceback (most recent call last)"


class Tail:
    """The lines that are new in a file another process appends to."""

    def __init__(self, file: Path, *, from_end: bool = False) -> None:
        self._file = file
        self._rest = b""
        self._position = file.stat().st_size if from_end and file.exists() else 0

    def lines(self) -> list[str]:
        """Whole lines since the last call. A file that grew large is emptied once it was read."""
        try:
            with self._file.open("rb") as stream:
                stream.seek(self._position)
                fresh = stream.read()
        except FileNotFoundError:
            return []
        self._position += len(fresh)
        if self._position > LARGEST_OUTPUT:
            os.truncate(self._file, 0)
            self._position = 0
        *whole, self._rest = (self._rest + fresh).split(b"\n")
        return [line.decode("utf-8", "replace").rstrip("\r") for line in whole]


class Loudness:
    """Which lines of one child are warnings or worse; what follows such a line belongs to it."""

    def __init__(self) -> None:
        self._loud = False

    def hears(self, line: str) -> bool:
        if match := _LEVEL.match(line):
            level = (match[1] or match[2]).upper()
            self._loud = level in ("WARNING", "ERROR", "CRITICAL")
        elif line.startswith(_TRACEBACK):
            self._loud = True
        return self._loud


class LogBook:
    """`pybirch.log`: every line with its time and speaker; the loud ones also to the terminal."""

    def __init__(self, file: Path, say: Callable[[str], None]) -> None:
        self.file = file
        self._say = say
        self._loudness: dict[str, Loudness] = {}
        self._handler = RotatingFileHandler(file, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8")
        self._handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        file.chmod(0o600)

    def write(self, speaker: str, line: str) -> None:
        """One line of a child."""
        self._record(f"{speaker} | {line}")
        if self._loudness.setdefault(speaker, Loudness()).hears(line):
            self._say(f"{speaker} | {line}")

    def tell(self, sentence: str) -> None:
        """One sentence of the supervisor's own, for log and terminal."""
        self._record(f"supervisor | {sentence}")
        self._say(sentence)

    def _record(self, text: str) -> None:
        self._handler.emit(logging.LogRecord("pybirch", logging.INFO, "", 0, text, None, None))

    def close(self) -> None:
        self._handler.close()
