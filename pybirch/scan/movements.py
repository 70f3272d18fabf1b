"""Movements and their place in a scan tree."""

from pybirch.instruments.movement import Movement
from pybirch.instruments.visa import VisaMovement
from pybirch.scan.items import AdaptiveItem, MovementItem

__all__ = ["AdaptiveItem", "Movement", "MovementItem", "VisaMovement"]
