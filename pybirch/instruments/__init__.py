"""Instruments: what can be moved and what can be read."""
