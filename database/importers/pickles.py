"""Old samples out of a pickle, without letting it do anything.

A pickle is a program: it names functions, and loading it calls them. This is the only place of the project
that reads one, for samples that were kept so in earlier years, and by hand only (`pybirch import`). No name
in it leads to the thing of that name. The few that such a file needs lead to husks, which keep what they
are given and do nothing; any other name refuses the file. So even a file made to do harm can at most be
refused.

What was in the samples is then taken as text, numbers and lists, and checked like any other import.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from database.importers.tables import Line, read_bytes
from database.services.samples import MOST_TAGS
from pybirch.errors import FieldError

MOST_BYTES = 64_000_000
MOST_STEPS = 1_000_000
MOST_SAMPLES = 100_000


class Husk:
    """Stands for a thing of the file: keeps what it is given."""

    given: tuple[Any, ...] = ()
    state: Any = None

    def __new__(cls, *_given: Any, **_named: Any) -> Husk:
        return super().__new__(cls)

    def __init__(self, *given: Any, **_named: Any) -> None:
        self.given = given

    def __setstate__(self, state: Any) -> None:
        self.state = state


class OldSample(Husk):
    """Stands for a sample."""


class OldPath(Husk):
    """Stands for a path, which is pickled as its parts."""


class OldArray(Husk):
    """Stands for an array of numbers, such as a picture, or for its bytes; it is left out."""


def _reconstructor(kind: Any, *_given: Any) -> Husk:
    """What protocols 0 and 1 call to make a thing without its `__init__`."""
    return kind() if isinstance(kind, type) and issubclass(kind, Husk) else Husk()


HUSKS: dict[tuple[str, str], Any] = {
    ("pybirch.queue.samples", "Sample"): OldSample,
    ("pybirch.samples", "Sample"): OldSample,
    ("Sample", "Sample"): OldSample,
    ("__main__", "Sample"): OldSample,
    ("copyreg", "_reconstructor"): _reconstructor,
    ("copy_reg", "_reconstructor"): _reconstructor,
    ("builtins", "object"): Husk,
    ("__builtin__", "object"): Husk,
    ("pathlib", "PosixPath"): OldPath,
    ("pathlib", "WindowsPath"): OldPath,
    ("pathlib", "PurePosixPath"): OldPath,
    ("pathlib", "PureWindowsPath"): OldPath,
    ("pathlib", "Path"): OldPath,
    ("numpy", "ndarray"): OldArray,
    ("numpy", "dtype"): OldArray,
    ("numpy.core.multiarray", "_reconstruct"): OldArray,
    ("numpy._core.multiarray", "_reconstruct"): OldArray,
    ("numpy.core.numeric", "_frombuffer"): OldArray,
    ("numpy._core.numeric", "_frombuffer"): OldArray,
    ("_codecs", "encode"): OldArray,
}
"""What a file may name, and what stands for it here."""


class Reader(pickle.Unpickler):
    """Gives husks for the names of `HUSKS`, and nothing for any other."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        try:
            return HUSKS[module_name, global_name]
        except KeyError:
            raise pickle.UnpicklingError(f"names {module_name}.{global_name}") from None

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError("refers to something outside of it")


def read_samples(path: Path) -> list[Line]:
    """The samples of a pickle file: one, or a list, tuple or dict of them.

    Raises:
        FieldError: the file is too large, damaged, names what it must not, or holds no samples.
    """
    content = read_bytes(path, MOST_BYTES)
    held = _read(path.name, content)
    lines: list[Line] = []
    for i, one in enumerate(_each(held), 1):
        if i > MOST_SAMPLES:
            raise FieldError(path.name, f"holds more than {MOST_SAMPLES:,} samples")
        if not isinstance(one, OldSample) or not isinstance(one.state, dict):
            raise FieldError(f"{path.name}, sample {i}", "is no sample")
        lines.append(Line(f"sample {i}", _fields(f"{path.name}, sample {i}", one.state)))
    if not lines:
        raise FieldError(path.name, "holds no samples")
    return lines


def _read(name: str, content: bytes) -> Any:
    """What the file holds, with husks in it."""
    wrong = "is no pickle of samples, or a damaged one"
    try:
        # genops also refuses lengths beyond the file's end
        for i, (step, argument, _) in enumerate(pickletools.genops(content)):
            if i >= MOST_STEPS:
                raise FieldError(name, f"has more than {MOST_STEPS:,} steps")
            if step.name.endswith("PUT") and int(argument or 0) >= MOST_STEPS:  # room is made up to there
                raise FieldError(name, wrong)
        stream = io.BytesIO(content)
        held = Reader(stream, encoding="utf-8", buffers=None).load()
    except pickle.UnpicklingError as error:
        raise FieldError(
            name, f"{error}; a file of samples needs no such thing, and it was not loaded"
        ) from error
    except FieldError:
        raise
    # What the unpickler raises for bytes that mean nothing; husks raise nothing themselves.
    except (
        ValueError, EOFError, TypeError, IndexError, KeyError, AttributeError, OverflowError,
        MemoryError, RecursionError, ImportError, NotImplementedError,
    ) as error:  # fmt: skip
        raise FieldError(name, wrong) from error
    if stream.read(1):
        raise FieldError(name, "goes on behind its end; it is no plain pickle")
    return held


def _each(held: Any) -> Iterator[Any]:
    match held:
        case list() | tuple() | set() | frozenset():
            yield from held
        case dict():
            yield from held.values()
        case _:
            yield held


def _fields(place: str, state: dict[Any, Any]) -> dict[str, Any]:
    """The fields of a sample, of those kinds that a record takes."""
    fields: dict[str, Any] = {"sample_id": _text(f"{place}: ID", state.get("ID", ""))}
    if state.get("material") not in (None, ""):
        fields["material"] = _text(f"{place}: material", state["material"])
    tags = state.get("additional_tags") or state.get("tags")
    if tags:
        if not isinstance(tags, list | tuple | set):
            raise FieldError(f"{place}: additional_tags", "must be a list of words")
        if len(tags) > MOST_TAGS:
            raise FieldError(f"{place}: additional_tags", f"{len(tags):,} are too many; {MOST_TAGS} at most")
        fields["tags"] = [_text(f"{place}: additional_tags", tag) for tag in tags]
    image = state.get("image")
    if isinstance(image, OldPath):
        fields["image"] = "/".join(str(part) for part in image.given if isinstance(part, str))
    elif isinstance(image, str) and image:
        fields["image"] = image
    return fields


def _text(field: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise FieldError(field, "is no text")
    if isinstance(value, int) and value.bit_length() > 256:
        raise FieldError(field, "is no text")
    return str(value)
