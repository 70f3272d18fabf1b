"""The documentation's pages and the fenced blocks in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]

_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
_LINK = re.compile(r"(?<!`)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(?P<text>.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, what is said after it, and where it begins."""

    page: Path
    language: str
    note: str
    text: str
    line: int

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path, language: str) -> Iterator[Block]:
    """The page's blocks in that language, in order."""
    content = page.read_text(encoding="utf-8")
    for match in _FENCE.finditer(content):
        found, _, note = match["info"].strip().partition(" ")
        if found == language:
            line = content[: match.start()].count("\n") + 2
            yield Block(page, found, note.strip(), match["text"], line)


def commands(block: Block) -> list[str]:
    """The commands of a console block: what follows a `$`."""
    return [line[2:].strip() for line in block.text.splitlines() if line.startswith("$ ")]


def links(page: Path) -> list[str]:
    """What the page links to, outside of code."""
    return [match["target"] for match in _LINK.finditer(_FENCE.sub("", page.read_text(encoding="utf-8")))]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    titles = [match["text"].strip().lower().replace("`", "") for match in _HEADING.finditer(text)]
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}
