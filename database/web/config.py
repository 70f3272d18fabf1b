"""The server's settings, from the environment or a `.env` file in the lab's folder."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from pybirch.errors import FieldError

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
SETTINGS = (
    "DATABASE_URL",
    "SECRET_KEY",
    "HOST",
    "PORT",
    "SOCKETIO_ASYNC_MODE",
    "SOCKETIO_PING_INTERVAL",
    "SOCKETIO_PING_TIMEOUT",
    "DATA_STORAGE_PATH",
    "TRUSTED_HOSTS",
    "SERVER",
)


@dataclass(frozen=True)
class Settings:
    """What `create_app` needs to know; see the documentation's list of settings.

    Attributes:
        trusted_hosts: names by which browsers may call the server, besides the loopback ones when
            `host` is a loopback address; empty and not on loopback: any name.
        server: what carries the app: werkzeug (one process, everywhere), or gunicorn (not on
            Windows; brings a worker back that has died).
    """

    database_url: str = "sqlite:///pybirch.db"
    secret_key: str = field(default="", repr=False)
    host: str = "127.0.0.1"
    port: int = 5000
    async_mode: str = "threading"
    ping_interval: float = 10
    ping_timeout: float = 10
    storage: Path = Path("data")
    trusted_hosts: tuple[str, ...] = ()
    server: str = "werkzeug"

    @property
    def run_folder(self) -> Path:
        """Where the secret key and the address of the running server are kept."""
        return self.storage / "run"

    @property
    def allowed_hosts(self) -> frozenset[str] | None:
        """Host names a request may be addressed to; None: any."""
        if self.host in LOOPBACK:
            return LOOPBACK | frozenset(self.trusted_hosts)
        return frozenset(self.trusted_hosts) | LOOPBACK | {self.host} if self.trusted_hosts else None

    @cached_property
    def identity(self) -> str:
        """What this server is known by, whatever its address: it goes with the data folder, and not with
        copies of the database."""
        return persistent_secret(self.run_folder / "identity", lambda: secrets.token_hex(16))


def load_settings(config: Mapping[str, Any] | None = None) -> Settings:
    """Settings from `config` (same names), else the environment, else `.env`, else the defaults.

    Raises:
        FieldError: a number is not one.
    """
    values: dict[str, Any] = {
        k: v for k, v in dotenv_values(".env").items() if k in SETTINGS and v is not None
    }
    values.update({k: os.environ[k] for k in SETTINGS if os.environ.get(k)})
    values.update({k: v for k, v in (config or {}).items() if k in SETTINGS and v is not None})
    storage = Path(values.get("DATA_STORAGE_PATH", Settings.storage))
    hosts = values.get("TRUSTED_HOSTS", ())
    return Settings(
        database_url=str(values.get("DATABASE_URL", Settings.database_url)),
        secret_key=str(values.get("SECRET_KEY") or persistent_secret(storage / "run" / "secret_key")),
        host=str(values.get("HOST", Settings.host)),
        port=int(_number(values, "PORT", Settings.port)),
        async_mode=str(values.get("SOCKETIO_ASYNC_MODE", Settings.async_mode)),
        ping_interval=_number(values, "SOCKETIO_PING_INTERVAL", Settings.ping_interval),
        ping_timeout=_number(values, "SOCKETIO_PING_TIMEOUT", Settings.ping_timeout),
        storage=storage,
        server=_one_of(values, "SERVER", ("werkzeug", "gunicorn")),
        trusted_hosts=tuple(
            h.strip() for h in (hosts.split(",") if isinstance(hosts, str) else hosts) if h.strip()
        ),
    )


def _number(values: Mapping[str, Any], name: str, default: float) -> float:
    try:
        return float(values.get(name, default))
    except (TypeError, ValueError):
        raise FieldError(name, f"{values[name]!r} is not a number") from None


def _one_of(values: Mapping[str, Any], name: str, choices: tuple[str, ...]) -> str:
    value = str(values.get(name, choices[0]))
    if value not in choices:
        raise FieldError(name, f"{value!r} is not one of {', '.join(choices)}")
    return value


def persistent_secret(path: Path, make: Any = None) -> str:
    """The secret kept in `path`, readable by its owner only; made on first use.

    Args:
        make: returns a new secret; 256 random bits unless given.
    """
    make_private_folder(path.parent)
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return _create_secret(path, make() if make else secrets.token_urlsafe(32))


def _create_secret(path: Path, secret: str) -> str:
    """Write the secret so that of two processes that try at once both end up with the same one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    write_private(temporary, secret)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return path.read_text(encoding="ascii").strip()
    except OSError:  # a file system without hard links
        os.replace(temporary, path)
        return secret
    finally:
        temporary.unlink(missing_ok=True)
    return secret


def make_private_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)


def write_private(path: Path, text: str) -> None:
    """Write a new file that only its owner can read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
