"""Understanding SCPI lines: long and short names, several commands a line, an error queue.

After SCPI-1999 volume 1, as far as a small instrument needs it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from inspect import signature
from typing import Any, ClassVar

Handler = Callable[..., str | None]


class ScpiError(Exception):
    """A line was refused; goes to the error queue. Numbers as SCPI assigns them."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(f'{number},"{text}"')


def command(pattern: str) -> Callable[[Handler], Handler]:
    """Let a method answer `pattern`, e.g. ``":SOURce:VOLTage"`` or ``":MEASure:CURRent?"``.

    Capitals are the short form. The method gets the arguments as text; a query returns its answer.
    """

    def mark(handler: Handler) -> Handler:
        handler.__dict__["scpi_pattern"] = pattern
        return handler

    return mark


def _header(pattern: str) -> re.Pattern[str]:
    """A regular expression for both forms of every word of `pattern`."""

    def both_forms(token: re.Match[str]) -> str:
        if not token["short"]:
            return re.escape(token[0])
        return token["short"] + (f"(?:{token['rest']})?" if token["rest"] else "")

    words = re.sub(r"(?P<short>[A-Z]+)(?P<rest>[a-z]*)|.", both_forms, pattern.lstrip(":"))
    return re.compile(":?" + words, re.IGNORECASE)


def number(text: str, low: float, high: float) -> float:
    """The argument as a number.

    Raises:
        ScpiError: it is none, or outside low … high.
    """
    try:
        value = float(text)
    except ValueError:
        raise ScpiError(-104, "Data type error") from None
    if not low <= value <= high:
        raise ScpiError(-222, "Data out of range")
    return value


def switch(text: str) -> bool:
    """ON, OFF, 1 or 0."""
    match text.upper():
        case "ON" | "1":
            return True
        case "OFF" | "0":
            return False
    raise ScpiError(-104, "Data type error")


class ScpiDevice:
    """A device whose methods, marked with `command`, answer SCPI lines.

    Not thread-safe: the server hands it one line at a time.
    """

    identity: ClassVar[str] = "PyBirch,Simulator,0,1.0"
    _commands: ClassVar[list[tuple[re.Pattern[str], str]]] = []

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._commands = [
            (_header(method.scpi_pattern), name)
            for kind in cls.__mro__
            for name, method in vars(kind).items()
            if hasattr(method, "scpi_pattern")
        ]

    def __init__(self) -> None:
        self.errors: deque[str] = deque(maxlen=20)

    def handle(self, line: str) -> str | None:
        """Do what the line says; the answers of its queries joined by ``;``, None if it has none."""
        answers = [self._obey(part.strip()) for part in line.split(";") if part.strip()]
        given = [answer for answer in answers if answer is not None]
        return ";".join(given) if given else None

    def _obey(self, text: str) -> str | None:
        header, _, rest = text.partition(" ")
        arguments = [word.strip() for word in rest.split(",")] if rest.strip() else []
        try:
            handler = self._find(header)
            if len(arguments) != len(signature(handler).parameters):
                raise ScpiError(-109, "Missing or superfluous parameter")
            return handler(*arguments)
        except ScpiError as error:
            self.errors.append(str(error))
            return None

    def _find(self, header: str) -> Handler:
        for pattern, name in self._commands:
            if pattern.fullmatch(header):
                return getattr(self, name)
        raise ScpiError(-113, "Undefined header")

    @command("*IDN?")
    def identify(self) -> str:
        return self.identity

    @command("*OPC?")
    def operation_complete(self) -> str:
        return "1"

    @command("*CLS")
    def clear_errors(self) -> None:
        self.errors.clear()

    @command(":SYSTem:ERRor?")
    def next_error(self) -> str:
        return self.errors.popleft() if self.errors else '0,"No error"'

    @command("*RST")
    def reset(self) -> None:
        """Back to the state after power-on; devices with a state override it."""
