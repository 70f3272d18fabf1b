"""Movements and their place in a scan tree."""

from pybirch.instruments.movement import Movement
from pybirch.instruments.visa import VisaMovement
from pybirch.scan.tree import MovementItem

__all__ = ["Movement", "MovementItem", "VisaMovement"]
