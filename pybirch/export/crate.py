"""An ELN archive: an RO-Crate of scans in one folder of a zip, as electronic lab notebooks exchange them.

After https://github.com/TheELNConsortium/TheELNFileFormat: a root folder with ro-crate-metadata.json and a
folder a scan. In that: data.h5 with all readings and arrays; a CSV of each measurement that has at most
`MOST_CSV` readings, because notebooks show those; scan.json with everything known of the scan. Samples have
a folder each, with sample.json and their pictures.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import pybirch
from pybirch.dataset.libraries import library
from pybirch.export.contents import count_of, parts_of
from pybirch.export.names import file_name, unlike
from pybirch.export.progress import Progress, Tell

if TYPE_CHECKING:
    from pybirch.dataset.facts import ScanFacts
    from pybirch.dataset.measurement import MeasurementData
    from pybirch.dataset.scan import ScanData
    from pybirch.export.collection import Collection, PictureFacts, SampleFacts

log = logging.getLogger(__name__)

MOST_CSV = 100_000
PICTURES = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp", "image/gif": ".gif"}
COMPACT = (".h5", ".zip", *PICTURES.values())
"""Suffixes of what a zip would not make smaller."""
METADATA = "ro-crate-metadata.json"
LICENCE = "None is stated: ask whoever measured it."
PROGRAM = "#pybirch"


def write(
    collection: Collection,
    file: Path,
    root: str,
    measurement: str | None = None,
    all_readings: bool = False,
    tell: Tell | None = None,
) -> None:
    """Write the archive.

    Args:
        root: name of the folder in it.
    """
    crate = library("rocrate.rocrate").ROCrate(version="1.1")
    with (
        ZipFile(file, "w", ZIP_DEFLATED, compresslevel=1) as archive,
        TemporaryDirectory(prefix=f"{file.name}.", dir=file.parent) as folder,
    ):
        writer = _Writer(archive, crate, file_name(root, suffix=""), Path(folder), collection.samples)
        writer.describe(collection)
        progress = Progress(len(collection.scans), tell)
        for number, get in enumerate(collection.scans):
            with _share(progress, number) as part:
                writer.add_scan(get(), measurement, all_readings, part)
        for sample in collection.samples:
            writer.add_sample(sample)
        names = unlike([each.name for each in collection.files], lambda name: file_name(name, suffix=""))
        for each in collection.files:
            writer.add_file(None, f"files/{names[each.name]}", each.path, each.description)
        writer.finish()


@contextmanager
def _share(progress: Progress, number: int) -> Iterator[Tell]:
    """What one scan tells, as its share of the whole."""
    told = 0.0

    def tell(share: float) -> None:
        nonlocal told
        progress.add(max(0.0, share - told))
        told = max(told, share)

    yield tell
    tell(1.0)


class _Writer:
    """An archive that is being written, and what is said of it."""

    def __init__(
        self, archive: ZipFile, crate: Any, root: str, folder: Path, samples: Sequence[SampleFacts]
    ) -> None:
        self._archive = archive
        self._crate = crate
        self._root = root
        self._folder = folder
        self._known = {sample.ID: sample for sample in samples}
        self._samples: dict[str, Any] = {}
        self._places: set[str] = set()
        self._people: dict[str, Any] = {}

    def describe(self, collection: Collection) -> None:
        crate = self._crate
        program = self._context(PROGRAM, "SoftwareApplication", name="PyBirch", version=pybirch.__version__)
        crate.metadata["sdPublisher"] = program
        crate.metadata["version"] = "1.0"
        crate.metadata["dateCreated"] = _now()
        crate.name = collection.title
        crate.description = collection.description or collection.title
        crate.license = LICENCE

    def add_scan(
        self, data: ScanData | MeasurementData, measurement: str | None, all_readings: bool, tell: Tell
    ) -> None:
        from pybirch.export.exporting import export

        facts = data.source.facts()
        place = file_name(facts.name, facts.scan_id, suffix="")
        parts = parts_of(data, measurement, all_readings)
        dataset = self._dataset(place, facts)
        made = self._folder / "data.h5"
        choice = {"measurement": measurement, "all_readings": all_readings}
        export(data, made, progress=lambda share: tell(share / 2), **choice)
        self.add_file(dataset, f"{place}/data.h5", made, "all readings and arrays, as HDF5")
        made.unlink()
        names = unlike([part.name for part in parts], lambda name: file_name(name, suffix=""), ("data",))
        for part in parts:
            if count_of((part,)) <= MOST_CSV:
                made = export(part, self._folder / "part.csv", all_readings=all_readings)
                self.add_file(dataset, f"{place}/{names[part.name]}.csv", made, f"readings of {part.name}")
                made.unlink()
        text = json.dumps(facts.as_json(), default=str, indent=2, ensure_ascii=False)
        self._add_text(dataset, f"{place}/scan.json", text, "what is known of the scan, with its settings")

    def add_sample(self, sample: SampleFacts) -> None:
        if sample.ID in self._samples:
            return
        place = f"samples/{self._name_of_its_own(file_name(sample.ID, suffix=''))}"
        dataset = self._crate.add_dataset(
            dest_path=f"{place}/",
            properties=_dataset(
                name=sample.ID,
                identifier=sample.ID,
                text=sample.description or sample.material,
                keywords=", ".join(sample.tags),
                created=_now(),
            )
            | {"material": sample.material, "genre": "resource"},
        )
        self._samples[sample.ID] = dataset
        pictures = self._add_pictures(dataset, place, sample)
        told = asdict(sample) | {"pictures": pictures}
        self._add_text(dataset, f"{place}/sample.json", json.dumps(told, indent=2), "the sample")

    def _add_pictures(self, dataset: Any, place: str, sample: SampleFacts) -> list[dict[str, Any]]:
        """A sample's pictures beside it; tells of each its file, None if that is gone."""
        told = []
        taken = {"sample.json"}
        for picture in sample.pictures:
            name = None
            if picture.path.is_file():
                name = _picture_name(picture, taken)
                taken.add(name.casefold())
                about = picture.caption or f"a picture of {sample.ID}"
                entity = self.add_file(dataset, f"{place}/{name}", picture.path, about)
                dataset.append_to("image", entity)
            else:
                log.warning("sample %s: its picture %s is not there", sample.ID, picture.path)
            told.append({"file": name, "caption": picture.caption, "sha256": picture.digest})
        return told

    def _name_of_its_own(self, wanted: str) -> str:
        """The name, with a number behind it if another sample has it: two IDs may differ by a sign alone."""
        names = (wanted, *(f"{wanted}_{number}" for number in range(2, len(self._places) + 3)))
        found = next(name for name in names if name not in self._places)
        self._places.add(found)
        return found

    def add_file(self, dataset: Any, place: str, file: Path, description: str) -> Any:
        """Copy the file piece by piece; gives what is said of it."""
        stored = ZIP_STORED if Path(place).suffix in COMPACT else ZIP_DEFLATED
        self._archive.write(file, f"{self._root}/{place}", stored)
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return self._tell_of_file(dataset, place, description, digest, file.stat().st_size)

    def finish(self) -> None:
        """The metadata come last: only now all files are known."""
        text = json.dumps(self._crate.metadata.generate(), indent=2, ensure_ascii=False)
        self._archive.writestr(f"{self._root}/{METADATA}", text)

    def _add_text(self, dataset: Any, place: str, text: str, description: str) -> None:
        content = text.encode()
        self._archive.writestr(f"{self._root}/{place}", content)
        self._tell_of_file(dataset, place, description, hashlib.sha256(content).hexdigest(), len(content))

    def _tell_of_file(self, dataset: Any, place: str, description: str, digest: str, size: int) -> Any:
        properties = {
            "name": place.rpartition("/")[2],
            "description": description,
            "encodingFormat": _mime(place),
            "contentSize": str(size),
            "sha256": digest,
        }
        entity = self._crate.add_file(dest_path=place, properties=properties)
        if dataset is not None:
            self._crate.root_dataset["hasPart"] = [
                one for one in self._crate.root_dataset["hasPart"] if one is not entity
            ]
            dataset.append_to("hasPart", entity)
        return entity

    def _dataset(self, place: str, facts: ScanFacts) -> Any:
        properties = _dataset(
            name=facts.name or facts.scan_id,
            identifier=facts.scan_id,
            text=_words(facts),
            keywords=", ".join(facts.tags),
            created=_moment(facts.created_at),
            modified=_moment(facts.finished_at or facts.started_at or facts.created_at),
        )
        dataset = self._crate.add_dataset(
            dest_path=f"{place}/", properties=properties | {"genre": "experiment"}
        )
        if facts.owner:
            dataset["author"] = self._person(facts.owner)
        values = [
            self._context(
                f"#{facts.scan_id}-{file_name(str(name), suffix='')}",
                "PropertyValue",
                propertyID=str(name),
                name=str(name),
                value=value
                if isinstance(value, str | int | float | bool)
                else json.dumps(value, default=str),
            )
            for name, value in facts.user_fields.items()
        ]
        if values:
            dataset["variableMeasured"] = values
        if facts.sample and facts.sample.get("ID"):
            dataset["mentions"] = self._sample_of(facts.sample)
        return dataset

    def _sample_of(self, told: dict[str, Any]) -> Any:
        from pybirch.export.collection import SampleFacts

        found = SampleFacts(
            ID=str(told["ID"]), material=str(told.get("material") or ""), tags=tuple(told.get("tags") or ())
        )
        sample = self._known.get(found.ID, found)
        self.add_sample(sample)
        return self._samples[sample.ID]

    def _person(self, name: str) -> Any:
        if name not in self._people:
            self._people[name] = self._context(f"#person-{len(self._people) + 1}", "Person", name=name)
        return self._people[name]

    def _context(self, identifier: str, kind: str, **properties: Any) -> Any:
        entity = library("rocrate.model").ContextEntity(
            self._crate, identifier, properties={"@type": kind, **properties}
        )
        return self._crate.add(entity)


