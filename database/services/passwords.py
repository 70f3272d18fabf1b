"""Passwords as salted scrypt hashes, ``scrypt$n$r$p$salt$hash``."""

from __future__ import annotations

import hashlib
import secrets
from base64 import b64decode, b64encode

COST = (2**15, 8, 3)
"""scrypt's n, r and p, as OWASP advises for 32 MiB."""
FEWEST_CHARACTERS = 8


def hash_password(password: str) -> str:
    salt = secrets.token_bytes(16)
    return _told(salt, _scrypt(password, salt, *COST))


def matches(password: str, stored: str | None) -> bool:
    """Whether it is that password; takes as long when there is none."""
    name, n, r, p, salt, wanted = (stored or _told(bytes(16), bytes(32))).split("$")
    if name != "scrypt":
        return False
    found = _scrypt(password, b64decode(salt), int(n), int(r), int(p))
    return secrets.compare_digest(found, b64decode(wanted)) and stored is not None


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=2 * 128 * n * r, dklen=32)


def _text(raw: bytes) -> str:
    return b64encode(raw).decode("ascii")


def _told(salt: bytes, found: bytes) -> str:
    n, r, p = COST
    return f"scrypt${n}${r}${p}${_text(salt)}${_text(found)}"
