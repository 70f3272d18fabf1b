"""Measurements and their place in a scan tree."""

from pybirch.instruments.measurement import Measurement
from pybirch.instruments.visa import VisaMeasurement
from pybirch.scan.tree import MeasurementItem

__all__ = ["Measurement", "MeasurementItem", "VisaMeasurement"]
