"""PyBirch: runs a laboratory's measurements.

Names are loaded when first used, so `import pybirch` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Scan": "pybirch.scan.scan",
    "ScanSettings": "pybirch.scan.scan",
    "ScanExtension": "pybirch.extensions.base",
    "Lab": "pybirch.queue.lab",
    "Movement": "pybirch.instruments.movement",
    "MovementItem": "pybirch.scan.tree",
    "Measurement": "pybirch.instruments.measurement",
    "MeasurementItem": "pybirch.scan.tree",
    "AdaptiveItem": "pybirch.scan.tree",
    "ConditionItem": "pybirch.scan.tree",
    "LeaveItem": "pybirch.scan.tree",
    "OnError": "pybirch.scan.tree",
    "ParallelItem": "pybirch.scan.tree",
    "RepeatItem": "pybirch.scan.tree",
    "SequenceItem": "pybirch.scan.tree",
    "SettingsItem": "pybirch.scan.tree",
    "StableItem": "pybirch.scan.tree",
    "WaitItem": "pybirch.scan.tree",
    "When": "pybirch.scan.tree",
    "Queue": "pybirch.queue.queue",
    "QueuePolicy": "pybirch.queue.policy",
    "Terms": "pybirch.queue.terms",
    "Suspender": "pybirch.extensions.suspender",
    "Sample": "pybirch.samples",
    "load": "pybirch.database_integration.loading",
    "data_of": "pybirch.dataset.in_process",
    "ExecutionMode": "pybirch.states",
    "QueueState": "pybirch.states",
    "ScanState": "pybirch.states",
}

__all__ = ["__version__", *_HOMES]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'pybirch' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
