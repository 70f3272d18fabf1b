"""The outlet's thread and those who wait for it."""

from __future__ import annotations

import threading
from typing import Any

from pybirch.scan.outlet import Outlet
from tests.conftest import until
from tests.lab import PATIENCE


def outlet(kind: type[Outlet] = Outlet) -> Outlet:
    def nothing(_: Any) -> None: ...

    made = kind("S", [], [], nothing, nothing)
    made.start()
    return made


def test_a_flush_that_comes_as_the_thread_ends_does_not_wait_for_ever() -> None:
    class Leaving(Outlet):
        """Somebody asks after its last look."""

        late: threading.Thread | None = None

        def _is_empty(self) -> bool:
            empty, asked = super()._is_empty(), self._asked
            self.late = threading.Thread(target=self.flush)
            self.late.start()
            until(lambda: self._asked > asked)
            return empty

    leaving = outlet(Leaving)
    leaving.close()
    assert isinstance(leaving, Leaving)
    assert leaving.late is not None
    leaving.late.join(PATIENCE)
    assert not leaving.late.is_alive()


def test_a_flush_after_the_end_has_nothing_to_wait_for() -> None:
    ended = outlet()
    ended.close()
    assert ended.flush()
    assert not ended.add("meter", lambda first: None)  # type: ignore[arg-type,return-value]
