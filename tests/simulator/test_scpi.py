import pytest

from pybirch.simulator.scpi import ScpiDevice, command, number, switch


class Lamp(ScpiDevice):
    identity = "PyBirch,LAMP,SIM,1.0"

    def __init__(self) -> None:
        super().__init__()
        self.power = 0.0
        self.on = False

    @command(":SOURce:POWer")
    def set_power(self, value: str) -> None:
        self.power = number(value, 0.0, 10.0)

    @command(":SOURce:POWer?")
    def get_power(self) -> str:
        return f"{self.power:g}"

    @command(":OUTPut")
    def set_output(self, state: str) -> None:
        self.on = switch(state)


@pytest.mark.parametrize("header", [":SOUR:POW", "SOUR:POW", ":SOURCE:POWER", ":source:pow", "Sour:Power"])
def test_long_and_short_forms_are_one_command(header: str) -> None:
    lamp = Lamp()

    assert lamp.handle(f"{header} 2.5;{header}?") == "2.5"


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("SOUR:POW 1", '0,"No error"'),
        ("SOURC:POW 1", '-113,"Undefined header"'),
        ("SOUR:POW", '-109,"Missing or superfluous parameter"'),
        ("SOUR:POW 1,2", '-109,"Missing or superfluous parameter"'),
        ("SOUR:POW much", '-104,"Data type error"'),
        ("SOUR:POW nan", '-222,"Data out of range"'),
        ("SOUR:POW 11", '-222,"Data out of range"'),
        ("OUTP maybe", '-104,"Data type error"'),
    ],
)
def test_a_refused_command_is_in_the_error_queue(line: str, verdict: str) -> None:
    assert Lamp().handle(f"{line};:SYST:ERR?") == verdict


def test_a_refused_query_has_no_answer_and_the_queue_empties() -> None:
    lamp = Lamp()

    assert lamp.handle("NOISE?") is None
    assert lamp.handle("*CLS;SYST:ERR?") == '0,"No error"'


def test_answers_of_one_line_are_joined() -> None:
    assert Lamp().handle("*IDN?; SOUR:POW?;*OPC?") == "PyBirch,LAMP,SIM,1.0;0;1"
