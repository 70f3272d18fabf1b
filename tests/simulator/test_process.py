import json
import socket
import time
from pathlib import Path

import pytest

from pybirch.simulator.__main__ import main, read_ports, write_ports
from pybirch.simulator.process import SimulatorProcess

DEVICES = {"smu", "stage", "lockin", "spectrometer", "temperature"}


def ask(port: int, line: str) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(line.encode() + b"\n")
        with connection.makefile("r", encoding="ascii") as answers:
            return answers.readline().strip()


@pytest.mark.system
def test_it_listens_names_its_ports_and_ends_within_a_second(process: SimulatorProcess) -> None:
    process.start()
    ports = json.loads(process.ports_file.read_text())
    assert set(ports) == DEVICES
    assert all(ask(port, "*IDN?") for port in ports.values())

    with socket.create_connection(("127.0.0.1", ports["spectrometer"])) as busy:
        busy.sendall(b"INT 30;SPEC?\n")
        began = time.monotonic()
        assert process.stop() == 0
        assert time.monotonic() - began < 1.0


@pytest.mark.system
def test_started_again_it_takes_the_same_ports(process: SimulatorProcess) -> None:
    first = process.start()
    process.stop()

    assert process.start() == first


@pytest.mark.system
def test_a_port_taken_meanwhile_is_replaced_by_a_free_one(process: SimulatorProcess) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        taken = squatter.getsockname()[1]
        write_ports(process.ports_file, {"stage": taken})
        process.start()

        assert read_ports(process.ports_file)["stage"] != taken


def test_a_wished_port_in_use_is_a_sentence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pybirch.simulator.__main__._end_signals", list)
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        base = str(squatter.getsockname()[1])

        assert main(["--ports-file", str(tmp_path / "ports.json"), "--port-base", base]) == 2
    assert "in use" in caplog.text
    assert not (tmp_path / "ports.json").exists()


@pytest.mark.parametrize("text", ["", "[1]", '{"stage": "x"', '{"stage": -1, "smu": "7"}'])
def test_a_ports_file_of_somebody_else_is_no_wish(tmp_path: Path, text: str) -> None:
    path = tmp_path / "ports.json"
    path.write_text(text)

    assert read_ports(path) == {}