def _dataset(
    *, name: str, identifier: str, text: str, keywords: str, created: str, modified: str | None = None
) -> dict[str, Any]:
    """What the notebooks want to know of every folder."""
    return {
        "name": name,
        "identifier": identifier,
        "text": text,
        "keywords": keywords,
        "dateCreated": created,
        "dateModified": modified or created,
    }


def _words(facts: ScanFacts) -> str:
    told = [
        facts.scan_type and f"{facts.scan_type} scan",
        facts.project and f"project {facts.project}",
        facts.status,
        facts.error,
    ]
    return "; ".join(filter(None, told))


def _moment(time: datetime | None) -> str:
    return time.astimezone(UTC).isoformat() if time else _now()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _picture_name(picture: PictureFacts, taken: set[str]) -> str:
    """After its caption; no two alike, nor by a capital alone, which some disks do not tell apart."""
    suffix = PICTURES.get(picture.media_type, ".image")
    wanted = file_name(picture.caption or "picture", suffix="")
    names = (wanted, *(f"{wanted}_{number}" for number in range(2, len(taken) + 3)))
    return next(name + suffix for name in names if (name + suffix).casefold() not in taken)


def _mime(place: str) -> str:
    from mimetypes import guess_type

    known = {".h5": "application/x-hdf5", ".csv": "text/csv", ".json": "application/json"}
    known |= {suffix: media_type for media_type, suffix in PICTURES.items()}
    return known.get(Path(place).suffix) or guess_type(place)[0] or "application/octet-stream"
