"""The look's names and values, read from the same file as the web pages."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path

_BLOCK = re.compile(r"([^{}]+)\{([^{}]*)\}")
_LINE = re.compile(r"--([\w-]+)\s*:\s*([^;]+);")

LIGHT: Mapping[str, str] = {
    "space-1": "4px", "space-2": "8px", "space-3": "12px", "space-4": "16px", "space-5": "24px",
    "space-6": "32px", "radius": "6px", "text-small": "12px", "text-body": "14px",
    "text-large": "16px", "text-title": "20px", "text-display": "28px",
    "background": "#f7f8fa", "surface": "#ffffff", "raised": "#f0f2f5", "border": "#dde1e7",
    "border-strong": "#b9c0cb", "text": "#1a1f27", "muted": "#59626f", "accent": "#2a5bd7",
    "accent-soft": "#e8eefc", "on-accent": "#ffffff", "danger": "#b3261e", "danger-soft": "#fdeceb",
    "warning-soft": "#fdf3dc", "tint": "#fff4cc", "grid": "#e9ecf0",
    "state-queued": "#59626f", "state-running": "#2359c9", "state-paused": "#855600",
    "state-completed": "#1a7439", "state-aborted": "#475569", "state-failed": "#b3261e",
    "state-interrupted": "#a8430a", "state-idle": "#59626f", "state-connected": "#1a7439",
    "state-disconnected": "#59626f", "state-moving": "#2359c9", "state-measuring": "#6d3bbd",
    "state-busy": "#855600", "state-stopping": "#855600", "state-error": "#b3261e",
    "series-1": "#2a5bd7", "series-2": "#b1480e", "series-3": "#1a7f5a", "series-4": "#8a3ab9",
    "series-5": "#8a6a00",
}  # fmt: skip

DARK: Mapping[str, str] = {
    "background": "#111418", "surface": "#181c22", "raised": "#20262e", "border": "#2c333d",
    "border-strong": "#465060", "text": "#e4e8ee", "muted": "#9ba5b3", "accent": "#82aaff",
    "accent-soft": "#1d2a45", "on-accent": "#0d1424", "danger": "#ff8f87", "danger-soft": "#3a1d1d",
    "warning-soft": "#35290f", "tint": "#3a3415", "grid": "#242a33",
    "state-queued": "#9ba5b3", "state-running": "#82aaff", "state-paused": "#e6b450",
    "state-completed": "#6bcf8e", "state-aborted": "#a9b6c9", "state-failed": "#ff8f87",
    "state-interrupted": "#ffa468", "state-idle": "#9ba5b3", "state-connected": "#6bcf8e",
    "state-disconnected": "#9ba5b3", "state-moving": "#82aaff", "state-measuring": "#c9a4ff",
    "state-busy": "#e6b450", "state-stopping": "#e6b450", "state-error": "#ff8f87",
    "series-1": "#82aaff", "series-2": "#ffa468", "series-3": "#63d1a8", "series-4": "#d09bf5",
    "series-5": "#e6c860",
}  # fmt: skip


def tokens_file() -> Path | None:
    """The web's tokens.css, if this install has it."""
    found = importlib.util.find_spec("database")
    for folder in (found.submodule_search_locations if found else None) or ():
        file = Path(folder) / "web" / "static" / "css" / "tokens.css"
        if file.is_file():
            return file
    return None


def read_tokens(text: str, *, dark: bool) -> dict[str, str]:
    """Name -> value of a tokens file: the plain block, and over it the dark one if asked for."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    plain: dict[str, str] = {}
    night: dict[str, str] = {}
    for selector, body in _BLOCK.findall(text):
        lines = {name: value.strip() for name, value in _LINE.findall(body)}
        if 'data-theme="dark"' in selector:
            night |= lines
        elif selector.strip() == ":root":
            plain |= lines
    return plain | (night if dark else {})


def load_tokens(*, dark: bool) -> dict[str, str]:
    """The web's tokens over built-in ones of the same names."""
    built_in = dict(LIGHT) | (dict(DARK) if dark else {})
    file = tokens_file()
    if file is None:
        return built_in
    try:
        return built_in | read_tokens(file.read_text(encoding="utf-8"), dark=dark)
    except OSError:
        return built_in
