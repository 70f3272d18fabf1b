from __future__ import annotations

from functools import partial

import pytest

from database.services import DatabaseService
from database.services.equipment import HISTORY_KEPT
from pybirch.errors import FieldError, NotFoundError
from pybirch.instruments.movement import Movement
from pybirch.states import InstrumentState
from tests.database.racing import at_once, meanwhile


class Stage(Movement):
    pass


def test_an_instrument_is_one_row_for_name_and_address(db: DatabaseService) -> None:
    stage = Stage("stage", "mm", adapter="ASRL1", limits=(0, 50))
    row = db.register_instrument(stage)
    assert (row.name, row.adapter, row.type, row.pybirch_class) == ("stage", "ASRL1", "movement", "Stage")
    assert row.specifications["limits"] == [0, 50]
    stage.settings = {"speed": 3}
    again = db.register_instrument(stage.describe() | {"kind": "movement", "settings": stage.settings})
    assert again.id == row.id
    assert again.specifications["settings"] == {"speed": 3}
    other = db.register_instrument(Stage("stage", "mm", adapter="ASRL2"))
    assert other.id != row.id
    assert [e.id for e in db.get_instruments_by_type("movement")] == [row.id, other.id]
    assert db.get_instruments_by_type("measurement") == []


@pytest.mark.parametrize(
    ("described", "field"),
    [({"kind": "movement"}, "name"), ({"name": "x"}, "kind"), ({"name": "x", "kind": "toaster"}, "type")],
)
def test_bad_descriptions_are_refused(db: DatabaseService, described: dict[str, str], field: str) -> None:
    with pytest.raises(FieldError) as caught:
        db.equipment.register(described)
    assert caught.value.field == field


def test_status_is_one_row_and_history_only_changes(db: DatabaseService) -> None:
    number = db.register_instrument({"name": "dmm", "kind": "measurement", "adapter": "G::1"}).id
    db.update_instrument_status(number, "idle", value={"voltage (V)": 1.5}, settings={"range": 10})
    db.update_instrument_status(number, "measuring")
    db.update_instrument_status(number, "measuring", value={"voltage (V)": float("nan")})
    failed = db.equipment.set_status(number, "error", error="no answer")
    assert (failed.status, failed.error_message) == (InstrumentState.ERROR, "no answer")
    assert (failed.value, failed.current_settings) == ({"voltage (V)": None}, {"range": 10})
    assert failed.last_connected is not None
    equipment = db.get_equipment(number)
    assert equipment.status.status is InstrumentState.ERROR
    assert [change.status.value for change in equipment.status_history] == ["idle", "measuring", "error"]
    assert db.equipment.set_status(number, "idle").error_message is None


def test_the_snapshot_is_what_screens_show(db: DatabaseService) -> None:
    number = db.register_instrument(Stage("stage", "mm", adapter="A", limits=(0, 5))).id
    db.equipment.set_status(number, "moving", position={"stage (mm)": 1.0}, target={"stage (mm)": 2.0})
    [shown] = db.equipment.snapshot()
    assert shown["updated_at"].endswith("Z")
    del shown["updated_at"]
    assert shown == {
        "instrument_id": number,
        "name": "stage",
        "nickname": "stage",
        "kind": "movement",
        "adapter": "A",
        "pybirch_class": "Stage",
        "units": "mm",
        "limits": [0, 5],
        "status": "moving",
        "position": {"stage (mm)": 1.0},
        "target": {"stage (mm)": 2.0},
        "value": None,
        "error": None,
    }


def test_history_does_not_grow_for_ever(db: DatabaseService, monkeypatch: pytest.MonkeyPatch) -> None:
    assert HISTORY_KEPT >= 100
    monkeypatch.setattr("database.services.equipment.HISTORY_KEPT", 10)
    number = db.register_instrument({"name": "dmm", "kind": "measurement"}).id
    for i in range(128):
        db.equipment.set_status(number, "busy" if i % 2 else "idle")
    assert len(db.get_equipment(number).status_history) <= 10 + 64


def test_unknown_states_and_instruments_are_named(db: DatabaseService) -> None:
    number = db.register_instrument({"name": "dmm", "kind": "measurement"}).id
    with pytest.raises(FieldError, match="status"):
        db.equipment.set_status(number, "happy")
    with pytest.raises(NotFoundError):
        db.equipment.set_status(99, "idle")
    with pytest.raises(FieldError, match="type"):
        db.get_instruments_by_type("toaster")


def test_a_sample_by_text_or_number(db: DatabaseService) -> None:
    row = db.create_sample(sample_id="W1", material="Si")
    assert db.get_sample_by_id("W1").id == db.get_sample_by_id(row.id).id == row.id
    with pytest.raises(NotFoundError):
        db.get_sample_by_id("W2")


def test_the_first_status_of_an_instrument_told_twice_at_once(db: DatabaseService) -> None:
    for number in range(8):
        row = db.equipment.create(name=f"dmm {number}", type="measurement")
        assert at_once(*[partial(db.equipment.set_status, row.id, "idle")] * 4) == []
        assert [change.status for change in db.equipment.get(row.id).status_history] == ["idle"]


def test_a_change_of_status_told_twice_at_once_is_one(db: DatabaseService) -> None:
    number = db.register_instrument({"name": "dmm", "kind": "measurement"}).id
    db.equipment.set_status(number, "idle")
    with meanwhile(partial(db.equipment.set_status, number, "measuring")) as other:
        db.equipment.set_status(number, "measuring")
    assert other.error is None
    assert [change.status for change in db.equipment.get(number).status_history] == ["idle", "measuring"]
