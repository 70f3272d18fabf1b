"""How a plan's instruments are moved and read: as they are, several times, or with patience."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from pybirch.errors import InstrumentError, InterruptedMoveError
from pybirch.scan.course import AbortAsked, Course, WalkAgain
from pybirch.scan.items import OnError
from pybirch.scan.parts import Unmoved
from pybirch.scan.plan import Plan, Reader

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from numpy.typing import NDArray

log = logging.getLogger(__name__)

MoveTo = Callable[[float], "float | None"]
Read = Callable[[], Any]
Flag = Callable[[str], None]
"""Is told what was left out, and why."""


class Unread(Exception):  # noqa: N818  (not an error: its policy says that the reading is left out)
    """There is no reading."""


def movers_of(plan: Plan, course: Course, flag: Flag) -> list[MoveTo]:
    """For each mover, what moves it; with the policy to skip it raises Unmoved in vain."""
    return [
        _careful(plan.movements[mover.axis], "move_to", mover.on_error, course, flag, Unmoved(number))
        for number, mover in enumerate(plan.movers)
    ]


def readers_of(plan: Plan, course: Course, flag: Flag) -> list[Read]:
    """For each reader, what takes its reading; with the policy to skip it raises Unread in vain."""
    return [
        _reduced(
            reader,
            _careful(
                plan.measurements[reader.measurement],
                "perform_measurement",
                reader.on_error,
                course,
                flag,
                Unread(),
            ),
            plan.measurements[reader.measurement].name,
            course,
        )
        for reader in plan.readers
    ]


def _careful(
    instrument: Any, method: str, on_error: OnError, course: Course, flag: Flag, left_out: Exception
) -> Callable[..., Any]:
    """The method as it is, or with a policy around it."""
    act = getattr(instrument, method)
    if on_error.is_plain:
        return act

    def with_patience(*target: float) -> Any:
        for left in range(on_error.retries, -1, -1):
            try:
                return act(*target)
            except (InterruptedMoveError, AbortAsked):
                raise
            except Exception as error:
                where = f"{instrument.name}{f' at {target[0]:g}' if target else ''}"
                log.warning("%s: %s (%d more tries)", where, error, left)
                if left:
                    course.wait(on_error.delay)
                elif on_error.then == "fail":
                    raise
                else:
                    flag(f"{where} was left out: {error}")
                    raise left_out from error
        raise AssertionError("a policy without a try")

    return with_patience


def _reduced(reader: Reader, read: Read, name: str, course: Course) -> Read:
    """One reading out of several."""
    if reader.repeats == 1:
        return read

    def several() -> NDArray[np.float64]:
        readings: list[NDArray[np.float64]] = []
        for _ in range(reader.repeats):
            course.check()
            readings.append(np.atleast_2d(np.asarray(read(), dtype=np.float64)))
        if len({reading.shape for reading in readings}) > 1:
            raise InstrumentError(f"{name}: readings of different shapes have no mean")
        stacked = np.stack(readings)
        mean = stacked.mean(axis=0)
        return mean if reader.keep == "mean" else np.hstack([mean, stacked.std(axis=0, ddof=1)])

    return several


class Lanes:
    """Threads for what goes on side by side; they are made when first needed.

    Attributes:
        idents: of these threads.
    """

    def __init__(self) -> None:
        self.idents: set[int] = set()
        self._threads: ThreadPoolExecutor | None = None

    def all_of(self, acts: list[Callable[[], Any]]) -> list[Any]:
        """What each gives; returns when the last has ended.

        Raises:
            BaseException: the first error in order, the others named in its notes. That the step is to be
                left for a pause comes last.
        """
        if len(acts) < 2:
            return [act() for act in acts]
        from concurrent.futures import ThreadPoolExecutor, wait

        if self._threads is None:
            self._threads = ThreadPoolExecutor(
                thread_name_prefix="lane", initializer=lambda: self.idents.add(threading.get_ident())
            )
        futures: list[Future[Any]] = [self._threads.submit(act) for act in acts]
        wait(futures)
        errors = [error for future in futures if (error := future.exception()) is not None]
        errors.sort(key=lambda error: isinstance(error, WalkAgain))
        if errors:
            for other in errors[1:]:
                errors[0].add_note(f"meanwhile: {type(other).__name__}: {other}")
            raise errors[0]
        return [future.result() for future in futures]

    def close(self) -> None:
        if self._threads is not None:
            self._threads.shutdown()
            self._threads = None
