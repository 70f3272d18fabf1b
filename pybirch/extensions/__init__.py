"""Extensions: what a scan tells, and who may fail it."""

from pybirch.extensions.base import BaseExtension, ScanExtension

__all__ = ["BaseExtension", "ScanExtension"]
