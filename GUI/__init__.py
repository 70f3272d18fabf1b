"""The desktop window. Qt is reached through qtpy; PyQt6 unless QT_API says otherwise."""

from __future__ import annotations

import os

os.environ.setdefault("QT_API", "pyqt6")
