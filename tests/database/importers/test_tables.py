"""Samples and equipment from tables: what spreadsheets make of them, and all or nothing."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from database.importers.mapping import ColumnMap, read_mapping
from database.importers.tables import read_table
from database.importers.things import import_table
from database.services import DatabaseService
from pybirch.errors import FieldError
from tests.database.racing import meanwhile


@pytest.fixture
def file(tmp_path: Path) -> Any:
    """`file(text, name="lab.csv", encoding="utf-8")`: a file with that in it."""

    def write(text: str, name: str = "lab.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return write


def told(report: Any) -> list[str]:
    return [str(entry) for entry in report.entries]


PLAIN = 'sample_id,material,tags\nA,Si,"cold, thin"\nB,GaAs µm,\n'


@pytest.mark.parametrize(
    ("text", "encoding", "given"),
    [
        (PLAIN, "utf-8", ""),
        (PLAIN, "utf-8-sig", ""),
        (PLAIN, "utf-16", ""),
        (PLAIN.replace("\n", "\r\n"), "utf-8", ""),
        ("\n" + PLAIN + "\n,,\n", "utf-8", ""),
        ("sample_id;material;tags\nA;Si;cold, thin\nB;GaAs µm;\n", "utf-8-sig", ""),
        ("sample_id\tmaterial\ttags\nA\tSi\tcold, thin\nB\tGaAs µm\t\n", "utf-8", ""),
        (PLAIN, "cp1252", "cp1252"),
    ],
    ids=["plain", "BOM", "UTF-16", "CRLF", "empty lines", "semicolons", "tabs", "Windows"],
)
def test_a_table_as_spreadsheets_write_it(
    db: DatabaseService, file: Any, text: str, encoding: str, given: str
) -> None:
    report = import_table(
        db, file(text, encoding=encoding), things="samples", mapping=ColumnMap(encoding=given)
    )
    assert (report.stored, report.count("made")) == (True, 2), told(report)
    rows = db.list_samples(sort="sample_id")
    assert [(row.sample_id, row.material) for row in rows] == [("A", "Si"), ("B", "GaAs µm")]
    assert rows[0].additional_tags == ["cold", "thin"]


@pytest.mark.parametrize(
    ("text", "encoding", "where"),
    [
        (PLAIN, "cp1252", "lab.csv, line 3"),
        ("", "utf-8", "lab.csv"),
        ("a,b\n1,2,3\n", "utf-8", "lab.csv, line 2"),
        ("a,b\n1,2\n\n3\n", "utf-8", "lab.csv, line 4"),
        ("a,a\n1,2\n", "utf-8", "lab.csv, line 1"),
        ("a,\n1,2\n", "utf-8", "lab.csv, line 1"),
        ('a,b\n1,"2\n', "utf-8", "lab.csv, line 2"),
        ("a,b\n1,\x00\n", "utf-8", "lab.csv"),
    ],
    ids=[
        "encoding",
        "empty",
        "too many cells",
        "too few",
        "double column",
        "nameless column",
        "quote",
        "NUL",
    ],
)
def test_a_table_that_cannot_be_read_is_refused_by_line(
    file: Any, text: str, encoding: str, where: str
) -> None:
    with pytest.raises(FieldError) as caught:
        read_table(file(text, encoding=encoding))
    assert caught.value.field == where


def test_lines_are_counted_through_cells_of_several_lines(file: Any) -> None:
    table = read_table(file('sample_id,description\nA,"one\ntwo"\nB,x\n'))
    assert [line.place for line in table.lines] == ["line 2", "line 4"]


def test_every_wrong_line_is_told_and_nothing_is_stored(db: DatabaseService, file: Any) -> None:
    db.create_sample(sample_id="old", material="Si")
    text = f"sample_id,material,parents\nnew,Si,\nold,Ge,\n,Si,\nnew,Si,\nlong,{'x' * 300},\n"
    report = import_table(db, file(text), things="samples")
    assert told(report) == [
        "line 2: made new",
        "line 3: changed old: material 'Si' → 'Ge'",
        "line 4: refused: sample_id: Sample needs it",
        "line 5: refused new: sample_id: stands in line 2 already",
        "line 6: refused long: material: 300 characters are too many; 255 at most",
    ]
    assert not report.stored
    assert [(row.sample_id, row.material) for row in db.list_samples()] == [("old", "Si")]


def test_a_dry_run_tells_the_same_and_stores_nothing(db: DatabaseService, file: Any) -> None:
    path = file("sample_id,material,parents\nchild,Si,wafer\nwafer,Si,\n")
    dry = import_table(db, path, things="samples", dry_run=True)
    assert (told(dry), dry.stored) == (["line 2: made child", "line 3: made wafer"], False)
    assert db.samples.count() == 0
    wet = import_table(db, path, things="samples")
    assert (told(wet), wet.stored) == (told(dry), True)
    assert [row.sample_id for row in db.samples.parents("child")] == ["wafer"]
    again = import_table(db, path, things="samples")
    assert again.count("same") == 2
    assert told(import_table(db, file("sample_id,parents\nwafer,\nchild,wafer\n"), things="samples")) == [
        "line 2: same wafer", "line 3: same child",
    ]  # fmt: skip


def test_families_that_go_round_are_refused(db: DatabaseService, file: Any) -> None:
    report = import_table(db, file("sample_id,parents\na,b\nb,a\n"), things="samples")
    assert told(report)[-1] == "line 3: refused b: parents: 'a' was itself made from 'b'"
    assert db.samples.count() == 0
    report = import_table(db, file("sample_id,parents\na,nobody\n"), things="samples")
    assert "there is no sample 'nobody'" in told(report)[-1]


MAPPING = """
things = "samples"
tag_separator = "/"
[columns]
"Probe Nr." = "sample_id"
"Schlagworte" = "tags"
"Dotierung" = "extra.doping"
[constants]
status = "im Schrank"
"""


def test_their_columns_become_our_fields(db: DatabaseService, file: Any) -> None:
    mapping = read_mapping(file(MAPPING, "map.toml"))
    path = file("Probe Nr.;Schlagworte;Dotierung;Regal\nA;kalt/dünn;n;3\n;x;;\n")
    report = import_table(db, path, mapping=mapping)
    assert told(report) == ["line 2: made A", "line 3: refused: Probe Nr.: Sample needs it"]
    assert report.notes == ["columns that go nowhere: Regal"]
    path = file("Probe Nr.;Schlagworte;Dotierung;Regal\nA;kalt/dünn;n;3\n")
    assert import_table(db, path, mapping=mapping).stored
    row = db.get_sample("A")
    assert (row.additional_tags, row.status, row.extra_data) == (
        ["kalt", "dünn"], "im Schrank", {"doping": "n"},
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        'thing = "samples"',
        "things = 3",
        'columns = "a"',
        "[columns]\na = 3",
        "[columns]\na = 'x'\nb = 'x'",
        "[[",
    ],
)
def test_wrong_mappings_are_refused(file: Any, text: str) -> None:
    with pytest.raises(FieldError, match=r"map\.toml"):
        read_mapping(file(text, "map.toml"))


@pytest.mark.parametrize(
    ("mapping", "problem"),
    [
        (ColumnMap(columns={"a": "colour"}), "colour.*is no field"),
        (ColumnMap(columns={"b": "sample_id"}), "no column 'b'"),
        (ColumnMap(), "column 'a'"),
        (ColumnMap(columns={"a": "sample_id"}, constants={"colour": "red"}), "colour"),
    ],
)
def test_mappings_that_do_not_fit_are_refused(
    db: DatabaseService, file: Any, mapping: ColumnMap, problem: str
) -> None:
    with pytest.raises(FieldError, match=problem):
        import_table(db, file("a\n1\n"), things="samples", mapping=mapping)


def test_equipment_is_found_by_name_and_address(db: DatabaseService, file: Any) -> None:
    known = db.register_instrument({"name": "dmm", "kind": "measurement", "adapter": "G::1", "class": "K"})
    text = (
        "name,adapter,type,serial_number\ndmm,G::1,measurement,77\ndmm,G::2,measurement,78\npump,,engine,\n"
    )
    report = import_table(db, file(text), things="equipment")
    assert [entry.verb for entry in report.entries] == ["changed", "made", "refused"]
    assert "type: 'engine' is not one of movement, measurement" in told(report)[2]
    assert db.equipment.count() == 1
    assert import_table(db, file(text.replace("engine", "movement")), things="equipment").stored
    assert (db.get_equipment(known.id).serial_number, db.get_equipment(known.id).pybirch_class) == ("77", "K")
    assert db.equipment.count() == 3
    assert {one["status"] for one in db.equipment.snapshot()} == {"disconnected"}


def test_a_toml_file_is_a_table_too(db: DatabaseService, file: Any) -> None:
    text = '[[sample]]\nsample_id = "A"\ntags = ["x", "y"]\n[[sample]]\nsample_id = "B"\nmaterial = 3\n'
    report = import_table(db, file(text, "lab.toml"), things="samples")
    assert told(report) == ["sample 1: made A", "sample 2: refused B: material: 3 is not text"]
    assert import_table(db, file(text.replace("= 3", "= 'Si'"), "lab.toml"), things="samples").stored
    for wrong in ("a = 1", "[[a]]\nx=1\n[[b]]\nx=1", "[["):
        with pytest.raises(FieldError):
            read_table(file(wrong, "lab.toml"))


def test_a_file_that_is_too_large_is_not_read(file: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from database.importers import tables

    with pytest.raises(FieldError, match="larger than 3"):
        tables.read_bytes(file("1234"), 3)


def test_a_sample_that_somebody_edits_meanwhile(db: DatabaseService, file: Any) -> None:
    db.samples.create(sample_id="a", additional_tags=["old"])
    table = file("sample_id,tags\na,old;new\n")
    with meanwhile(partial(db.samples.update, "a", additional_tags=["new", "own"])) as other:
        report = import_table(db, table, things="samples")
    assert (other.error, report.stored) == (None, True)
    assert db.samples.get("a").additional_tags == ["new", "own"]
