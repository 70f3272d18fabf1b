"""Settings, secrets, rate limits, host names: parts that need no app."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from database.web.auth import local_target
from database.web.config import load_settings, persistent_secret
from database.web.ends import how_it_ended
from database.web.gate import host_name, too_large
from database.web.identity import bearer_of
from database.web.limits import RateLimit
from database.web.runtime import announce, find_server, withdraw
from pybirch.errors import FieldError, ServerUnavailableError


def test_settings_come_from_the_environment_and_from_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("HOST", "PORT", "SECRET_KEY", "DATA_STORAGE_PATH", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    Path(".env").write_text("HOST=0.0.0.0\nPORT=6000\nSOCKETIO_PING_INTERVAL=5\n")
    monkeypatch.setenv("PORT", "7000")
    settings = load_settings({"DATABASE_URL": "sqlite:///x.db", "TRUSTED_HOSTS": "lab.example, b"})
    assert (settings.host, settings.port, settings.ping_interval) == ("0.0.0.0", 7000, 5)
    assert settings.database_url == "sqlite:///x.db"
    assert settings.allowed_hosts is not None
    assert "lab.example" in settings.allowed_hosts
    assert load_settings().allowed_hosts is None
    assert settings.secret_key == load_settings().secret_key
    assert settings.secret_key not in repr(settings)
    with pytest.raises(FieldError, match="PORT"):
        load_settings({"PORT": "many"})


@pytest.mark.skipif(sys.platform == "win32", reason="file modes are another thing on Windows")
def test_secrets_are_for_their_owner_only(tmp_path: Path) -> None:
    secret = persistent_secret(tmp_path / "run" / "key")
    assert persistent_secret(tmp_path / "run" / "key") == secret
    assert stat.S_IMODE((tmp_path / "run" / "key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o700
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["key"]
    path = announce(tmp_path / "run", "http://127.0.0.1:1", "token")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_running_server_is_found_and_withdrawn(tmp_path: Path) -> None:
    with pytest.raises(ServerUnavailableError, match=r"server\.json"):
        find_server(tmp_path)
    announce(tmp_path, "http://127.0.0.1:1", "secret")
    assert find_server(tmp_path).url == "http://127.0.0.1:1"
    withdraw(tmp_path)
    withdraw(tmp_path)
    (tmp_path / "server.json").write_text("{")
    with pytest.raises(ServerUnavailableError, match="cannot be read"):
        find_server(tmp_path)


def test_a_limit_remembers_nobody_for_ever() -> None:
    now = [0.0]
    limit = RateLimit(2, clock=lambda: now[0])
    for n in range(100):
        limit.take(str(n))
    now[0] = 60.0
    limit.take("another")
    assert set(limit._attempts) == {"another"}


def test_a_limit_forgets_after_a_minute() -> None:
    now = [0.0]
    limit = RateLimit(2, clock=lambda: now[0])
    assert [limit.take("a") for _ in range(3)] == [True, True, False]
    assert limit.take("b")
    now[0] = 60.0
    assert limit.take("a")
    limit.give_back("a")
    assert [limit.take("a") for _ in range(3)] == [True, True, False]
    limit.forget("a")
    assert limit.take("a")


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Localhost:5000", "localhost"),
        ("[::1]:5000", "::1"),
        ("127.0.0.1", "127.0.0.1"),
        ("", ""),
        ("a.b.:1", "a.b"),
    ],
)
def test_host_names(header: str, name: str) -> None:
    assert host_name(header) == name


@pytest.mark.parametrize(
    ("length", "refused"), [("65536", False), ("65537", True), ("", True), ("-5", True), ("many", True)]
)
def test_bodies_of_socket_io(length: str, refused: bool) -> None:
    assert too_large({"REQUEST_METHOD": "POST", "CONTENT_LENGTH": length}) is refused
    assert not too_large({"REQUEST_METHOD": "GET"})


def test_bearer_headers() -> None:
    assert bearer_of("bearer  abc ") == "abc"
    assert bearer_of("Basic abc") is None
    assert bearer_of("") is None
    assert bearer_of("Bearer ") is None


@pytest.mark.parametrize(
    ("asked", "target"),
    [
        ("/scans/S?x=1", "/scans/S?x=1"),
        ("//evil.example", "/"),
        ("https://evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/login?next=/", "/"),
        ("/a\nb", "/"),
        (None, "/"),
    ],
)
def test_after_signing_in_only_pages_of_this_server_open(asked: str | None, target: str) -> None:
    assert local_target(asked) == target


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (None, "ended"),
        (0, "ended (exit code 0)"),
        (3, "ended (exit code 3)"),
        (-9, "was killed"),
        (-15, "was ended by SIGTERM"),
        (-99, "was ended by signal 99"),
    ],
)
def test_how_a_process_ended_is_said_in_words(code: int | None, words: str) -> None:
    assert how_it_ended(code) == words
