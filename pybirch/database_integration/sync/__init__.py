"""The live road: events out to everybody who watches, commands back in. Loaded when first used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "InstrumentEventHandler": "event_handlers",
    "QueueEventHandler": "event_handlers",
    "ScanEventHandler": "event_handlers",
    "ScanUpdateServer": "websocket_server",
    "WebSocketQueueBridge": "websocket_integration",
    "WebSocketScanExtension": "websocket_integration",
    "create_websocket_scan_extension": "websocket_integration",
    "setup_websocket_integration": "websocket_integration",
    "RemoteUpdateServer": "remote",
    "ServerLink": "remote",
}

__all__ = [*_HOMES]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
