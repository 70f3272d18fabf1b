"""Settings from the environment, with their defaults, and errors that name the variable."""

from __future__ import annotations

from pathlib import Path

import pytest

from database.services.merging import MOST_ROWS
from database.web.config import load_settings
from pybirch.database_integration.config import IntegrationConfig
from pybirch.errors import FieldError


def test_defaults_are_those_of_the_contract() -> None:
    config = IntegrationConfig.from_environment({})
    assert config.database_url == "sqlite:///pybirch.db"
    assert config.data_storage_path == Path("./data")
    assert config.max_buffer_size == 1000
    assert config.merged_block_rows == MOST_ROWS
    assert config.flush_interval_seconds == 0.05
    assert config.instrument_scan_interval == 60
    assert config.auto_reconnect_attempts == 3


def test_every_setting_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "DATABASE_URL": "postgresql://lab@host/lab",
        "DATA_STORAGE_PATH": "/srv/lab",
        "MAX_BUFFER_SIZE": "500",
        "MERGED_BLOCK_ROWS": "8192",
        "FLUSH_INTERVAL_SECONDS": "0.2",
        "INSTRUMENT_SCAN_INTERVAL": "30",
        "AUTO_RECONNECT_ATTEMPTS": "0",
        "SPOOL_AFTER_SECONDS": "5",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert IntegrationConfig.from_environment() == IntegrationConfig(
        "postgresql://lab@host/lab", Path("/srv/lab"), 500, 0.2, 30.0, 0, 5.0, 8192
    )


def test_an_empty_variable_counts_as_not_set() -> None:
    assert IntegrationConfig.from_environment({"MAX_BUFFER_SIZE": ""}).max_buffer_size == 1000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_BUFFER_SIZE", "many"),
        ("MAX_BUFFER_SIZE", "0"),
        ("MERGED_BLOCK_ROWS", "0"),
        ("MAX_BUFFER_SIZE", "1.5"),
        ("FLUSH_INTERVAL_SECONDS", "-1"),
        ("FLUSH_INTERVAL_SECONDS", "nan"),
        ("INSTRUMENT_SCAN_INTERVAL", "soon"),
        ("AUTO_RECONNECT_ATTEMPTS", "-1"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_variable(name: str, value: str) -> None:
    with pytest.raises(FieldError, match=name) as refused:
        IntegrationConfig.from_environment({name: value})
    assert refused.value.field == name


SERVER_VARIABLES = [
    "DATABASE_URL",
    "SECRET_KEY",
    "HOST",
    "PORT",
    "SOCKETIO_ASYNC_MODE",
    "SOCKETIO_PING_INTERVAL",
    "SOCKETIO_PING_TIMEOUT",
    "DATA_STORAGE_PATH",
]


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """A folder without `.env` and an environment without settings."""
    for name in SERVER_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


def test_the_servers_defaults(bare: pytest.MonkeyPatch) -> None:
    settings = load_settings()
    assert settings.database_url == "sqlite:///pybirch.db"
    assert (settings.host, settings.port) == ("127.0.0.1", 5000)
    assert settings.async_mode == "threading"
    assert (settings.ping_interval, settings.ping_timeout) == (10, 10)
    assert settings.storage == Path("./data")
    assert len(settings.secret_key) > 20
    assert load_settings().secret_key == settings.secret_key, "the key survives a restart"


def test_the_server_reads_the_environment_and_then_dotenv(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=5151\nHOST=127.0.0.2\nSECRET_KEY=from the file\n")
    bare.setenv("PORT", "5252")
    settings = load_settings()
    assert (settings.port, settings.host, settings.secret_key) == (5252, "127.0.0.2", "from the file")


@pytest.mark.parametrize("name", ["PORT", "SOCKETIO_PING_INTERVAL", "SOCKETIO_PING_TIMEOUT"])
def test_the_server_refuses_a_wrong_number_by_name(bare: pytest.MonkeyPatch, name: str) -> None:
    bare.setenv(name, "soon")
    with pytest.raises(FieldError, match=name):
        load_settings()
