from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from database.migrations import runner
from database.services import DatabaseService
from database.services.search import words_of
from database.session import Database
from pybirch.errors import FieldError

TREE = [
    {
        "type": "movement",
        "instrument": {"name": "Kryostat 4", "nickname": "cold finger", "class": "Lakeshore", "adapter": ""},
        "positions": [1.0, 2.0],
        "children": [{"type": "measurement", "instrument": {"name": "Keithley", "adapter": "GPIB0::24"}}],
    }
]


def found(db: DatabaseService, words: str, **wish: Any) -> list[str]:
    return [str(hit.id) for hit in db.search(words, **wish)]


@pytest.fixture
def lab(db: DatabaseService) -> DatabaseService:
    db.scans.create(
        scan_id="S1",
        scan_name="IV-Kurve bei 4K",
        project_name="Müller's thesis",
        owner="ada",
        additional_tags=["gold_contact", "2nd try"],
        extra_data={"user_fields": {"Dewar": "blue\nC:\\new", "run": 17}, "error": "tripped"},
        scan_tree_data=TREE,
    )
    db.samples.create(
        sample_id="W-102",
        material="GaAs",
        description="etched in HF, see page 7",
        additional_tags=["gold_contact"],
    )
    db.queues.create(queue_id="Q1", name="night of the gold")
    db.equipment.create(name="Keithley", type="measurement", adapter="GPIB0::24", nickname="smu")
    return db


@pytest.mark.parametrize(
    "words",
    [
        *("iv", "kurv", "KURVE 4k", "muller", "Müller's", "MÜLLER ada", "gold contact", "2nd"),
        *("dewar", "blue", "new", "17", "kryostat", "cold fing", "lakeshore", "gpib0::24", "S1 ada iv"),
    ],
)
def test_a_scan_is_found_by_what_was_said_of_it(lab: DatabaseService, words: str) -> None:
    assert found(lab, words, kinds=["scan"]) == ["S1"]


@pytest.mark.parametrize(
    "words", ["urve", "iv gaas", "positions", "children", "movement", "tripped", "nblue", "zzz"]
)
def test_and_not_by_what_was_not(lab: DatabaseService, words: str) -> None:
    assert found(lab, words, kinds=["scan"]) == []


def test_all_kinds_and_those_asked_for(lab: DatabaseService) -> None:
    assert {(hit.kind, hit.id) for hit in lab.search("gold")} == (
        {("scan", "S1"), ("sample", "W-102"), ("queue", "Q1")}
    )
    assert found(lab, "w-102") == ["W-102"]
    assert found(lab, "etched gaas 7") == ["W-102"]
    assert found(lab, "keithley", kinds="instrument") == [str(lab.equipment.list()[0].id)]
    assert list(lab.search.by_kind("keithley")) == ["scan", "instrument"]
    with pytest.raises(FieldError, match="kinds"):
        lab.search("x", kinds=["person"])


def test_what_a_hit_tells(lab: DatabaseService) -> None:
    [hit] = lab.search("kurve")
    assert (hit.title, hit.note, hit.status, hit.archived) == (
        ("IV-Kurve bei 4K", "Müller's thesis", "queued", False)
    )
    assert hit.created_at.tzinfo is not None
    assert lab.search("smu")[0].status == ""


def test_whole_words_of_the_title_come_first_then_its_beginnings_then_the_newest(db: DatabaseService) -> None:
    names = ["map iv", "iv2 sweep", "a hall map", "iv sweep", "x"]
    for number, name in enumerate(names):
        db.scans.create(scan_id=f"S{number}", scan_name=name, owner="iv" if name == "x" else "")
    db.scans.create(scan_id="S5", project_name="iv of gold")
    order = ["S3", "S0", "S1", "S5", "S4"]
    assert found(db, "iv") == order
    for at in range(6):
        assert found(db, "iv", limit=2, offset=at) == order[at : at + 2]
    assert found(db, "iv", limit=0) == []


def test_archived_only_when_asked(lab: DatabaseService) -> None:
    lab.scans.archive("S1")
    assert found(lab, "kurve") == []
    [hit] = lab.search("kurve", archived=True)
    assert hit.archived
    lab.scans.update("S1", archived_at=None)
    assert found(lab, "kurve") == ["S1"]


def test_changes_by_any_path_are_found_by_the_new_words_only(lab: DatabaseService) -> None:
    lab.scans.update("S1", scan_name="Hall bar", user_fields={"Dewar": "green"})
    assert (found(lab, "kurve"), found(lab, "blue")) == ([], [])
    assert found(lab, "hall green muller") == ["S1"]
    with lab.database.write() as session:
        session.execute(text("UPDATE scans SET owner = 'grace' WHERE scan_id = 'S1'"))
        session.execute(text("UPDATE samples SET material = 'InSb'"))
    assert (found(lab, "grace"), found(lab, "ada")) == (["S1"], [])
    assert (found(lab, "insb"), found(lab, "gaas")) == (["W-102"], [])
    with lab.database.write() as session:
        session.execute(text("DELETE FROM scans"))
    assert found(lab, "hall") == []


