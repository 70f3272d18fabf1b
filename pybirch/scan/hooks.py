"""The extensions of one scan, called one at a time and none left out."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)


class Hooks:
    """Calls a hook of every extension, in list order.

    Args:
        scan: what the extensions are told about; its list of extensions is read at every call.

    Attributes:
        turn: held while an extension is called; the outlet holds it too (see `Outlet`).
    """

    def __init__(self, scan: Any) -> None:
        self.turn = threading.RLock()
        self._scan = scan
        self._introduced = False

    def call_or_raise(self, hook: str, *args: Any) -> None:
        """Call every extension's hook; then raise what the first of them raised, if one did."""
        error = self.call(hook, *args)
        if error is not None:
            raise error

    def call(self, hook: str, *args: Any) -> BaseException | None:
        """Call every extension's hook, whatever another did; the first error raised.

        SystemExit and KeyboardInterrupt count as errors too: the scan comes to its end before them.
        Whatever is called first, `set_scan_reference` comes before it.
        """
        first: BaseException | None = None
        if hook == "set_scan_reference":
            self._introduced = True
        elif not self._introduced:
            first = self.call("set_scan_reference", self._scan)
        for extension in tuple(self._scan.extensions):
            call: Callable[..., None] | None = getattr(extension, hook, None)
            try:
                if call is not None:
                    with self.turn:
                        call(*args)
            except BaseException as error:
                name = f"{type(extension).__name__}.{hook}"
                log.exception("scan %s: %s failed", self._scan.scan_id, name)
                first = first or error
        return first
