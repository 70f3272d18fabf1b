"""``python -m pybirch.simulator --ports-file PATH``: the simulated laboratory as a process."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from pybirch.simulator.devices import build_laboratory
from pybirch.simulator.server import LaboratoryServer
from pybirch.simulator.world import World

log = logging.getLogger("pybirch.simulator")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C; 0 when ended so, 2 when a port could not be had."""
    options = _parser().parse_args(arguments)
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(options.verbose, 2)]
    logging.basicConfig(level=level, format="%(name)s: %(message)s")
    ended = _end_signals()
    world = World(options.seed)
    devices = build_laboratory(world)
    wished = _wished_ports(list(devices), options.port_base, options.ports_file)
    try:
        server = LaboratoryServer(devices, options.host, wished, insist=bool(options.port_base))
    except OSError as error:
        log.error("cannot listen on %s: %s", options.host, error.strerror or error)
        return 2
    server.start()
    try:
        write_ports(options.ports_file, server.ports)
        log.info("listening on %s: %s", options.host, server.ports)
        while not ended:
            time.sleep(0.1)
    finally:
        world.closing.set()
        server.stop()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pybirch.simulator", description="A simulated laboratory."
    )
    parser.add_argument(
        "--ports-file",
        type=Path,
        required=True,
        help="written as JSON {device: port}; read first to keep the ports",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="decides the noise (default: %(default)s)")
    parser.add_argument(
        "--port-base", type=int, default=0, metavar="N", help="use ports N, N+1, … (default: free ones)"
    )
    parser.add_argument(
        "-v", "--verbose", action="count", default=0, help="name the ports; twice: log every line"
    )
    return parser


def _end_signals() -> list[int]:
    """A list that SIGTERM and SIGINT append to; a handler may touch no lock."""
    received: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: received.append(number))
    return received


def _wished_ports(names: list[str], base: int, ports_file: Path) -> dict[str, int]:
    if base:
        return {name: base + place for place, name in enumerate(names)}
    return read_ports(ports_file)


def read_ports(path: Path) -> dict[str, int]:
    """The ports an earlier run wrote; none where there is no such file or it is not ours."""
    try:
        ports = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(ports, dict):
        return {}
    return {name: port for name, port in ports.items() if isinstance(port, int) and 0 < port < 65_536}


def write_ports(path: Path, ports: dict[str, int]) -> None:
    """Write the file in one step: a reader sees all of it or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    unfinished.write_text(json.dumps(ports), encoding="utf-8")
    unfinished.replace(path)


if __name__ == "__main__":
    sys.exit(main())
