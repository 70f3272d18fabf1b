"""Links lead somewhere, lists are complete, and what the pages count is what the code has."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from pybirch.states import TRANSITIONS, ScanState
from tests.docs.pages import PAGES, ROOT, anchors, links, name_of

DOCS = ROOT / "docs"


def _text(*parts: str) -> str:
    return ROOT.joinpath(*parts).read_text(encoding="utf-8")


def _project() -> dict[str, Any]:
    return tomllib.loads(_text("pyproject.toml"))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for target in links(page):
        if re.match(r"[a-z]+://|mailto:", target):
            continue
        file, _, anchor = target.partition("#")
        found = (page.parent / file).resolve() if file else page
        assert found.exists(), f"{name_of(page)}: {target}"
        if anchor:
            assert anchor in anchors(found), f"{name_of(page)}: {target} ({sorted(anchors(found))})"


def test_the_index_knows_every_page() -> None:
    linked = {(DOCS / target.partition("#")[0]).resolve() for target in links(DOCS / "index.md")}
    missing = {page.resolve() for page in DOCS.rglob("*.md")} - linked - {DOCS / "index.md"}
    assert not missing


def test_decisions_are_numbered_without_gaps_and_in_three_parts() -> None:
    records = sorted((DOCS / "decisions").glob("[0-9]*.md"))
    assert [int(record.name[:4]) for record in records] == list(range(1, len(records) + 1))
    for record in records:
        content = record.read_text(encoding="utf-8")
        parts = re.findall(r"^## (.+)$", content, re.MULTILINE)
        assert parts == ["Context", "Decision", "Consequences"], record.name
        assert len(content.split()) < 520, f"{record.name} is longer than a page"


def test_every_dependency_has_a_reason() -> None:
    project = _project()["project"]
    wanted = [
        *project["dependencies"],
        *(d for extra in project["optional-dependencies"].values() for d in extra),
    ]
    names = {re.split(r"[\[<>=;! ]", requirement)[0] for requirement in wanted} - {"pybirch"}
    names |= set(json.loads(_text("package.json"))["dependencies"])
    given = set(re.findall(r"^\| `([^`]+)` \|", _text("docs", "dependencies.md"), re.MULTILINE))
    assert given == names


def test_every_setting_of_the_server_is_in_the_table() -> None:
    from database.web.config import SETTINGS

    given = set(re.findall(r"^\| `([A-Z_]+)` \|", _text("docs", "guide", "server.md"), re.MULTILINE))
    assert set(SETTINGS) <= given


def test_every_subcommand_is_in_the_guide() -> None:
    from pybirch.cli.command import SUBCOMMANDS

    guide = _text("docs", "guide", "first-steps.md")
    assert [name for name in SUBCOMMANDS if f"`pybirch {name}" not in guide] == []


def test_the_states_page_names_every_state_and_no_other_step() -> None:
    states = _text("docs", "guide", "states.md")
    table = dict(re.findall(r"^\| `(\w+)` \|.*\| ([^|]+) \|$", states, re.MULTILINE))
    assert set(table) == set(ScanState)
    for state, after in table.items():
        assert set(re.findall(r"`(\w+)`", after)) <= {*TRANSITIONS[ScanState(state)]}, state


def test_architecture_has_the_floors_of_the_import_linter() -> None:
    contract = _project()["tool"]["importlinter"]["contracts"][0]
    architecture = _text("docs", "architecture.md")
    for layer in contract["layers"]:
        for package in layer.split(" | "):
            assert package in architecture, package


def test_readme_starts_with_the_two_commands() -> None:
    readme = _text("README.md")
    assert readme.index("make demo") < readme.index("make test")
    assert "untested" in readme
