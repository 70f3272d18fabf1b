"""Measurements and their place in a scan tree."""

from pybirch.instruments.measurement import Measurement
from pybirch.instruments.visa import VisaMeasurement
from pybirch.scan.items import MeasurementItem, StableItem

__all__ = ["Measurement", "MeasurementItem", "StableItem", "VisaMeasurement"]
