"""Tags, descent and what scripts say of samples."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import text

from database.services import DatabaseService
from pybirch.errors import FieldError, NotFoundError
from pybirch.samples import Sample


def names(rows: list[Any]) -> list[str]:
    return [row.sample_id for row in rows]


def test_tags_are_kept_in_order_and_once(db: DatabaseService) -> None:
    row = db.create_sample(sample_id="A", additional_tags=["wafer", " cold ", "wafer", ""])
    assert row.additional_tags == ["wafer", "cold"]
    row = db.update_sample("A", additional_tags=["new", "wafer"])
    assert row.additional_tags == db.get_sample("A").additional_tags == ["new", "wafer"]
    assert db.update_sample("A", material="Si").additional_tags == ["new", "wafer"]


@pytest.mark.parametrize(
    ("tags", "field"),
    [("word", "additional_tags"), ([3], "additional_tags[0]"), (["x" * 300], "additional_tags[0]"),
     ([str(i) for i in range(101)], "additional_tags")],
)  # fmt: skip
def test_wrong_tags_are_refused_by_name(db: DatabaseService, tags: Any, field: str) -> None:
    with pytest.raises(FieldError) as caught:
        db.create_sample(sample_id="A", additional_tags=tags)
    assert caught.value.field == field
    assert db.samples.count() == 0


def test_samples_are_found_by_tag(db: DatabaseService) -> None:
    db.create_sample(sample_id="A", additional_tags=["cold", "thin"])
    db.create_sample(sample_id="B", additional_tags=["cold"])
    db.create_sample(sample_id="C", additional_tags=["cold", "thin"])
    db.archive_sample("C")
    assert names(db.list_samples(tag="cold")) == ["A", "B"]
    assert names(db.list_samples(tag=["cold", "thin"])) == ["A"]
    assert names(db.list_samples(tag="thin", archived=True)) == ["A", "C"]
    assert db.samples.count(tag="cold", search="b") == 1
    assert db.list_samples(tag="col") == []
    assert db.samples.tags() == {"cold": 2, "thin": 1}


def test_finding_by_tag_uses_its_index(db: DatabaseService) -> None:
    for i in range(300):
        db.create_sample(sample_id=f"S{i}", additional_tags=[f"tag {i % 100}"])
    query = "SELECT sample_id FROM sample_tags WHERE tag = 'tag 7'"
    with db.database.write_connection() as connection:
        if db.database.is_sqlite:
            plan = connection.execute(text(f"EXPLAIN QUERY PLAN {query}")).all()
        else:
            connection.execute(text("SET LOCAL enable_seqscan = off"))
            plan = connection.execute(text(f"EXPLAIN {query}")).all()
    assert "ix_sample_tags_tag" in str(plan)


def test_descent_both_ways(db: DatabaseService) -> None:
    for name in ("wafer", "film"):
        db.create_sample(sample_id=name)
    piece = db.create_sample(sample_id="piece", parents=["wafer", "film"])
    db.create_sample(sample_id="chip", parents=[piece.id])
    assert names(db.samples.parents("piece")) == ["film", "wafer"]
    assert names(db.samples.children("wafer")) == ["piece"]
    db.update_sample("piece", parents=["wafer"])
    assert names(db.samples.parents("piece")) == ["wafer"]
    assert names(db.samples.parents(db.update_sample("piece", material="Si").id)) == ["wafer"]
    db.update_sample("piece", parents=[])
    assert db.samples.parents("piece") == []


@pytest.mark.parametrize(("sample", "parent"), [("a", "a"), ("a", "b"), ("a", "c")])
def test_no_sample_is_made_from_itself(db: DatabaseService, sample: str, parent: str) -> None:
    db.create_sample(sample_id="a")
    db.create_sample(sample_id="b", parents=["a"])
    db.create_sample(sample_id="c", parents=["b"])
    db.create_sample(sample_id="other")
    with pytest.raises(FieldError) as caught:
        db.update_sample(sample, material="changed", parents=["other", parent])
    assert caught.value.field == "parents[1]"
    assert db.get_sample("a").material == ""
    assert db.samples.parents("a") == []


def test_a_parent_that_is_not_there_is_named(db: DatabaseService) -> None:
    with pytest.raises(FieldError, match=r"parents\[0\].*nobody"):
        db.create_sample(sample_id="a", parents=["nobody"])
    assert db.samples.find("a") is None


def test_two_edits_at_once_close_no_ring(db: DatabaseService) -> None:
    """a from b, b from c, c from a, all at once: at least one is refused."""
    for name in "abc":
        db.create_sample(sample_id=name)
    refused: list[str] = []
    begin = threading.Barrier(3)

    def edit(child: str, parent: str) -> None:
        begin.wait(10)
        try:
            db.update_sample(child, parents=[parent])
        except FieldError as error:
            refused.append(error.field)

    threads = [threading.Thread(target=edit, args=pair) for pair in (("a", "b"), ("b", "c"), ("c", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert refused == ["parents[0]"]


def test_a_name_is_needed_and_unique(db: DatabaseService) -> None:
    db.create_sample(sample_id="a")
    for fields in ({"sample_id": "a"}, {"sample_id": "  "}, {"material": "Si"}):
        with pytest.raises(FieldError) as caught:
            db.create_sample(**fields)
        assert caught.value.field == "sample_id"


def test_archived_and_back(db: DatabaseService) -> None:
    db.create_sample(sample_id="a", additional_tags=["x"])
    db.archive_sample("a")
    assert db.list_samples() == []
    assert db.samples.restore("a").archived_at is None
    assert names(db.list_samples(tag="x")) == ["a"]
    with pytest.raises(NotFoundError):
        db.archive_sample("b")


def test_a_change_of_any_kind_has_its_time(db: DatabaseService) -> None:
    row = db.create_sample(sample_id="a")
    tagged = db.update_sample("a", additional_tags=["x"])
    assert tagged.updated_at > row.updated_at
    again = db.samples.take_up(Sample("a", additional_tags=["x"]))
    assert again.updated_at == tagged.updated_at
    assert db.samples.take_up(Sample("a", "Si")).updated_at > tagged.updated_at


def test_a_script_that_runs_again_takes_nobodys_tags_away(db: DatabaseService) -> None:
    db.samples.take_up(Sample("a", "Si", ["diode"]))
    db.update_sample("a", additional_tags=["diode", "broken"])
    assert db.samples.take_up(Sample("a", "Si", ["diode"])).additional_tags == ["diode", "broken"]


def test_scans_of_one_new_sample_at_once(db: DatabaseService) -> None:
    begin = threading.Barrier(4)
    failed: list[Exception] = []

    def take(tag: str) -> None:
        begin.wait(10)
        try:
            db.samples.take_up(Sample("a", additional_tags=["all", tag]))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=take, args=(f"tag {i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failed == []
    assert set(db.get_sample("a").additional_tags) == {"all", *(f"tag {i}" for i in range(4))}
