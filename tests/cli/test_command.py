"""The `pybirch` command as a program: quick, polite, and one sentence when something is wrong."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from click.testing import CliRunner

from pybirch.cli.api import ServerRefusedError, sign_in_link
from pybirch.cli.command import SUBCOMMANDS, missing_part, pybirch
from pybirch.cli.runtime import read_server, write_private
from pybirch.extras import MODULES
from tests.cli.fakes import SLEEPER, FakeServer

ROOT = Path(__file__).parents[2]


MAIN = "from pybirch.cli import main; main()"


def call(folder: Path, *words: str, code: str = MAIN) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "DATA_STORAGE_PATH")}
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_help_is_quick_and_needs_the_core_alone(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "names = 'numpy', 'pandas', 'flask', 'sqlalchemy', 'psutil', 'filelock', 'dotenv'\n"
        f"sys.modules.update(dict.fromkeys(names)); {MAIN}"
    )
    times = []
    done = call(tmp_path, "--help", code=code)
    for _ in range(5):
        begun = time.perf_counter()
        call(tmp_path, "--help", code=code)
        times.append(time.perf_counter() - begun)
    assert done.returncode == 0
    assert all(name in done.stdout for name in SUBCOMMANDS)
    assert min(times) < 0.15


def test_every_subcommand_is_there_and_says_what_it_does() -> None:
    for name in SUBCOMMANDS:
        result = CliRunner().invoke(pybirch, [name, "--help"])
        assert result.exit_code == 0, name
        assert result.output.startswith("Usage:")


def test_a_missing_extra_is_a_sentence(tmp_path: Path) -> None:
    done = call(
        tmp_path,
        "demo",
        code=f"import sys; sys.modules['psutil'] = None\n{MAIN}",
    )
    assert done.returncode == 1
    assert done.stderr == (
        "error: `pybirch demo` needs psutil, which is not installed: pip install 'pybirch[web,visa]'\n"
    )


def test_a_missing_module_of_ours_is_a_fault() -> None:
    with pytest.raises(ModuleNotFoundError):
        missing_part(ModuleNotFoundError("gone", name="pybirch.gone"), ["link"])


def test_a_module_that_no_extra_brings_is_named_with_its_place() -> None:
    try:
        import nosuchmodule  # noqa: F401  # pyright: ignore[reportMissingImports]
    except ModuleNotFoundError as error:
        said = missing_part(error, ["station", "lab.py"])
    assert said.startswith(f"{__file__}, line ")
    assert said.endswith("there is no module 'nosuchmodule' here; mend its name, or install what brings it")
    assert "pip install 'pybirch" not in said


def test_every_module_is_named_under_an_extra_that_brings_it() -> None:
    brings = packages_distributions()
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    through = {"werkzeug", "engineio", "websocket"}  # of Flask and python-socketio
    for extra, modules in MODULES.items():
        listed = {re.split(r"[\[>;]", line)[0].lower() for line in wanted[extra]}
        for module in set(modules) - through:
            names = {name.lower() for name in brings.get(module, [module])}
            assert names & listed, f"{module} of {extra}"


def test_link_without_a_server_is_a_sentence(tmp_path: Path) -> None:
    done = call(tmp_path, "link")
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"error: no server runs for {tmp_path / 'data'}: start one with `make demo` or `python run_web.py`"
    )


@pytest.mark.system
def test_link_elsewhere_names_the_folder_whose_server_runs(tmp_path: Path) -> None:
    there, here = tmp_path / "cryo", tmp_path / "elsewhere"
    (there / "data" / "run").mkdir(parents=True)
    here.mkdir()
    process = subprocess.Popen([sys.executable, "-c", SLEEPER, "pybirch.cli", "serve"], cwd=there)
    try:
        runtime = {"url": "http://127.0.0.1:9", "pid": process.pid, "token": "secret"}
        write_private(there / "data" / "run" / "server.json", runtime)
        assert f"; one runs in {there}: cd there first" in call(here, "link").stderr
    finally:
        process.kill()
        process.wait()


def test_run_gives_a_script_the_labs_settings(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MY_LAB=here\n")
    (tmp_path / "helper.py").write_text("WORD = 'helped'\n")
    (tmp_path / "script.py").write_text(
        "import os, sys, helper\n"
        "print(os.environ['DATABASE_URL'], os.environ['MY_LAB'], sys.argv[1:], helper.WORD, __name__)\n"
    )
    done = call(tmp_path, "run", "script.py", "--fast", "3")
    assert done.stderr == ""
    assert done.stdout == f"sqlite:///{tmp_path}/pybirch.db here ['--fast', '3'] helped __main__\n"
    assert (tmp_path / "data").is_dir()


def test_run_tells_our_errors_in_a_sentence_with_the_line(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        "from pybirch.errors import FieldError\n\nraise FieldError('positions[3]', 'is not a number')\n"
    )
    done = call(tmp_path, "run", "script.py")
    assert done.returncode == 1
    assert done.stderr == "error: script.py, line 3: positions[3]: is not a number\n"


def test_run_shows_the_scripts_own_errors_without_ours(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("1 / 0\n")
    done = call(tmp_path, "run", "script.py")
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    assert "runpy" not in done.stderr


def test_run_of_no_script_names_it(tmp_path: Path) -> None:
    done = call(tmp_path, "run", "gone.py")
    assert done.returncode == 2
    assert "gone.py" in done.stderr


def test_a_database_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    done = call(tmp_path, "export", "some-scan")
    assert done.returncode == 1
    assert "there is no database" in done.stderr


def test_a_link_that_is_refused_says_what_to_do(fake_server: FakeServer, run_dir: Path) -> None:
    fake_server.statuses = [401]
    fake_server.write_runtime_file(os.getpid())
    server = read_server(run_dir)
    assert server is not None
    with pytest.raises(ServerRefusedError, match=r"own token, which was revoked: restart the server"):
        sign_in_link(server)
