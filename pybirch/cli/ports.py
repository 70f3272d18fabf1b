"""Is a port free, whose is it, and which one would be."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable

import psutil

from pybirch.errors import FieldError


def is_free(host: str, port: int) -> bool:
    """Nobody listens there.

    Raises:
        FieldError: the host is no address of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror:
        raise FieldError(
            "HOST", f"{host!r} is not an address; give one of this machine, e.g. 127.0.0.1"
        ) from None
    with socket.socket(family, kind, protocol) as probe:
        if sys.platform != "win32":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except PermissionError:
            raise FieldError(
                "PORT", f"{port} may not be opened by this user; choose one above 1023"
            ) from None
        except OSError as error:
            if "assign" in str(error):
                raise FieldError("HOST", f"{host!r} is not an address of this machine") from None
            return False
    return True


def any_free(host: str) -> int:
    """A port that the system hands out."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def next_free(host: str, port: int) -> int | None:
    """The first port after that one which is free, if one of the next fifty is."""
    return next((p for p in range(port + 1, min(port + 50, 65536)) if is_free(host, p)), None)


def sentence_in_use(host: str, port: int, how: Callable[[int], str]) -> str:
    """One sentence on who has the port and what to do.

    Args:
        host: the address that was asked for.
        port: the port that is taken.
        how: the command that takes a port.
    """
    other = next_free(host, port)
    advice = f"choose another: {how(other)}" if other else "choose another"
    return f"port {port} is in use by another program{_who(port)}; {advice}"


def _who(port: int) -> str:
    """Name and process number, where this user may see them."""
    try:
        for connection in psutil.net_connections("tcp"):
            if (
                connection.status == psutil.CONN_LISTEN
                and tuple(connection.laddr)[1:2] == (port,)
                and connection.pid
            ):
                return f" ({psutil.Process(connection.pid).name()}, process {connection.pid})"
    except (psutil.Error, OSError):
        return ""
    return ""
