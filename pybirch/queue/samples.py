"""Samples, under the name that scripts know."""

from pybirch.samples import Sample

__all__ = ["Sample"]
