"""Names as files and formats allow them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable


def file_name(*parts: str, suffix: str) -> str:
    """A file name of letters, digits, dots and dashes."""
    safe = (re.sub(r"[^A-Za-z0-9._-]+", "_", part).strip("._-")[:80] for part in parts)
    return "-".join(part or "scan" for part in safe) + suffix


def unlike(names: Iterable[str], clean: Callable[[str], str], taken: Iterable[str] = ()) -> dict[str, str]:
    """Each name cleaned, and no two alike: a number is put behind the later ones."""
    used = set(taken)
    made: dict[str, str] = {}
    for name in names:
        wanted = found = clean(name)
        number = 2
        while found in used:
            found = f"{wanted}_{number}"
            number += 1
        used.add(found)
        made[name] = found
    return made


def hdf5_name(name: str) -> str:
    """A link's name in HDF5: no slash, no lone dots, no NUL."""
    found = name.replace("/", "_").replace("\0", "_")
    return found if found.strip(".") else f"_{found}"


def netcdf_name(name: str) -> str:
    """Of a variable in NetCDF: no slash, no control characters, no special sign first, no space last."""
    found = re.sub(r"[\x00-\x1f\x7f/]", "_", name).rstrip() or "_"
    return found if re.match(r"[A-Za-z0-9_]|[^\x00-\x7f]", found) else f"_{found}"


def nexus_name(name: str) -> str:
    """Of a field or group in NeXus: letters, digits and underscores."""
    return re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "unnamed"


def document_name(name: str) -> str:
    """Of a key in an event-model document: neither dot nor slash."""
    return re.sub(r"[./]", "_", name) or "_"
