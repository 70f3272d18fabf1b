"""Whatever can be run in README and docs is run; commands that cannot be run here do at least exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from pybirch.cli.command import pybirch
from tests.docs.pages import PAGES, ROOT, Block, blocks, commands, name_of
from tests.examples.conftest import clean_environment

ELSEWHERE = (
    "sudo",
    "git",
    "cd",
    "pip",
    "py",
    "sqlite3",
    ".",
    "QT_QPA_PLATFORM=offscreen",
    "mkdir",
    "cp",
    "copy",
    "pg_dump",
    "pg_restore",
)
"""Programs that are not ours to check."""

MODULES = ("GUI", "pytest", "venv", "pip", "database.web.assets")


def _python(page: Path) -> list[Block]:
    return [block for block in blocks(page, "python") if not block.note]


def _run(page: Path, arguments: list[str], folder: Path, text: str = "") -> str:
    done = subprocess.run(
        arguments,
        cwd=folder,
        env=clean_environment(),
        input=text or None,
        stdin=None if text else subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, f"{name_of(page)}: {shlex.join(arguments)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("page", [p for p in PAGES if _python(p)], ids=name_of)
def test_python_runs_from_top_to_bottom(page: Path, tmp_path: Path) -> None:
    """All blocks of a page as one program, with the page's own line numbers."""
    lines: list[str] = []
    for block in _python(page):
        lines += [""] * (block.line - 1 - len(lines)) + block.text.splitlines()
    program = tmp_path / f"{page.stem}.py"
    program.write_text("\n".join(lines) + "\n", encoding="utf-8")
    folder = tmp_path / "lab"
    folder.mkdir()

    _run(page, [sys.executable, "-W", "error", str(program)], folder)


@pytest.mark.parametrize("page", [p for p in PAGES if list(blocks(p, "python"))], ids=name_of)
def test_python_that_is_not_run_says_why(page: Path) -> None:
    for block in blocks(page, "python"):
        assert not block.note or re.fullmatch(r"no-run: .{10,}", block.note), block.where
        compile(block.text, block.where, "exec")


@pytest.mark.parametrize("page", [p for p in PAGES if list(blocks(p, "console"))], ids=name_of)
def test_commands_exist(page: Path) -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for block in blocks(page, "console"):
        assert block.note in ("", "run"), block.where
        for command in commands(block):
            _check(shlex.split(command.partition(" #")[0], posix=True), targets, block)


def _check(words: list[str], targets: list[str], block: Block) -> None:
    while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
        words = words[1:]
    match words:
        case ["make", *rest]:
            named = [word for word in rest if "=" not in word]
            assert named, block.where
            assert set(named) <= set(targets), f"{block.where}: make {rest}"
        case ["pybirch", *rest]:
            _parse(pybirch, rest, block)
        case ["python", "run_web.py", *rest]:
            from pybirch.cli.up import run_web

            _parse(run_web, rest, block)
        case ["python", "-m", module, *_]:
            assert module in MODULES, block.where
        case ["python", script, *_]:
            assert (ROOT / script).is_file() or script == "my_script.py", f"{block.where}: {script}"
        case [program, *_]:
            assert program in ELSEWHERE, f"{block.where}: {program}"


def _parse(command: click.Command, words: list[str], block: Block) -> None:
    """The words are what the command understands; nothing is run."""
    context = click.Context(command, info_name=command.name, resilient_parsing=False)
    if isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        assert found is not None, f"{block.where}: {command.name} {words[0]}"
        _parse(found, words[1:], block)
        return
    parser = command.make_parser(context)
    given, left, _ = parser.parse_args(args=[word for word in words if word not in ("-h", "--help")])
    assert not left or "arguments" in given, f"{block.where}: {words}"
    for parameter in command.params:
        if isinstance(parameter, click.Argument) and parameter.required and words:
            assert given.get(parameter.name or ""), f"{block.where}: {parameter.name} is missing"


@pytest.mark.parametrize(
    "page", [p for p in PAGES if any(b.note == "run" for b in blocks(p, "console"))], ids=name_of
)
def test_marked_commands_run(page: Path, tmp_path: Path) -> None:
    for block in blocks(page, "console"):
        for command in commands(block) if block.note == "run" else ():
            program, *words = shlex.split(command)
            assert program == "pybirch", f"{block.where}: only pybirch's own commands are run"
            _run(page, [sys.executable, "-m", "pybirch.cli", *words], tmp_path)
