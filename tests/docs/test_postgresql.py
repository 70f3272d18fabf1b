"""The guide's lines for PostgreSQL are run, as they stand there, on the server of this computer."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from database.care.check import check
from database.services import DatabaseService
from database.session import Database
from tests.conftest import need
from tests.database.care.filling import FULL, fill, require_readings, rows_of
from tests.database.conftest import SERVER
from tests.docs.pages import ROOT, blocks, commands
from tests.examples.conftest import clean_environment

pytestmark = pytest.mark.postgres
PAGE = ROOT / "docs" / "guide" / "postgresql.md"
CLIENT = ("createuser", "createdb", "pg_dump", "pg_restore")
PASSWORD = "p@ss:w/rd"


class Guide:
    """Runs the page's commands for a user and a database of that name, in a folder of its own."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._folder = folder
        self._lines = [line for block in blocks(PAGE, "console") for line in commands(block)]

    @property
    def url(self) -> str:
        """The line of the page that goes into `.env`."""
        [block] = [one for one in blocks(PAGE, "text") if "DATABASE_URL" in one.text]
        address = self._here(block.text.strip().removeprefix("DATABASE_URL="))
        return address.replace("password@", "p%40ss%3Aw%2Frd@")

    def run(self, beginning: str, text: str = "", **environment: str) -> None:
        """The line that begins so."""
        [line] = [one for one in self._lines if one.removeprefix("sudo -u postgres ").startswith(beginning)]
        program, *words = shlex.split(self._here(line.removeprefix("sudo -u postgres ")))
        ours = [sys.executable, "-m", "pybirch.cli"] if program == "pybirch" else [program]
        done = subprocess.run(
            [*ours, *words],
            cwd=self._folder,
            env=clean_environment(**environment),
            input=text,
            capture_output=True,
            text=True,
            timeout=60,
            start_new_session=os.name == "posix",  # without a terminal a password is read from here
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"

    def _here(self, text: str) -> str:
        """With this server, this user and this database in the place of the page's."""
        text = text.replace("db.example.org", f"{SERVER.host}:{SERVER.port}")
        return re.sub(r"(?<=[ /])pybirch(?=[:@]|$| )", self.name, text)


@pytest.fixture
def guide(tmp_path: Path) -> Iterator[Guide]:
    missing = [program for program in CLIENT if not shutil.which(program)]
    need(not missing, f"no {', '.join(missing)}", "apt install postgresql-client")
    server = Database(SERVER)
    engine = server.engine.execution_options(isolation_level="AUTOCOMMIT")
    try:
        engine.connect().close()
    except OperationalError as error:
        need(False, f"no PostgreSQL on 127.0.0.1:5432 that lets user postgres in ({error.orig})")
    name = f"pybirch_guide_{uuid.uuid4().hex[:8]}"
    yield Guide(name, tmp_path)
    with engine.connect() as connection:
        connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
        connection.execute(text(f'DROP ROLE IF EXISTS "{name}"'))
    server.dispose()


def require_whole(url: str, rows: dict[str, int]) -> None:
    with DatabaseService(url, migrate=False) as db:
        assert rows_of(db.database) == rows
        assert list(check(db.database)) == []
        require_readings(db, count=FULL + 6)


def test_a_lab_moves_over_is_dumped_and_restored(guide: Guide, tmp_path: Path) -> None:
    operator = {"PGHOST": str(SERVER.host), "PGPORT": str(SERVER.port), "PGUSER": str(SERVER.username)}
    guide.run("createuser", f"{PASSWORD}\n{PASSWORD}\n", **operator)
    guide.run("createdb", **operator)
    with DatabaseService(tmp_path / "lab.db") as lab:
        fill(lab)
        rows = rows_of(lab.database)
    guide.run("pybirch db backup", DATABASE_URL=f"sqlite:///{tmp_path / 'lab.db'}")
    guide.run("pybirch db restore", DATABASE_URL=guide.url)
    require_whole(guide.url, rows)

    guide.run("pg_dump", PGPASSWORD=PASSWORD)
    with DatabaseService(guide.url, migrate=False) as db:
        fill(db, "S2")
    guide.run("pg_restore", PGPASSWORD=PASSWORD)
    require_whole(guide.url, rows)
