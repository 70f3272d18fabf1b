"""Pictures as files, each under the hash of its bytes; nothing of a client's is ever part of a path.

store = ImageStore(Path("data/images"))
kept = store.keep(content)                    # KeptImage(digest="5f…", media_type="image/png", …)
store.path(kept.digest)                       # data/images/5f/5f….image
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import struct
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from pybirch.errors import FieldError, NoRoomError, NotFoundError

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_BYTES = 20 * 1024 * 1024
MOST_PIXELS = 80_000_000
RESERVE = 500_000_000
"""Bytes of the disk that no picture takes."""
SMALL = 480
"""Pixels a preview has along its longer side."""
TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}
"""What is taken, by Pillow's name for it: what every browser shows, and none runs."""
PREVIEW_TYPE = "image/webp"

_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class KeptImage:
    """A picture that is kept: the SHA-256 of its bytes, what they are, and how large."""

    digest: str
    media_type: str
    width: int
    height: int
    size: int


class ImageStore:
    """Pictures in a folder; the same picture twice is one file. Safe for several processes at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, content: bytes) -> KeptImage:
        """Store a picture and its preview; durable when the call returns.

        Raises:
            FieldError: too large, damaged, or none of the kinds that are taken; ``field`` is ``image``.
            NoRoomError: the disk is nearly full.
        """
        if len(content) > MOST_BYTES:
            raise FieldError("image", f"has {len(content):,} bytes; {MOST_BYTES:,} at most")
        digest = hashlib.sha256(content).hexdigest()
        picture = opened(content)
        self._require_room(len(content))
        kept = KeptImage(digest, TYPES[str(picture.format)], picture.width, picture.height, len(content))
        self._write(self._place(digest, "small"), preview(picture))
        self._write(self.path(digest), content)
        return kept

    def _require_room(self, size: int) -> None:
        """Measuring goes before: pictures leave room on the disk.

        Raises:
            NoRoomError: there is none.
        """
        there = next(place for place in (self.folder, *self.folder.absolute().parents) if place.exists())
        free = shutil.disk_usage(there).free
        if free - size < RESERVE:
            raise NoRoomError(f"The server's disk has {free / 1e9:.1f} GB left: free some first.")

    def path(self, digest: str) -> Path:
        """The file of a picture, whether it is there or not.

        Raises:
            NotFoundError: that is no hash.
        """
        return self._place(digest, "image")

    def preview_path(self, digest: str) -> Path:
        """The file of its preview."""
        return self._place(digest, "small")

    def _place(self, digest: str, kind: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise NotFoundError("there is no such picture")
        return self.folder / digest[:2] / f"{digest}.{kind}"

    def _write(self, path: Path, content: bytes) -> None:
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            with draft.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, path)
        finally:
            draft.unlink(missing_ok=True)


def opened(content: bytes) -> Image:
    """The picture these bytes are, decoded to its end.

    Raises:
        FieldError: they are none, or not one of `TYPES`.
    """
    import PIL.Image

    taken = ", ".join(TYPES)
    wrong = f"is not a whole picture of a kind that is taken ({taken}); save others, such as TIFF, as PNG"
    try:
        picture = PIL.Image.open(BytesIO(content), formats=tuple(TYPES))
        if picture.width * picture.height > MOST_PIXELS:
            size = f"{picture.width} × {picture.height}"
            raise FieldError("image", f"has {size} pixels; {MOST_PIXELS:,} at most")
        picture.load()
    except FieldError:
        raise
    except PIL.Image.DecompressionBombError as error:
        raise FieldError("image", f"has too many pixels; {MOST_PIXELS:,} at most") from error
    # Pillow's decoders raise these for bytes that are not what they begin like.
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError) as error:
        raise FieldError("image", wrong) from error
    return picture


def preview(picture: Image) -> bytes:
    """A small copy, upright, without what a camera wrote about itself."""
    from PIL import ImageOps

    small = picture.copy()
    small.thumbnail((SMALL, SMALL))
    damaged = (SyntaxError, ValueError, OSError, TypeError, KeyError, struct.error)
    with suppress(*damaged):  # a camera's note of how it was held
        small = ImageOps.exif_transpose(small) or small
    made = BytesIO()
    small.convert("RGBA" if "A" in small.getbands() or "transparency" in small.info else "RGB").save(
        made, "WEBP", quality=82
    )
    return made.getvalue()
