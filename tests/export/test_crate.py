"""ELN archives, read by rocrate, and held against what the ELN consortium's own check asks for."""

from __future__ import annotations

import hashlib
import json
import tracemalloc
import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from rocrate.rocrate import ROCrate

from database.images import ImageStore
from database.services import DatabaseService
from database.services.collecting import project_collection, scan_collection
from pybirch.errors import FieldError, NotFoundError
from pybirch.export import Collection, export
from pybirch.export.collection import Attachment, PictureFacts, SampleFacts
from tests.export.shelf import map_of, nothing, odd, readings, renamed, with_arrays

DATASET = ("name", "dateCreated", "dateModified", "identifier", "text", "keywords")


def opened(file: Path, folder: Path) -> Path:
    """The one root folder of an archive, unpacked, its files as it says they are."""
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        [root] = {name.split("/")[0] for name in archive.namelist()}
        assert root == file.stem
        archive.extractall(folder)
    crate = json.loads((folder / root / "ro-crate-metadata.json").read_text(encoding="utf-8"))
    nodes = {node["@id"]: node for node in crate["@graph"]}
    assert len(nodes) == len(crate["@graph"])
    assert {"version", "sdPublisher", "conformsTo"} <= set(nodes["ro-crate-metadata.json"])
    listed = set(_files(nodes, nodes["./"], folder / root))
    there = {str(p.relative_to(folder / root)) for p in (folder / root).rglob("*") if p.is_file()}
    assert listed == there - {"ro-crate-metadata.json"}
    return folder / root


def _files(nodes: dict[str, Any], node: dict[str, Any], root: Path) -> list[str]:
    found = []
    for part in node.get("hasPart", []):
        child = nodes[part["@id"]]
        if child["@type"] == "Dataset":
            assert all(key in child for key in DATASET), child
            found += _files(nodes, child, root)
        else:
            content = (root / child["@id"]).read_bytes()
            assert child["sha256"] == hashlib.sha256(content).hexdigest()
            assert child["contentSize"] == str(len(content))
            found.append(child["@id"])
    return found


def test_one_scan_has_its_data_and_its_sample(tmp_path: Path) -> None:
    facts = {"owner": "Ada", "user_fields": {"bias": 3, "note": {"a": 1}}, "tags": ("thin",)}
    root = opened(export(renamed(with_arrays(), **facts), tmp_path / "scan.eln"), tmp_path / "out")
    data = with_arrays()
    assert np.array_equal(pd.read_csv(root / "a_scan-S" / "iv.csv")["v (V)"], data.to_pandas()["v (V)"])
    with h5py.File(root / "a_scan-S" / "data.h5") as file:
        assert "iv/arrays/frame_1_1" in file
    crate = ROCrate(root)
    scan = crate.dereference("a_scan-S/")
    assert scan["author"]["name"] == "Ada"
    assert {one["propertyID"]: one["value"] for one in scan["variableMeasured"]} == {
        "bias": 3,
        "note": '{"a": 1}',
    }
    assert scan["mentions"]["name"] == "S1"
    assert scan["keywords"] == "thin"


def test_odd_names_and_no_readings(tmp_path: Path) -> None:
    root = opened(
        export(Collection.of(odd(), renamed(nothing(), scan_id="T")), tmp_path / "a.eln"), tmp_path / "b"
    )
    assert (root / "a_scan-S" / "a_b_c.d.csv").exists()
    assert json.loads((root / "a_scan-T" / "scan.json").read_text())["status"] == "queued"


def test_large_measurements_are_hdf5_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pybirch.export.crate.MOST_CSV", 10)
    root = opened(export(map_of(rows=6), tmp_path / "a.eln"), tmp_path / "out")
    assert {file.name for file in (root / "a_scan-S").iterdir()} == {"data.h5", "scan.json"}


