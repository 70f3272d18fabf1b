"""Starting the simulated laboratory as a process, and ending it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from pathlib import Path

from pybirch.simulator.__main__ import read_ports


def visa_address(port: int, host: str = "127.0.0.1") -> str:
    """The VISA resource of a simulated device."""
    return f"TCPIP::{host}::{port}::SOCKET"


class SimulatorProcess:
    """``python -m pybirch.simulator`` as a child of this process; a context manager.

    A Ctrl-C at the terminal does not reach it: instruments are made safe before their devices go.

    Args:
        ports_file: where it writes its ports; one that exists makes it take the same ports again.
        seed: decides the noise.
    """

    def __init__(self, ports_file: Path, seed: int = 1) -> None:
        self.ports_file = ports_file
        self.seed = seed
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, timeout: float = 15.0) -> dict[str, str]:
        """Start it and give each device's VISA address once it listens.

        Raises:
            RuntimeError: it ended, or did not listen within `timeout` seconds.
        """
        before = self._written_at()
        options = ["--ports-file", str(self.ports_file), "--seed", str(self.seed)]
        command = [sys.executable, "-m", "pybirch.simulator", *options]
        self.process = subprocess.Popen(command, start_new_session=True)
        end = time.monotonic() + timeout
        while self._written_at() == before:
            code = self.process.poll()
            if code is not None:
                raise RuntimeError(f"the simulator ended with code {code} before it listened")
            if time.monotonic() > end:
                self.stop()
                raise RuntimeError(f"the simulator did not listen within {timeout:g} s")
            time.sleep(0.02)
        return self.addresses

    @property
    def addresses(self) -> dict[str, str]:
        """VISA address by device name."""
        return {name: visa_address(port) for name, port in read_ports(self.ports_file).items()}

    def stop(self, timeout: float = 3.0) -> int | None:
        """End it (killed if it does not within `timeout`); its exit code, None if it was never started."""
        process, self.process = self.process, None
        if process is None:
            return None
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(timeout)
        process.kill()
        return process.wait()

    def __enter__(self) -> SimulatorProcess:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _written_at(self) -> int | None:
        try:
            return self.ports_file.stat().st_mtime_ns
        except FileNotFoundError:
            return None
