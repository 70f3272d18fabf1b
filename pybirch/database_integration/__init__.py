"""Scans and queues kept in the lab's record and shown live.

Names are loaded when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "DatabaseExtension": "pybirch.database_integration.extensions",
    "DatabaseQueue": "pybirch.database_integration.database_queue",
    "DatabaseQueueExtension": "pybirch.database_integration.extensions",
    "IntegrationConfig": "pybirch.database_integration.config",
    "DataManager": "pybirch.database_integration.managers",
    "EquipmentManager": "pybirch.database_integration.managers",
    "QueueManager": "pybirch.database_integration.managers",
    "SampleManager": "pybirch.database_integration.managers",
    "ScanManager": "pybirch.database_integration.managers",
    "InstrumentEventHandler": "pybirch.database_integration.sync",
    "QueueEventHandler": "pybirch.database_integration.sync",
    "ScanEventHandler": "pybirch.database_integration.sync",
    "ScanUpdateServer": "pybirch.database_integration.sync",
    "WebSocketQueueBridge": "pybirch.database_integration.sync",
    "WebSocketScanExtension": "pybirch.database_integration.sync",
    "create_websocket_scan_extension": "pybirch.database_integration.sync",
    "setup_websocket_integration": "pybirch.database_integration.sync",
}

__all__ = [*_HOMES]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
