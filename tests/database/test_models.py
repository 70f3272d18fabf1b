from __future__ import annotations

import subprocess
import sys

import pytest

import database.models
from database.models import Sample, Scan
from pybirch.samples import Sample as CoreSample

CONTRACT = [name for name in database.models.__all__ if name not in ("Base", "Role", "EquipmentType")]


@pytest.mark.parametrize("name", CONTRACT)
def test_every_model_is_found_by_name(name: str) -> None:
    assert getattr(database.models, name).__name__ == name
    assert name in dir(database.models)


def test_the_contracts_names_are_there() -> None:
    promised = {"Lab", "Project", "User", "Sample", "Equipment", "InstrumentStatus", "ScanTemplate"}
    promised |= {"QueueTemplate", "Scan", "Queue", "QueueLog", "MeasurementObject", "Analysis"}
    assert promised | {"MeasurementDataPoint", "MeasurementDataArray"} <= set(CONTRACT)


def test_an_unknown_model_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Unicorn"):
        _ = database.models.Unicorn  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "line",
    [
        "from database.models import Scan; Scan(scan_id='a')",
        "from database.models.user import User; User(username='a')",
        "import database.models, sys; assert 'sqlalchemy' not in sys.modules",
        "import database.services, sys; assert 'sqlalchemy' not in sys.modules",
        "import database.services.service, sys;"
        "assert not {'flask', 'pandas', 'alembic', 'blosc2', 'werkzeug'} & set(sys.modules)",
    ],
)
def test_models_stand_alone_and_load_late(line: str) -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", line], check=True, timeout=60)


def test_a_sample_goes_to_the_record_and_back() -> None:
    core = CoreSample("S-1", "GaAs", ["wafer 3"], "pictures/s1.png")
    row = Sample.from_pybirch_sample(core, description="cleaved", material="InAs")
    assert (row.sample_id, row.material, row.description) == ("S-1", "InAs", "cleaved")
    assert row.to_pybirch_sample() == CoreSample("S-1", "InAs", ["wafer 3"], "pictures/s1.png")


def test_a_scan_gives_back_its_settings() -> None:
    scan = Scan(
        scan_id="a",
        project_name="p",
        scan_name="n",
        scan_type="t",
        job_type="j",
        scan_tree_data=[],
        additional_tags=["x"],
        extra_data={"user_fields": {"T": 4.2}, "extensions": [], "error": "broke"},
    )
    assert scan.error == "broke"
    assert scan.settings["user_fields"] == {"T": 4.2}
    assert scan.settings["scan_tree"] == []
