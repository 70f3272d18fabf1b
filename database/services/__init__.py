"""The services of the record, one noun a file; `DatabaseService` joins them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from database.services.service import DatabaseService

__all__ = ["DatabaseService"]


def __getattr__(name: str) -> Any:
    if name == "DatabaseService":
        from database.services.service import DatabaseService

        return DatabaseService
    raise AttributeError(f"module 'database.services' has no attribute {name!r}")
