"""`pybirch.load` from a server: the same data as from its database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import pybirch
from pybirch.errors import NotFoundError, ServerUnavailableError
from pybirch.events import Readings


@pytest.fixture
def load(lab: Any, served: Any) -> Callable[[str], Any]:
    """`load(scan_id)` as a notebook on another computer does it."""
    token = lab.token("read")["Authorization"].split()[1]
    return lambda scan_id: pybirch.load(scan_id, url=served.url, token=token)


def again(scan_id: str, first: int, replaces: np.ndarray) -> Readings:
    index = np.arange(first, first + len(replaces))
    return Readings(
        scan_id=scan_id,
        measurement="iv",
        first_index=first,
        steps=replaces,
        times=index * 0.5 + 1e9,
        positions={"x (mm)": replaces * 0.1},
        values={"voltage (V)": -1.0 * index},
        replaces=replaces,
    )


@pytest.mark.parametrize("rows", [0, 1, 150_000])
def test_the_data_are_those_of_the_database_however_many(lab: Any, load: Any, rows: int) -> None:
    lab.scan("S", rows=rows, state="completed")
    data = load("S")
    assert data.facts.name == "scan S"
    assert list(data) == (["iv"] if rows else [])
    if rows:
        pd.testing.assert_frame_equal(data.to_pandas(times=True), lab.db.data("S").to_pandas(times=True))
        assert data.to_arrow().equals(lab.db.data("S").to_arrow())


def test_what_is_known_of_a_scan_is_the_same_from_both(lab: Any, load: Any) -> None:
    lab.scan("S", rows=1, project_name="a project", additional_tags=["cold"])
    noted = {
        "at": "2026-01-01T00:00:00Z",
        "why": "start",
        "software": {"pybirch": "0.1.0"},
        "operator": "ada",
    }
    lab.db.conditions.keep("S", noted)
    facts = load("S").facts
    assert facts == lab.db.data("S").facts
    assert (facts.project, facts.tags, facts.conditions["operator"]) == ("a project", ("cold",), "ada")


def test_columns_and_ranges(lab: Any, load: Any) -> None:
    lab.scan("S", rows=100)
    frame = load("S")["iv"]["voltage"][90:95].to_pandas()
    assert list(frame.columns) == ["voltage (V)"]
    assert list(frame.index) == [90, 91, 92, 93, 94]


def test_a_rewound_scan(lab: Any, load: Any) -> None:
    lab.scan("S", rows=100)
    lab.db.readings.append("S", [again("S", 100, np.arange(40, 60)), again("S", 120, np.arange(110, 115))])
    for data in (load("S")["iv"], lab.db.data("S")["iv"]):
        assert list(data.to_pandas().index) == [*range(40), *range(60, 110), *range(115, 125)]
        assert len(data.all_readings().to_pandas()) == 125
    mine, theirs = load("S").to_xarray(), lab.db.data("S").to_xarray()
    assert mine.identical(theirs)


def test_names_with_commas_and_slashes(lab: Any, load: Any) -> None:
    lab.scan("S", rows=0)
    block = Readings(
        scan_id="S",
        measurement="a/b c",
        first_index=0,
        steps=np.arange(3),
        times=np.arange(3.0),
        positions={},
        values={"re, im (V)": np.arange(3.0), "trace": [np.ones(1), np.ones(2), np.array([np.nan, np.inf])]},
    )
    lab.db.readings.append("S", [block])
    view = load("S")["a/b c"][["re, im", "trace"]]
    mine, theirs = view.to_arrow(), lab.db.data("S")["a/b c"].to_arrow()
    assert mine.schema.equals(theirs.schema)
    assert repr(mine.to_pydict()) == repr(theirs.to_pydict()), "with NaN, which equals nothing"


def test_arrays_beside_the_readings(lab: Any, load: Any) -> None:
    lab.scan("S", rows=3)
    number = lab.db.readings.measurements("S")[0].id
    picture = np.arange(6, dtype=np.uint16).reshape(2, 3)
    for index in range(3):
        lab.db.arrays.create(number, picture + index, name="frame", sequence_index=index, unit="counts")
    lab.db.arrays.create(number, np.array([1 + 2j]), name="fft")
    found = list(load("S")["iv"].arrays())
    assert [(one.name, one.sequence_index, one.unit) for one in found[:2]] == [
        ("frame", 0, "counts"),
        ("frame", 1, "counts"),
    ]
    assert found[2].data.dtype == np.uint16
    assert np.array_equal(found[2].data, picture + 2)
    assert found[3].data[0] == 1 + 2j


def test_what_goes_wrong_is_a_sentence(lab: Any, served: Any, load: Any) -> None:
    with pytest.raises(NotFoundError, match="'none'"):
        load("none")
    with pytest.raises(ServerUnavailableError, match="refused the token"):
        pybirch.load("S", url=served.url, token="wrong")
    with pytest.raises(ServerUnavailableError, match="does not answer"):
        pybirch.load("S", url="http://127.0.0.1:9", token="any")


def test_an_array_is_nobody_elses(lab: Any) -> None:
    lab.scan("S", rows=1)
    lab.db.arrays.create(lab.db.readings.measurements("S")[0].id, np.zeros(3))
    client = lab.app.test_client()
    assert client.get("/api/array/1").status_code == 401
    assert client.get("/api/scan/S/arrays/iv").status_code == 401
    assert client.get("/api/array/99", headers=lab.token("read")).status_code == 404
    assert client.get("/api/scan/S/arrays/no", headers=lab.token("read")).status_code == 404
