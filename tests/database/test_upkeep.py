from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from database.services import DatabaseService
from pybirch.errors import FieldError, NotFoundError

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@pytest.fixture
def meter(db: DatabaseService) -> int:
    return db.register_instrument({"name": "dmm", "kind": "measurement", "nickname": "Meter"}).id


def test_a_calibration_is_kept_whole(db: DatabaseService, meter: int) -> None:
    made = db.create_calibration(
        equipment_id=meter, performed_at=NOW - DAY, performed_by="Ada", due_at=NOW + 300 * DAY,
        certificate="C-77", notes="in the cellar", parameters={"offset (mV)": 0.12},
    )  # fmt: skip
    db.create_calibration(equipment_id=meter, performed_at=NOW - 400 * DAY)
    first, second = db.upkeep.calibrations.of(meter)
    assert (first.id, first.certificate, first.parameters) == (made.id, "C-77", {"offset (mV)": 0.12})
    assert second.due_at is None


def test_what_is_due_is_told_most_urgent_first(db: DatabaseService, meter: int) -> None:
    old = NOW - 100 * DAY
    db.create_calibration(equipment_id=meter, performed_at=old, due_at=NOW + 10 * DAY)
    db.create_maintenance(equipment_id=meter, what="fan", performed_at=old, due_at=NOW - DAY)
    db.create_maintenance(equipment_id=meter, what="oil", performed_at=old, due_at=NOW + 90 * DAY)
    found = db.upkeep.due()
    assert [(one.kind, one.what, one.overdue, one.name) for one in found] == [
        ("maintenance", "fan", True, "Meter"), ("calibration", "", False, "Meter"),
    ]  # fmt: skip
    assert [one.what for one in db.upkeep.due(365 * DAY)] == ["fan", "", "oil"]
    assert db.upkeep.due(equipment=meter) == found
    assert db.upkeep.due(equipment=meter + 1) == []


def test_only_the_newest_of_its_kind_is_due(db: DatabaseService, meter: int) -> None:
    for days in (400, 3):
        db.create_calibration(
            equipment_id=meter, performed_at=NOW - days * DAY, due_at=NOW + (365 - days) * DAY
        )
        db.create_maintenance(
            equipment_id=meter, what="Fan" if days == 3 else "fan", performed_at=NOW - days * DAY,
            due_at=None if days == 3 else NOW - 200 * DAY,
        )  # fmt: skip
    assert db.upkeep.due() == []
    db.upkeep.calibrations.take_back(meter, db.upkeep.calibrations.of(meter)[0].id)
    assert [one.kind for one in db.upkeep.due()] == ["calibration"]
    db.archive_equipment(meter)
    assert db.upkeep.due() == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"due_at": NOW - 2 * DAY, "performed_at": NOW - DAY}, "due_at"),
        ({"due_at": NOW - DAY}, "due_at"),
        ({"performed_at": "yesterday"}, "performed_at"),
        ({"parameters": 3}, "parameters"),
        ({"equipment_id": 99_999}, "equipment_id"),
    ],
)
def test_wrong_calibrations_are_refused_by_field(
    db: DatabaseService, meter: int, fields: dict[str, object], field: str
) -> None:
    with pytest.raises(FieldError) as caught:
        db.create_calibration(**{"equipment_id": meter, **fields})
    assert caught.value.field == field
    assert db.upkeep.calibrations.count() == 0


def test_maintenance_says_what(db: DatabaseService, meter: int) -> None:
    for fields in ({}, {"what": " "}):
        with pytest.raises(FieldError) as caught:
            db.create_maintenance(equipment_id=meter, **fields)
        assert caught.value.field == "what"


def test_entries_of_others_are_not_taken_back(db: DatabaseService, meter: int) -> None:
    made = db.create_maintenance(equipment_id=meter, what="fan")
    with pytest.raises(NotFoundError):
        db.upkeep.maintenance.take_back(meter + 1, made.id)
    db.upkeep.maintenance.take_back(meter, made.id)
    assert db.upkeep.maintenance.of(meter) == []
