"""Where a lab's data is and where its server listens."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pybirch.errors import FieldError, PyBirchError
from pybirch.lab_settings import absolute_url, lab_settings


def test_defaults_are_relative_to_the_labs_folder(tmp_path: Path) -> None:
    settings = lab_settings(folder=tmp_path, environment={})
    assert settings.data_dir == tmp_path / "data"
    assert settings.database_url == f"sqlite:///{tmp_path}/pybirch.db"
    assert (settings.host, settings.port) == ("127.0.0.1", 5000)


def test_the_demo_keeps_to_its_own_folder(tmp_path: Path) -> None:
    settings = lab_settings(demo=True, folder=tmp_path, environment={})
    assert settings.data_dir == tmp_path / "data" / "demo"
    assert settings.database_url == f"sqlite:///{tmp_path}/data/demo/pybirch.db"


def test_database_url_wins_in_the_demo_too(tmp_path: Path) -> None:
    settings = lab_settings(
        demo=True, folder=tmp_path, environment={"DATABASE_URL": "postgresql://lab@db/lab"}
    )
    assert settings.database_url == "postgresql://lab@db/lab"


def test_children_see_the_same_settings(tmp_path: Path) -> None:
    settings = lab_settings(demo=True, port=5001, folder=tmp_path, environment={"HOST": "0.0.0.0"})
    assert lab_settings(folder=tmp_path / "elsewhere", environment=settings.environment()) == settings


@pytest.mark.parametrize("text", ["many", "70000", "-1"])
def test_a_wrong_port_is_named(text: str) -> None:
    with pytest.raises(FieldError, match=r"^PORT: ") as caught:
        lab_settings(environment={"PORT": text})
    assert caught.value.field == "PORT"


def test_dotenv_is_read_and_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("PORT=5005\nHOST=0.0.0.0\n")
    monkeypatch.setenv("HOST", "127.0.0.2")
    monkeypatch.setattr(os, "environ", {k: v for k, v in os.environ.items() if k != "PORT"})
    settings = lab_settings(folder=tmp_path)
    assert (settings.host, settings.port) == ("127.0.0.2", 5005)


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "sqlite:////lab/x.db", "postgresql://a:b@c/d"]
)
def test_other_urls_stay(url: str, tmp_path: Path) -> None:
    assert absolute_url(url, tmp_path) == url


def test_the_run_folder_is_its_owners(tmp_path: Path) -> None:
    settings = lab_settings(folder=tmp_path, environment={})
    settings.make_folders()
    assert stat.S_IMODE(settings.run_dir.stat().st_mode) == 0o700


def test_a_data_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(PyBirchError, match="DATA_STORAGE_PATH"):
        lab_settings(folder=tmp_path, environment={}).make_folders()
