"""What a record is told, as it travels and waits: an event or a fact, with its payload as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from pybirch.errors import FieldError
from pybirch.events import DataBlock, Event
from pybirch.wire import from_block, from_wire

FACTS = (
    "scan_opened",
    "scan_claimed",
    "scan_dropped",
    "scan_rewound",
    "scan_conditions",
    "scan_terms",
    "queue_opened",
    "queue_ordered",
    "queue_rules",
    "instrument_seen",
    "life_ended",
    "acted",
)
"""Items that are no events: they only change the record."""


@dataclass(frozen=True)
class Item:
    """One thing of a frame: a fact for the record with its payload, or an event.

    Attributes:
        life: which life of a station, or which writer, it is of, where that is said: it waited in a spool.
    """

    kind: str
    payload: dict[str, Any]
    event: Event | None = None
    life: str | None = None


def parse(items: list[dict[str, Any]]) -> list[Item]:
    """Items with their events decoded.

    Raises:
        FieldError: an item is malformed; the field names which.
    """
    return [_parse(f"items[{i}]", item) for i, item in enumerate(items)]


def _parse(where: str, item: dict[str, Any]) -> Item:
    kind, payload, life = item.get("kind"), item.get("payload"), item.get("life")
    if not isinstance(kind, str) or not isinstance(payload, dict):
        raise FieldError(where, "needs a kind and a payload")
    if life is not None and not isinstance(life, str):
        raise FieldError(where, "life: a text is needed")
    if kind in FACTS:
        return Item(kind, payload, life=life)
    try:
        event = from_wire(kind, payload)
        return Item(kind, payload, from_block(event) if isinstance(event, DataBlock) else event, life)
    except (ValueError, TypeError, KeyError) as error:
        raise FieldError(where, str(error)) from error


def groups(items: list[Item]) -> Iterator[list[Item]]:
    """Neighbours that go into one transaction: blocks of one scan; everything else by itself."""
    numbered = enumerate(items)
    key: Callable[[tuple[int, Item]], Any] = lambda pair: (  # noqa: E731
        (pair[1].payload.get("scan_id"), pair[1].life) if pair[1].kind == "data_block" else pair[0]
    )
    for _, group in groupby(numbered, key):
        yield [item for _, item in group]
