"""Old samples out of pickles, and pickles that want more than that."""

from __future__ import annotations

import io
import os
import pickle
import sys
import types
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from database.importers import pickles
from database.importers.pickles import HUSKS, read_samples
from database.importers.things import import_lines
from database.services import DatabaseService
from pybirch.errors import FieldError


@pytest.fixture
def file(tmp_path: Path) -> Any:
    def write(content: bytes) -> Path:
        path = tmp_path / "samples.pkl"
        path.write_bytes(content)
        return path

    return write


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch) -> type:
    """The class of samples as early versions had it, under its name of then."""

    class Sample:
        def __init__(
            self, name: Any, material: Any = "", additional_tags: Any = None, image: Any = None
        ) -> None:
            self.ID, self.material, self.additional_tags, self.image = name, material, additional_tags, image

    Sample.__module__, Sample.__qualname__ = "pybirch.queue.samples", "Sample"
    module = types.ModuleType("pybirch.queue.samples")
    module.Sample = Sample  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pybirch.queue.samples", module)
    return Sample


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_samples_of_every_protocol_are_taken(db: DatabaseService, old: Any, file: Any, protocol: int) -> None:
    held = [
        old("S-1", "Si", ["cold", "µ"], "photo.png"),
        old(7, "Ge", ("x",), np.arange(12, dtype=np.uint8).reshape(3, 4)),
        old("S-3", image=PurePosixPath("/old/b.png")),
    ]
    report = import_lines(db, read_samples(file(pickle.dumps(held, protocol))), "samples")
    assert report.stored, report.entries
    rows = {row.sample_id: row for row in db.list_samples()}
    assert list(rows) == ["S-1", "7", "S-3"]
    assert (rows["S-1"].additional_tags, rows["S-1"].image) == (["cold", "µ"], "photo.png")
    assert (rows["7"].additional_tags, rows["7"].image) == (["x"], None)
    assert str(rows["S-3"].image).endswith("old/b.png")


def test_one_sample_or_a_dict_of_them(old: Any, file: Any) -> None:
    assert [line.values["sample_id"] for line in read_samples(file(pickle.dumps(old("a"))))] == ["a"]
    held = {"x": old("a"), "y": old("b")}
    assert [line.values["sample_id"] for line in read_samples(file(pickle.dumps(held)))] == ["a", "b"]


SAMPLE = b"\x80\x04\x8c\x15pybirch.queue.samples\x8c\x06Sample\x93"
"""The class of samples."""


class Command:
    """What a wicked pickle is made of."""

    def __init__(self, function: Any, *given: Any) -> None:
        self.what = function, given

    def __reduce__(self) -> Any:
        return self.what


def wicked(touched: Path) -> dict[str, bytes]:
    command = f"touch {touched}"
    return {
        "os.system": pickle.dumps(Command(os.system, command)),
        "protocol 0": pickle.dumps(Command(os.system, command), 0),
        "eval": pickle.dumps([Command(eval, f"open({str(touched)!r}, 'w')")]),
        "getattr": pickle.dumps(Command(getattr, "", "join")),
        "import": pickle.dumps(Command(__import__, "os")),
        "inside a sample": SAMPLE
        + b")\x81}\x8c\x02ID"
        + pickle.dumps(Command(os.system, command))[11:-1]
        + b"sb.",
        "a dotted name": b"\x80\x04\x8c\x15pybirch.queue.samples\x8c\x1aSample.__init__.__globals__\x93.",
        "INST": b"(S'" + command.encode() + b"'\nios\nsystem\n.",
        "extension": b"\x82\x01.",
        "persistent id": b"Psomewhere\n.",
        "a husk as a class": SAMPLE + b"}\x8c\x01x\x8c\x01ysb.",
        "slots of a class": SAMPLE + b"N}\x8c\x01x\x8c\x01ys\x86b.",
    }


@pytest.mark.parametrize("name", wicked(Path("x")))
def test_a_pickle_that_wants_more_is_refused_and_nothing_happens(
    file: Any, tmp_path: Path, name: str
) -> None:
    touched = tmp_path / "touched"
    path = file(wicked(touched)[name])
    before = {key: dict(vars(husk)) for key, husk in HUSKS.items() if isinstance(husk, type)}
    with pytest.raises(FieldError, match=r"samples\.pkl"):
        read_samples(path)
    assert not touched.exists()
    assert before == {key: dict(vars(husk)) for key, husk in HUSKS.items() if isinstance(husk, type)}


def test_such_a_pickle_would_do_harm_elsewhere(tmp_path: Path) -> None:
    """What the test above shows is worth something: loaded as usual, the file is touched."""
    touched = tmp_path / "touched"
    pickle.loads(wicked(touched)["os.system"])  # noqa: S301
    assert touched.exists()


def test_the_name_that_was_refused_is_told(file: Any) -> None:
    with pytest.raises(FieldError, match=r"names (posix|nt|os)\.system"):
        read_samples(file(pickle.dumps(Command(os.system, "true"))))


def test_no_name_leads_to_the_real_thing() -> None:
    for husk in HUSKS.values():
        assert husk.__module__ == pickles.__name__


@pytest.mark.parametrize(
    "content",
    [b"", b"no pickle", pickle.dumps([])[:-1], pickle.dumps([]), pickle.dumps(["a"]), pickle.dumps(3),
     pickle.dumps([]) + b"more", b"\x80\x05\x96\xff\xff\xff\xff\xff\xff\xff\x7f.",
     SAMPLE + b")\x81.", b"(" * 1000 + b"."],
)  # fmt: skip
def test_what_holds_no_samples_is_refused(file: Any, content: bytes) -> None:
    with pytest.raises(FieldError, match=r"samples\.pkl"):
        read_samples(file(content))


def test_wrong_fields_are_named(old: Any, file: Any) -> None:
    for sample, field in (
        (old(["a"]), "ID"),
        (old("a", {}), "material"),
        (old("a", "", "word"), "additional_tags"),
    ):
        with pytest.raises(FieldError, match=rf"sample 1: {field}"):
            read_samples(file(pickle.dumps(sample)))


def test_large_files_are_not_read(old: Any, file: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = file(pickle.dumps([old(str(i)) for i in range(20)]))
    for name in ("MOST_BYTES", "MOST_STEPS", "MOST_SAMPLES"):
        with monkeypatch.context() as patch:
            patch.setattr(pickles, name, 15)
            with pytest.raises(FieldError):
                read_samples(path)
    assert len(read_samples(path)) == 20


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60), st.integers(0, 200))
def test_bytes_of_any_kind_are_samples_or_refused(tmp_path: Path, noise: bytes, at: int) -> None:
    good = io.BytesIO()
    pickle.dump({"a": [1, "x", 2.5, None]}, good)
    content = good.getvalue()
    path = tmp_path / "samples.pkl"
    path.write_bytes(content[: at % len(content)] + noise + content[at % len(content) :])
    with suppress(FieldError):  # any other error fails the test
        read_samples(path)


def test_a_short_file_is_not_given_much_memory(file: Any) -> None:
    """The unpickler makes room up to the highest place that is named: 64 GB for these nine bytes."""
    with pytest.raises(FieldError, match="damaged"):
        read_samples(file(b"\x80\x02Nr\xff\xff\xff\xff."))


def test_more_tags_than_a_sample_takes_are_refused(old: Any, file: Any) -> None:
    with pytest.raises(FieldError, match=r"additional_tags: 101 are too many"):
        read_samples(file(pickle.dumps(old("W1", additional_tags=[str(n) for n in range(101)]))))
