"""Nothing but the importer of old samples loads a pickle, by whatever name: a pickle is a program."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACES = ("pybirch", "database", "GUI", "examples", "benchmarks")
ALLOWED = {"database/importers/pickles.py"}
MODULES = {
    "pickle", "_pickle", "cPickle", "cloudpickle", "dill", "shelve", "joblib", "jsonpickle",
    "marshal", "klepto",
    "pandas.io.pickle", "pickletools", "multiprocessing.reduction", "sklearn.externals",
}  # fmt: skip
CALLS = {"read_pickle", "to_pickle"}
LOADERS = {("torch", "load"), ("torch", "save"), ("joblib", "load")}


def sources() -> list[Path]:
    found = [path for place in PLACES for path in (ROOT / place).rglob("*.py")]
    return [*found, *ROOT.glob("*.py")]


def offences(code: str) -> Iterator[str]:
    """What in the code loads pickles, or may."""
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Import(names=names):
                for name in names:
                    if _is_forbidden(name.name):
                        yield f"line {node.lineno}: import {name.name}"
            case ast.ImportFrom(module=str(module), names=names):
                for name in names:
                    if _is_forbidden(module) or _is_forbidden(f"{module}.{name.name}") or name.name in CALLS:
                        yield f"line {node.lineno}: from {module} import {name.name}"
                    if (module, name.name) in LOADERS:
                        yield f"line {node.lineno}: {module}.{name.name}"
            case ast.Attribute(attr=attr) if attr in CALLS:
                yield f"line {node.lineno}: {attr}"
            case ast.Attribute(value=ast.Name(id=name), attr=attr) if (name, attr) in LOADERS:
                yield f"line {node.lineno}: {name}.{attr}"
            case ast.keyword(arg="allow_pickle", value=value):
                if not (isinstance(value, ast.Constant) and value.value is False):
                    yield f"line {node.value.lineno}: allow_pickle"
            case ast.Call(
                func=ast.Name(id="__import__" | "import_module"), args=[ast.Constant(value=str(name)), *_]
            ):
                if _is_forbidden(name):
                    yield f"line {node.lineno}: import of {name}"
            case ast.Call(func=ast.Attribute(attr="import_module"), args=[ast.Constant(value=str(name)), *_]):
                if _is_forbidden(name):
                    yield f"line {node.lineno}: import of {name}"


def _is_forbidden(name: str) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in MODULES)


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_loads_a_pickle(path: Path) -> None:
    if path.relative_to(ROOT).as_posix() in ALLOWED:
        return
    assert list(offences(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "import pickle as p",
        "from pickle import loads",
        "import os, dill",
        "from joblib import load",
        "import shelve",
        "import torch\ntorch.load('x')",
        "from torch import load",
        "import pandas as pd\npd.read_pickle('x')",
        "from pandas import read_pickle",
        "frame.to_pickle('x')",
        "np.load('x', allow_pickle=True)",
        "np.load('x', allow_pickle=maybe)",
        "np.load('x', **{}, allow_pickle=1)",
        "__import__('pickle')",
        "importlib.import_module('cloudpickle')",
        "from multiprocessing import reduction\nfrom multiprocessing.reduction import ForkingPickler",
    ],
)
def test_every_way_is_found(code: str) -> None:
    assert list(offences(code))


@pytest.mark.parametrize(
    "code", ["np.load('x')", "np.load('x', allow_pickle=False)", "json.load(f)", "import picklejar"]
)
def test_other_ways_are_left_alone(code: str) -> None:
    assert list(offences(code)) == []


def test_the_exception_is_needed() -> None:
    for name in ALLOWED:
        assert list(offences((ROOT / name).read_text(encoding="utf-8")))
