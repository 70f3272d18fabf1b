"""What a scan tree is made of, one kind of item a module."""

from pybirch.scan.items.adaptive import AdaptiveItem
from pybirch.scan.items.base import InstrumentReference, TreeItem, require_item
from pybirch.scan.items.change import SettingsItem
from pybirch.scan.items.conditions import ConditionItem, LeaveItem, When
from pybirch.scan.items.groups import ParallelItem, RepeatItem, SequenceItem
from pybirch.scan.items.measurement import MeasurementItem
from pybirch.scan.items.movement import MovementItem
from pybirch.scan.items.on_error import OnError
from pybirch.scan.items.waits import StableItem, WaitItem

__all__ = [
    "AdaptiveItem",
    "ConditionItem",
    "InstrumentReference",
    "LeaveItem",
    "MeasurementItem",
    "MovementItem",
    "OnError",
    "ParallelItem",
    "RepeatItem",
    "SequenceItem",
    "SettingsItem",
    "StableItem",
    "TreeItem",
    "WaitItem",
    "When",
    "require_item",
]