def test_a_change_that_is_taken_back_is_not_found(lab: DatabaseService) -> None:
    def work(session: Session) -> None:
        session.execute(text("UPDATE scans SET owner = 'grace'"))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        lab.database.transact(work)
    assert (found(lab, "grace"), found(lab, "ada")) == ([], ["S1"])


def test_counting_points_does_not_touch_the_index(lab: DatabaseService) -> None:
    with lab.database.write() as session:
        session.execute(text("DELETE FROM search_scans"))
    lab.readings.append("S1", [], progress=0.5)
    assert found(lab, "kurve") == []


ODD = [
    *(
        '"',
        "'",
        '"" OR *',
        "a AND",
        "NOT",
        "(",
        "x:y",
        "title : iv",
        "* ^",
        "-",
        "\\",
        "%",
        "_",
        "\x00",
        "🧪",
    ),
    *(
        "\ud800",
        "a\x00b",
        "' & !",
        "<->",
        ":*",
        "{}",
        "NEAR(",
        "iv\u200b",
        "﷽",
        "x" * 5000,
        " ".join("abc" * 99),
    ),
]


@pytest.mark.parametrize("words", ODD)
def test_no_query_is_an_error(lab: DatabaseService, words: str) -> None:
    lab.search(words)
    assert found(lab, f"kurve {words}", kinds=["scan"]) in ([], ["S1"])


def test_operators_are_words(lab: DatabaseService) -> None:
    lab.scans.create(scan_id="S2", scan_name="this and that")
    assert found(lab, "that AND") == ["S2"]
    assert found(lab, "kurve AND that") == []
    assert found(lab, "") == found(lab, " ' ") == []


@given(st.text(max_size=30))
@settings(deadline=None, max_examples=200)
def test_the_words_of_a_query_hold_letters_and_digits_only(text: str) -> None:
    assert all(word.isalnum() for word in words_of(text))


def test_odd_rows_are_stored_and_found(db: DatabaseService) -> None:
    for number, name in enumerate(["Ωmega µV", "日本語 測定", "x" * 255, "naïve É", "ﬁlm"]):
        db.scans.create(
            scan_id=f"S{number}", scan_name=name, extra_data={"user_fields": {"nul": "a\x00b", "t": "%s"}}
        )
    asked = {"μv": "S0", "日本": "S1", "測定": "S1", "xxx": "S2", "naive e": "S3", "NAÏVE": "S3"}
    for words, scan_id in asked.items():
        assert found(db, words) == [scan_id], words
    db.samples.create(sample_id="long", description=" ".join(f"w{i}" for i in range(300_000)))
    assert found(db, "w77") == ["long"]


def test_the_migration_takes_in_what_is_there_and_can_be_undone(empty_place: str) -> None:
    with DatabaseService(empty_place) as db:
        db.scans.create(scan_id="old", scan_name="before the index", scan_tree_data=TREE)
        db.scans.create(scan_id="gone", scan_name="before, archived", archived_at="2024-01-01")
        db.samples.create(sample_id="W1", material="before", additional_tags=["etched"])
    database = Database(empty_place)
    runner.downgrade(database, "0011")
    runner.upgrade(database)
    with DatabaseService(empty_place, migrate=False) as db:
        assert found(db, "before") == ["old", "W1"] or found(db, "before") == ["W1", "old"]
        assert found(db, "before index keithley") == ["old"]
        assert found(db, "before etched") == ["W1"]
        assert "gone" in found(db, "before", archived=True)
        db.scans.update("old", scan_name="renamed")
        assert (found(db, "renamed"), found(db, "index")) == (["old"], [])
    database.dispose()


def test_a_sample_is_found_by_the_tags_it_has_now(db: DatabaseService) -> None:
    db.samples.create(sample_id="W7", additional_tags=["annealed"])
    db.samples.update("W7", additional_tags=["etched", "annealed"])
    assert found(db, "etched annealed") == ["W7"]
    db.samples.update("W7", additional_tags=["etched"])
    assert found(db, "annealed") == []
    assert found(db, "W7 etched") == ["W7"]


def test_equipment_is_found_by_what_is_written_on_it(db: DatabaseService) -> None:
    db.equipment.create(name="lockin", type="measurement", manufacturer="Stanford", serial_number="SN-4711")
    assert len(found(db, "stanford 4711")) == 1
