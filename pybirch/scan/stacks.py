"""Which instrument a thread is inside of, read off its stack: the loop over points keeps no note."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Sequence
from types import FrameType
from typing import Any, NamedTuple


class Call(NamedTuple):
    """One call to an instrument that is under way.

    Attributes:
        thread: who is inside it.
        instrument: the one that was called.
        frame: its outermost frame; another call has another one.
        name: of the method.
    """

    thread: int
    instrument: Any
    frame: FrameType
    name: str


def calls_into(instruments: Sequence[Any], threads: Iterable[int] | None = None) -> list[Call]:
    """The call each of these threads, or of all, is inside of; of nested ones the outermost."""
    tops = sys._current_frames()
    chosen = tops if threads is None else {ident: tops[ident] for ident in threads if ident in tops}
    calls = (_outermost(ident, top, instruments) for ident, top in chosen.items())
    return [call for call in calls if call is not None]


def _outermost(thread: int, top: FrameType, instruments: Sequence[Any]) -> Call | None:
    found: Call | None = None
    frame: FrameType | None = top
    while frame is not None:
        receiver = _receiver(frame)
        for instrument in instruments:
            if receiver is instrument and _is_method(frame, instrument):
                found = Call(thread, instrument, frame, frame.f_code.co_name)
            elif receiver is instrument and found is not None and found.instrument is instrument:
                found = found._replace(frame=frame)  # what a decorator put around the method
        frame = frame.f_back
    return found


def _receiver(frame: FrameType) -> Any:
    """The first argument."""
    code = frame.f_code
    if code.co_argcount:
        return frame.f_locals.get(code.co_varnames[0])
    if code.co_flags & inspect.CO_VARARGS:
        rest = frame.f_locals.get(code.co_varnames[code.co_kwonlyargcount])
        return rest[0] if isinstance(rest, tuple) and rest else None
    return None


def _is_method(frame: FrameType, instrument: Any) -> bool:
    """Not a function that was merely given the instrument."""
    name = frame.f_code.co_name
    return hasattr(type(instrument), name) or name in getattr(instrument, "__dict__", ())
