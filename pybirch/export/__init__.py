"""A scan written as a file that other programs read, one format a module."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pybirch.export.collection import Collection
    from pybirch.export.exporting import export
    from pybirch.export.formats import FORMATS

__all__ = ["FORMATS", "Collection", "export"]

_HOMES = {"FORMATS": "formats", "Collection": "collection", "export": "exporting"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'pybirch.export' has no attribute {name!r}")
    return getattr(import_module(f"pybirch.export.{_HOMES[name]}"), name)
