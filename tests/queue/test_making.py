from __future__ import annotations

from typing import Any

import pytest

from pybirch.database_integration.sync.edits import edit
from pybirch.errors import FieldError
from pybirch.queue.journal import QueueExtension
from pybirch.queue.making import add_to, changed_queue, kept_of, make_scan, make_scans
from pybirch.queue.queue import Queue, ScanState
from pybirch.samples import Sample
from pybirch.scan.scan import Scan
from tests.lab import PATIENCE, Meter, Stage, line, settings


def scan(name: str = "a", **known: Any) -> Scan:
    return Scan(settings(line(Stage(), Meter(), 3), name), **known)


def night() -> dict[str, Any]:
    """Two scans, the second after the first, as a template keeps them."""
    queue = Queue("q")
    first = queue.enqueue(scan("a", sample=Sample("S-1", "GaAs"), owner="ada"), {"priority": 5})
    queue.enqueue(scan("b"), {"after": [first]})
    return kept_of(queue.serialize())


def test_a_scan_is_made_anew_with_the_instruments_that_are_here() -> None:
    stage, meter = Stage(), Meter()
    old = scan().settings.serialize()
    made = make_scan(old, [stage, meter], {"scan_tree[0].positions": [5.0]}, sample=Sample("S-2"))
    made.run()
    assert stage.visited == [5.0]
    assert (made.sample.ID, made.instruments) == ("S-2", [stage, meter])  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"scan_name": ""}, "scan_name"),
        ({"scan_tree[0].positions": [0, "one"]}, "scan_tree[0].positions[1]"),
        ({"scan_tree[0].children[0].instrument.name": "gone"}, "scan_tree[0].children[0].instrument.name"),
        ({"scan_tree[0].positions[0]": 99.0}, "scan_tree[0].positions[0]"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], field: str) -> None:
    here = [Stage(limits=(0, 10)), Meter()]
    with pytest.raises(FieldError) as refused:
        make_scan(scan().settings.serialize(), here, changes)
    assert refused.value.field == field
    with pytest.raises(FieldError) as refused:
        make_scans(night(), here, {f"scans[1].{path}": value for path, value in changes.items()})
    assert refused.value.field == f"scans[1].{field}"


def test_a_queue_is_made_anew_on_its_terms() -> None:
    queue = Queue("other", [scan("there")])
    made = make_scans(night(), [Stage(), Meter()], {"scans[1].scan_name": "later"})
    first, second = add_to(queue, made, by="eve")
    terms = [handle.terms for handle in queue.handles[1:]]
    assert (terms[0].priority, terms[1].after) == (5, (first,))
    one, other = (queue.get_handle_by_id(key).scan for key in (first, second))
    assert (one.settings.scan_name, other.settings.scan_name) == ("a", "later")
    assert (one.sample.ID, one.owner, other.sample) == ("S-1", "ada", None)  # type: ignore[union-attr]
    queue.start()
    assert queue.wait_for_completion(PATIENCE)
    assert [handle.state for handle in queue.handles] == [ScanState.COMPLETED] * 3
    assert any(entry.message == "a queued by eve" for entry in queue.get_logs())


def test_all_are_queued_or_none() -> None:
    class Full(QueueExtension):
        def scan_added(self, scan: Scan, position: int) -> None:
            if scan.settings.scan_name == "b":
                raise FieldError("scan_name", "the disk is full")

    queue = Queue("q", extensions=[Full()])
    with pytest.raises(FieldError, match="full"):
        add_to(queue, make_scans(night(), [Stage(), Meter()]))
    assert queue.is_empty()


def test_rounds_and_retries_are_no_scans_of_a_template() -> None:
    queue = Queue("q")
    first = queue.enqueue(scan("a"), {"rounds": 2})
    queue.start()
    assert queue.wait_for_completion(PATIENCE)
    queue.restart(first)
    kept = kept_of(queue.serialize())
    assert [(one["settings"]["scan_name"], one["terms"]["rounds"]) for one in kept["scans"]] == [("a", 2)]


def test_one_sample_may_take_the_place_of_all() -> None:
    made = make_scans(night(), [Stage(), Meter()], sample=Sample("S-9"))
    assert [scan.sample.ID for _, scan, _ in made if scan.sample] == ["S-9", "S-9"]


@pytest.mark.parametrize("path", ["scan_name", "scans[2].scan_name", "scans[0]", "scans.x.y"])
def test_changes_of_a_queue_begin_with_the_place_of_a_scan(path: str) -> None:
    with pytest.raises(FieldError) as refused:
        changed_queue(night(), {path: "x"})
    assert refused.value.field == path


def test_a_template_without_scans_is_nothing_to_start() -> None:
    with pytest.raises(FieldError, match="nothing to start"):
        make_scans({"scans": []}, [])


def test_a_station_adds_from_a_template() -> None:
    queue, here = Queue("q"), [Stage(), Meter()]
    told = {"ID": "S-1", "material": "GaAs"}
    given = {"settings": scan().settings.serialize(), "changes": {"scan_name": "new"}, "sample": told}
    answer = edit(queue, "add", given, here, "eve")
    added = queue.get_handle(0).scan
    assert answer == {"added": [added.scan_id]}
    assert (added.settings.scan_name, added.sample.material) == ("new", "GaAs")  # type: ignore[union-attr]
    assert len(edit(queue, "add", {"kind": "queue", "settings": night()}, here, "")["added"]) == 2