def test_files_go_along_under_safe_names(tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(b"\x89PNG")
    files = [Attachment("../../photo.png", tmp_path / "photo.png", "the chip")]
    root = opened(export(Collection("t", [], files=files), tmp_path / "a.eln"), tmp_path / "out")
    assert (root / "files" / "photo.png").read_bytes() == b"\x89PNG"


def test_a_project_is_its_scans_and_samples(tmp_path: Path) -> None:
    with DatabaseService(tmp_path / "lab.db") as db:
        project = db.projects.create(name="graphene", description="flakes")
        db.samples.create(sample_id="F/7", material="C", project_id=project.id, description="a flake")
        db.scans.create(scan_id="S", scan_name="same", project_id=project.id)
        db.scans.create(scan_id="T", scan_name="same", project_name="graphene")
        db.scans.create(scan_id="U", scan_name="same")
        db.readings.append("S", [readings()])
        told: list[float] = []
        file = export(project_collection(db, "graphene"), tmp_path / "p.eln", progress=told.append)
        assert told == sorted(told)
        assert told[-1] == 1
        with pytest.raises(NotFoundError, match="no project 'other'"):
            project_collection(db, "other")
    root = opened(file, tmp_path / "out")
    assert {folder.name for folder in root.iterdir() if folder.is_dir()} == {"same-S", "same-T", "samples"}
    assert json.loads((root / "samples" / "F_7" / "sample.json").read_text())["description"] == "a flake"
    crate = ROCrate(root)
    assert crate.name == "graphene"
    assert crate.description == "flakes"


def picture(folder: Path, content: bytes, caption: str = "", media_type: str = "image/png") -> PictureFacts:
    digest = hashlib.sha256(content).hexdigest()
    path = folder / f"{digest}.image"
    path.write_bytes(content)
    return PictureFacts(path=path, media_type=media_type, digest=digest, size=len(content), caption=caption)


def test_a_sample_has_its_pictures(tmp_path: Path) -> None:
    pictures = (
        picture(tmp_path, b"cover", "Flake/1"),
        picture(tmp_path, b"2", "flake 1"),
        picture(tmp_path, b"3", "Flake/1", "image/jpeg"),
        picture(tmp_path, b"4"),
        picture(tmp_path, b"5"),
        picture(tmp_path, b"6", "sample"),
    )
    sample = SampleFacts(ID="S1", description="a flake", pictures=pictures)
    root = opened(
        export(Collection("t", [with_arrays], samples=[sample]), tmp_path / "a.eln"), tmp_path / "o"
    )
    crate = ROCrate(root)
    described = crate.dereference("samples/S1/")
    names = ["Flake_1.png", "flake_1_2.png", "Flake_1.jpg", "picture.png", "picture_2.png", "sample.png"]
    assert [one.id for one in described["image"]] == [f"samples/S1/{name}" for name in names]
    assert {one["encodingFormat"] for one in described["image"]} == {"image/png", "image/jpeg"}
    assert described["image"][0]["description"] == "Flake/1"
    assert (root / "samples/S1/Flake_1.png").read_bytes() == b"cover"
    assert crate.dereference("a_scan-S/")["mentions"] == described, "the scan's sample is the same"
    assert described["text"] == "a flake", "what the record knows, not only what the scan was told"
    told = json.loads((root / "samples/S1/sample.json").read_text())["pictures"]
    assert [one["file"] for one in told] == names
    assert told[0]["sha256"] == pictures[0].digest


def test_a_picture_that_is_gone_is_told_and_holds_nothing_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lost = replace(picture(tmp_path, b"lost", "lost"), path=tmp_path / "gone.image")
    sample = SampleFacts(ID="S1", pictures=(lost, picture(tmp_path, b"kept", "kept")))
    root = opened(export(Collection("t", [], samples=[sample]), tmp_path / "a.eln"), tmp_path / "out")
    told = json.loads((root / "samples/S1/sample.json").read_text())["pictures"]
    assert [one["file"] for one in told] == [None, "kept.png"]
    assert "gone.image is not there" in caplog.text


def test_pictures_are_copied_piece_by_piece(tmp_path: Path) -> None:
    big = picture(tmp_path, bytes(30_000_000), "big")
    sample = SampleFacts(ID="S1", pictures=(big,))
    export(Collection("t", []), tmp_path / "imports.eln")
    tracemalloc.start()
    export(Collection("t", [], samples=[sample]), tmp_path / "a.eln")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def test_a_project_has_the_pictures_of_its_samples_and_of_its_scans_samples(tmp_path: Path) -> None:
    images = ImageStore(tmp_path / "images")
    with DatabaseService(tmp_path / "lab.db") as db:
        project = db.projects.create(name="graphene")
        own = db.samples.create(sample_id="own", project_id=project.id)
        lent = db.samples.create(sample_id="lent", description="of another project")
        scan = db.scans.create(scan_id="S", project_id=project.id, sample_id=lent.id)
        for sample, colour in ((own, "red"), (own, "blue"), (lent, "green")):
            db.pictures.add(sample.id, images.keep(png(colour)), caption=colour)
        both = export(project_collection(db, "graphene", images), tmp_path / "p.eln")
        one = export(scan_collection(db, [scan.scan_id], images), tmp_path / "s.eln")
    root = opened(both, tmp_path / "out")
    there = {str(path.relative_to(root)) for path in root.rglob("*.png")}
    assert there == {f"samples/{name}.png" for name in ("own/red", "own/blue", "lent/green")}
    assert (root / "samples/own/red.png").read_bytes() == png("red")
    assert [path.name for path in opened(one, tmp_path / "out").rglob("*.png")] == ["green.png"]


def png(colour: str) -> bytes:
    made = BytesIO()
    Image.new("RGB", (8, 6), colour).save(made, "PNG")
    return made.getvalue()


def test_several_scans_are_an_eln_or_nothing(tmp_path: Path) -> None:
    with pytest.raises(FieldError, match=r"^format: several scans"):
        export(Collection.of(map_of(rows=6)), tmp_path / "a.csv")


def test_samples_whose_ids_differ_by_a_sign_alone_are_all_there(tmp_path: Path) -> None:
    ids = ["α", "β", "Bi2Te3 #1", "Bi2Te3/1"]
    path = export(Collection("t", [], samples=[SampleFacts(ID=one) for one in ids]), tmp_path / "c.eln")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        told = [json.loads(archive.read(name))["ID"] for name in names if name.endswith("sample.json")]
    assert len(names) == len(set(names))
    assert told == ids
