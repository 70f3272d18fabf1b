"""A lock-in amplifier whose oscillator drives a resonator, in the command set of an SR830.

After the SR830 manual, chapter 5 (remote programming): mnemonics of four letters, the index of a
channel written directly behind the question mark, no error queue.
"""

from __future__ import annotations

import cmath
import logging
import math
import re

from pybirch.simulator.physics import resonance
from pybirch.simulator.world import World

log = logging.getLogger(__name__)

_COMMAND = re.compile(r"(?P<name>\*?[A-Z]{3,4})(?P<query>\?)?\s*(?P<arguments>.*)", re.IGNORECASE)
_INDEXED = ("AUXV", "DDEF", "OEXP", "OAUX", "LIAE")
_RANGES = {"FREQ": (0.001, 102_000.0), "SLVL": (0.004, 5.0), "PHAS": (-360.0, 729.99)}
_POWER_ON = {"SENS": "26", "OFLT": "4", "OFSL": "1", "FMOD": "1", "HARM": "1", "RMOD": "1", "SRAT": "0"}
_NOISE = 2e-6
"""Volt per root hertz."""

_GAIN = 0.1
"""Volt at the input per volt of the oscillator, at resonance."""


def _time_constant(index: int) -> float:
    """Seconds: 10 µs, 30 µs, 100 µs … 30 ks."""
    return (1e-5, 3e-5)[index % 2] * 10.0 ** (index // 2)


class LockinAmplifier:
    """An SR830 with its sine output on a resonator and the resonator on its input."""

    identity = "Stanford_Research_Systems,SR830,s/n00001,ver1.07"

    def __init__(self, world: World) -> None:
        self._world = world
        self._chance = world.chance("lockin")
        self._reset()

    def handle(self, line: str) -> str | None:
        answers = [self._obey(part.strip()) for part in line.split(";") if part.strip()]
        given = [answer for answer in answers if answer is not None]
        return ";".join(given) if given else None

    def _obey(self, text: str) -> str | None:
        parsed = _COMMAND.fullmatch(text)
        if parsed is None:
            return None
        name, arguments = parsed["name"].upper(), parsed["arguments"].strip()
        try:
            if parsed["query"]:
                return self._answer(name, arguments)
            self._set(name, arguments)
        except ValueError:
            log.info("not understood: %r", text)
        return None

    def _answer(self, name: str, arguments: str) -> str | None:
        match name:
            case "*IDN":
                return self.identity
            case "OUTP" | "SNAP":
                return self._parameters(arguments)
            case "OAUX":
                return f"{self._chance.normal(0.0, 3e-4):.6g}"
            case "FREQ" | "SLVL" | "PHAS":
                return f"{self._oscillator[name]:.6g}"
        key = f"{name}{arguments}" if name in _INDEXED else name
        default = "0,0" if name in ("OEXP", "DDEF") else "0"
        return self._settings.get(key, default)

    def _set(self, name: str, arguments: str) -> None:
        if name == "*RST":
            self._reset()
        elif name in _RANGES:
            low, high = _RANGES[name]
            self._start_settling()
            self._oscillator[name] = min(max(float(arguments), low), high)
        elif name in _INDEXED:
            index, _, value = arguments.partition(",")
            self._settings[f"{name}{index.strip()}"] = value.strip()
        else:
            self._start_settling()
            self._settings[name] = arguments if name[0] == "*" else str(int(float(arguments)))

    def _reset(self) -> None:
        self._oscillator = {"FREQ": 1_000.0, "SLVL": 1.0, "PHAS": 0.0}
        self._settings = dict(_POWER_ON)
        self._settled_from, self._changed_at = 0j, self._world.clock()

    def _start_settling(self) -> None:
        self._settled_from, self._changed_at = self._filtered(), self._world.clock()

    def _filter_time(self) -> float:
        return _time_constant(min(int(self._settings["OFLT"]), 19))

    def _signal(self) -> complex:
        """What the input sees, in the frame of the reference (volts rms)."""
        drive = self._oscillator["SLVL"] * _GAIN * resonance(self._oscillator["FREQ"])
        return drive * cmath.exp(-1j * math.radians(self._oscillator["PHAS"]))

    def _filtered(self) -> complex:
        """Behind the output filter, which forgets what was before exponentially."""
        elapsed = self._world.clock() - self._changed_at
        signal = self._signal()
        return signal + (self._settled_from - signal) * math.exp(-elapsed / self._filter_time())

    def _parameters(self, indexes: str) -> str:
        """What OUTP? and SNAP? ask for, all of one instant."""
        spread = _NOISE / math.sqrt(4.0 * self._filter_time())
        output = self._filtered() + complex(*self._chance.normal(0.0, spread, 2))
        return ",".join(f"{self._parameter(int(index), output):.6g}" for index in indexes.split(","))

    def _parameter(self, index: int, output: complex) -> float:
        """Numbered as in the manual: X, Y, R, theta, four inputs, frequency, two displays."""
        match index:
            case 1 | 10:
                return output.real
            case 2 | 11:
                return output.imag
            case 3:
                return abs(output)
            case 4:
                return math.degrees(cmath.phase(output))
            case 9:
                return self._oscillator["FREQ"]
        return self._chance.normal(0.0, 3e-4)
