"""Libraries that only those need who ask for what they do."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from pybirch.errors import MissingLibraryError
from pybirch.extras import missing_module


def library(name: str) -> Any:
    """The module of that name.

    Raises:
        MissingLibraryError: it is not installed; says which extra brings it.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise MissingLibraryError(missing_module(error)) from error
