"""The record, one noun at a time, for scripts that do not want a `DatabaseQueue`."""

from pybirch.database_integration.managers.data import DataManager
from pybirch.database_integration.managers.equipment import EquipmentManager
from pybirch.database_integration.managers.queues import QueueManager
from pybirch.database_integration.managers.samples import SampleManager
from pybirch.database_integration.managers.scans import ScanManager

__all__ = ["DataManager", "EquipmentManager", "QueueManager", "SampleManager", "ScanManager"]
