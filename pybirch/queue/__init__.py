"""Queues: scans in order, one after the other or side by side."""
