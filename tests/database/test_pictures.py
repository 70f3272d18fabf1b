"""Pictures of samples: files under their hash, checked by their bytes."""

from __future__ import annotations

import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from database import images
from database.images import ImageStore
from database.services import DatabaseService
from pybirch.database_integration.managers.samples import SampleManager
from pybirch.errors import FieldError, NoRoomError, NotFoundError
from pybirch.samples import Sample


def picture(kind: str = "PNG", size: tuple[int, int] = (60, 40), colour: str = "red", **more: Any) -> bytes:
    made = BytesIO()
    Image.new("RGB", size, colour).save(made, kind, **more)
    return made.getvalue()


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "images")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_picture_is_kept_under_its_hash(store: ImageStore, kind: str) -> None:
    content = picture(kind, (1000, 400))
    kept = store.keep(content)
    assert (kept.media_type, kept.width, kept.height) == (images.TYPES[kind], 1000, 400)
    assert store.path(kept.digest).read_bytes() == content
    small = Image.open(BytesIO(store.preview_path(kept.digest).read_bytes()))
    assert (small.format, max(small.size)) == ("WEBP", images.SMALL)
    assert store.keep(content) == kept
    assert sorted(path.suffix for path in store.folder.rglob("*.*")) == [".image", ".small"]


def test_a_preview_is_upright_and_says_nothing_of_the_camera(store: ImageStore) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x0110] = 6, "a camera with a place"
    kept = store.keep(picture("JPEG", (60, 40), exif=exif))
    small = Image.open(BytesIO(store.preview_path(kept.digest).read_bytes()))
    assert small.size == (40, 60)
    assert not dict(small.getexif())


def bomb() -> bytes:
    """A small PNG that says it is 20,000 × 20,000."""
    head = picture()
    size = (20_000).to_bytes(4, "big") * 2
    chunk = b"IHDR" + size + head[24:29]
    return head[:12] + chunk + zlib.crc32(chunk).to_bytes(4, "big") + head[33:]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"\x89PNG\r\n\x1a\n" + b"<script>alert(1)</script>",
        picture()[:90],
        picture("BMP"),
        picture("TIFF"),
        bomb(),
    ],
    ids=["empty", "head only", "svg", "html behind a PNG's head", "cut", "bmp", "tiff", "bomb"],
)
def test_what_is_no_picture_is_refused_and_leaves_nothing(store: ImageStore, content: bytes) -> None:
    with pytest.raises(FieldError) as caught:
        store.keep(content)
    assert caught.value.field == "image"
    assert not store.folder.exists()


def test_a_large_file_is_refused(store: ImageStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MOST_BYTES", 100)
    with pytest.raises(FieldError, match="100 at most"):
        store.keep(picture())


@pytest.mark.parametrize(
    "digest", ["", "../../etc/passwd", "a" * 63, "A" * 64, "a" * 64 + "/x", "a" * 64 + "\n"]
)
def test_no_path_is_made_of_what_is_no_hash(store: ImageStore, digest: str) -> None:
    with pytest.raises(NotFoundError):
        store.path(digest)


def test_several_pictures_one_of_them_the_cover(db: DatabaseService, store: ImageStore) -> None:
    sample = db.create_sample(sample_id="a").id
    red, green = (store.keep(picture(colour=colour)) for colour in ("red", "green"))
    first = db.pictures.add("a", red, caption="before", added_by="ada")
    second = db.pictures.add(sample, green)
    assert [row.id for row in db.pictures.of("a")] == [first.id, second.id]
    db.pictures.make_cover(sample, second.id)
    assert [row.id for row in db.pictures.of(sample)] == [second.id, first.id]
    assert db.pictures.covers([sample, 99])[sample].id == second.id
    db.pictures.take_off(sample, second.id)
    assert db.pictures.covers([sample])[sample].id == first.id
    again = db.pictures.add("a", green, caption="after")
    assert (again.id, again.caption) == (second.id, "after")
    assert [row.id for row in db.pictures.of("a")] == [first.id, second.id]


def test_the_same_picture_twice_is_one(db: DatabaseService, store: ImageStore) -> None:
    db.create_sample(sample_id="a")
    kept = store.keep(picture())
    first = db.pictures.add("a", kept, caption="x")
    assert db.pictures.add("a", kept).id == first.id
    assert [row.caption for row in db.pictures.of("a")] == ["x"]


def test_pictures_of_others_are_not_touched(db: DatabaseService, store: ImageStore) -> None:
    mine, other = (db.create_sample(sample_id=name).id for name in "ab")
    row = db.pictures.add(mine, store.keep(picture()))
    for verb in (db.pictures.one, db.pictures.make_cover, db.pictures.take_off):
        with pytest.raises(NotFoundError):
            verb(other, row.id)
    with pytest.raises(NotFoundError):
        db.pictures.add("nobody", store.keep(picture()))


def test_a_samples_file_goes_to_the_record_and_comes_back(
    db: DatabaseService, store: ImageStore, tmp_path: Path
) -> None:
    file = tmp_path / "photo.png"
    file.write_bytes(picture())
    samples = SampleManager(db, store)
    samples.to_db(Sample("a", "Si", image=file))
    [row] = db.pictures.of("a")
    assert row.caption == "photo.png"
    back = samples.from_db("a")
    assert Path(str(back.image)).read_bytes() == file.read_bytes()
    back.material = "Ge"
    samples.sync(back)
    assert len(db.pictures.of("a")) == 1
    assert (db.get_sample("a").material, db.get_sample("a").image) == ("Ge", str(file))
    file.write_text("no picture")
    with pytest.raises(FieldError, match="image"):
        samples.to_db(Sample("b", image=file))


def test_a_damaged_note_of_the_camera_keeps_no_picture_out(tmp_path: Path) -> None:
    content = BytesIO()
    Image.new("RGB", (50, 50)).save(content, "JPEG", exif=b"Exif\0\0garbagegarbage")
    store = ImageStore(tmp_path)
    assert store.path(store.keep(content.getvalue()).digest).exists()


def test_pictures_leave_room_for_what_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = BytesIO()
    Image.new("RGB", (5, 5)).save(content, "PNG")
    monkeypatch.setattr("database.images.RESERVE", 1 << 62)
    with pytest.raises(NoRoomError, match="free some first"):
        ImageStore(tmp_path).keep(content.getvalue())
    assert list(tmp_path.iterdir()) == []
