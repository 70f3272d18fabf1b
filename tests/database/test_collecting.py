"""What belongs to a project, and its data taken out again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from database.services import DatabaseService
from database.services.collecting import project_collection
from pybirch.errors import NotFoundError
from pybirch.export import FORMATS, export


@pytest.fixture
def project(db: DatabaseService, make_readings: Any) -> Any:
    row = db.projects.create(name="flakes", description="graphene")
    db.samples.create(sample_id="F7", material="C", additional_tags=["thin"], project_id=row.id)
    db.samples.create(sample_id="other")
    db.scans.create(scan_id="S1", scan_name="by number", project_id=row.id)
    db.scans.create(scan_id="S2", scan_name="by name", project_name="flakes")
    db.scans.create(scan_id="S3", scan_name="by both", project_name="flakes", project_id=row.id)
    db.scans.create(scan_id="S4", scan_name="of another", project_name="chips")
    db.readings.append("S1", [make_readings(0, 500)])
    return row


def test_a_project_has_its_scans_once_and_its_samples(db: DatabaseService, project: Any) -> None:
    found = project_collection(db, "flakes")
    assert (found.title, found.description) == ("flakes", "graphene")
    assert [get().source.facts().scan_id for get in found.scans] == ["S1", "S2", "S3"]
    assert [(sample.ID, sample.tags) for sample in found.samples] == [("F7", ("thin",))]
    assert len(project_collection(db, project.id).scans) == 3


def test_a_project_that_only_scans_name_is_one(db: DatabaseService, project: Any) -> None:
    assert len(project_collection(db, "chips").scans) == 1
    with pytest.raises(NotFoundError, match="no project 'none'"):
        project_collection(db, "none")


@pytest.mark.parametrize("name", list(FORMATS))
def test_every_format_reads_the_database(
    name: str, db: DatabaseService, project: Any, tmp_path: Path
) -> None:
    file = export(db.data("S1"), tmp_path / f"a{FORMATS[name].suffix}")
    assert file.stat().st_size > 1000
    if name == "parquet":
        expected = db.data("S1").to_pandas()
        read = pd.read_parquet(file)
        for column in expected:
            assert np.array_equal(np.stack(read[column]), np.stack(expected[column]), equal_nan=True)
