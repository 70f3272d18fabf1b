"""Scans: a tree of movements and measurements, walked step by step."""
