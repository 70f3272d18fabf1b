"""How readings become bytes and come back, exactly.

A payload is a short header (what shape each column has) and the columns one after the other as
little-endian 8-byte numbers: positions, data, time, then step. From 64 readings on, what follows
the header is one blosc2 chunk (shuffle + bytedelta + zstd). A CRC-32 over the identity and the
payload tells damage and mix-ups.
"""

from __future__ import annotations

import os
import struct
import threading
import zlib
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from database.errors import DamagedDataError

RAW, BLOSC2 = 0, 1
FEWEST_COMPRESSED = 64
"""Blocks of fewer readings stay raw: they are merged soon."""

SCALAR, RAGGED = 0, 0xFFFF_FFFF
_IDENTITY = struct.Struct("<qqqB")
_COUNT = struct.Struct("<BH")
_VERSION = 1

_THREADS = max(1, min(4, os.cpu_count() or 1))
_MOST_SCRATCH = 8 * 2**20
_scratch = threading.local()

Column = NDArray[Any] | list[NDArray[np.float64]]
"""(n,) or (n, k) numbers, or n arrays of differing lengths."""


def encode(columns: Sequence[Column], count: int, level: int = 1) -> tuple[int, bytes]:
    """Codec and payload of `count` readings; `level` is how hard zstd tries."""
    header, flat = _flatten(columns, count)
    body = b"".join(flat)
    if count < FEWEST_COMPRESSED:
        return RAW, header + body
    return BLOSC2, header + compress(body, level)


def decode(payload: bytes, codec: int, count: int, *, lasting: bool = True) -> list[Column]:
    """The columns of a payload.

    Args:
        lasting: else they hold until the next payload is decoded in this thread. New memory takes longer
            to get than it takes to fill.

    Raises:
        ValueError: the payload is not one, or of a later version.
    """
    version, number = _COUNT.unpack_from(payload)
    if version != _VERSION:
        raise ValueError(f"block layout {version} is not known")
    shapes = struct.unpack_from(f"<{number}I", payload, _COUNT.size)
    body: Any = memoryview(payload)[_COUNT.size + 4 * number :]
    if codec == BLOSC2:
        body = decompress(bytes(body)) if lasting else _decompress_here(bytes(body))
    numbers = np.frombuffer(body, dtype="<f8")
    columns: list[Column] = []
    at = 0
    for position, shape in enumerate(shapes):
        column, at = _take(numbers, at, shape, count)
        columns.append(column.view("<i8") if position == number - 1 else column)  # type: ignore[union-attr]
    if at != numbers.size:
        raise ValueError(f"{numbers.size} numbers where {at} were announced")
    return columns


def checksum(owner: int, first: int, count: int, codec: int, payload: bytes) -> int:
    """CRC-32 over identity and payload."""
    return zlib.crc32(payload, zlib.crc32(_IDENTITY.pack(owner, first, count, codec)))


def raw_size(columns: Sequence[Column]) -> int:
    """Bytes the columns take unencoded."""
    return sum(
        c.nbytes if isinstance(c, np.ndarray) else sum(a.nbytes for a in c) + 8 * len(c) for c in columns
    )


def join(parts: Sequence[Sequence[Column]]) -> list[Column]:
    """Columns of consecutive blocks, end to end."""
    return [_join_column([part[i] for part in parts]) for i in range(len(parts[0]))]


def cut(columns: Sequence[Column], start: int, end: int) -> list[Column]:
    """Readings `start … end - 1` of columns."""
    return [column[start:end] for column in columns]


class Joined:
    """Columns of consecutive blocks, copied end to end as they come.

    Args:
        count: readings there will be, in all.
    """

    def __init__(self, count: int) -> None:
        self.count = 0
        self.columns: list[Column] = []
        self._most = count

    def add(self, columns: Sequence[Column]) -> None:
        if not self.columns:
            self.columns = [self._room_for(column) for column in columns]
        end = self.count + len(columns[-1])
        for place, column in enumerate(columns):
            room = self.columns[place]
            if isinstance(room, np.ndarray) and _fits(column, room):
                room[self.count : end] = column
                continue
            if isinstance(room, np.ndarray):
                room = self.columns[place] = [np.atleast_1d(reading) for reading in room[: self.count]]
            room += [np.array(reading, ndmin=1) for reading in column]
        self.count = end

    def _room_for(self, column: Column) -> Column:
        return (
            np.empty((self._most, *column.shape[1:]), column.dtype) if isinstance(column, np.ndarray) else []
        )


def _fits(column: Column, room: NDArray[Any]) -> bool:
    return isinstance(column, np.ndarray) and column.shape[1:] == room.shape[1:]


def _join_column(pieces: list[Column]) -> Column:
    shapes = {piece.shape[1:] if isinstance(piece, np.ndarray) else None for piece in pieces}
    if len(shapes) == 1 and None not in shapes:
        return np.concatenate([piece for piece in pieces if isinstance(piece, np.ndarray)])
    return [np.atleast_1d(reading) for piece in pieces for reading in piece]


def _flatten(columns: Sequence[Column], count: int) -> tuple[bytes, list[bytes]]:
    shapes: list[int] = []
    flat: list[bytes] = []
    for column in columns:
        if isinstance(column, list):
            shapes.append(RAGGED)
            flat.append(np.array([len(reading) for reading in column], dtype="<f8").tobytes())
            flat.extend(np.ascontiguousarray(reading, dtype="<f8").tobytes() for reading in column)
        else:
            shapes.append(SCALAR if column.ndim == 1 else column.shape[1])
            flat.append(column.tobytes())
        if len(column) != count:
            raise ValueError(f"a column has {len(column)} of {count} readings")
    return _COUNT.pack(_VERSION, len(shapes)) + struct.pack(f"<{len(shapes)}I", *shapes), flat


def _take(numbers: NDArray[Any], at: int, shape: int, count: int) -> tuple[Column, int]:
    if shape == RAGGED:
        lengths = numbers[at : at + count].astype(np.int64)
        ends = at + count + np.cumsum(lengths)
        return [numbers[end - n : end] for end, n in zip(ends, lengths, strict=True)], int(
            ends[-1] if count else at
        )
    end = at + count * (shape or 1)
    piece = numbers[at:end]
    return piece.reshape(count, shape) if shape else piece, end


@cache
def _parameters(level: int) -> dict[str, Any]:
    import blosc2

    return {
        "codec": blosc2.Codec.ZSTD,
        "clevel": level,
        "typesize": 8,
        "nthreads": 1,
        "filters": [blosc2.Filter.SHUFFLE, blosc2.Filter.BYTEDELTA],
        "filters_meta": [0, 8],
    }


def compress(body: bytes, level: int = 1) -> bytes:
    """8-byte numbers as one blosc2 chunk."""
    import blosc2

    return blosc2.compress2(body, **_parameters(level))  # type: ignore[return-value]


def decompress(chunk: bytes) -> bytes:
    """What `compress` was given.

    Raises:
        ValueError: the chunk is damaged.
    """
    import blosc2

    try:
        return blosc2.decompress2(chunk, nthreads=1)  # type: ignore[return-value]
    except RuntimeError as error:
        raise ValueError(str(error)) from error


def _decompress_here(chunk: bytes) -> Any:
    """`decompress` into memory that this thread uses again."""
    import blosc2

    size = blosc2.get_cbuffer_sizes(chunk)[0]
    if not 0 < size <= _MOST_SCRATCH:
        return decompress(chunk)
    room = getattr(_scratch, "room", None)
    if room is None or room.nbytes < size:
        room = _scratch.room = np.empty(size, np.uint8)
    try:
        blosc2.decompress2(chunk, room[:size], nthreads=_THREADS)  # type: ignore[arg-type]
    except RuntimeError as error:
        raise ValueError(str(error)) from error
    return room[:size]


def encode_array(array: NDArray[Any]) -> tuple[int, int, bytes]:
    """Codec, checksum and payload of an array of any shape and number type."""
    body = np.ascontiguousarray(array).tobytes()
    codec, payload = (BLOSC2, compress(body)) if len(body) >= 8 * FEWEST_COMPRESSED else (RAW, body)
    return codec, zlib.crc32(payload), payload


def decode_array(
    payload: bytes, codec: int, crc: int, dtype: str, shape: Sequence[int], what: str
) -> NDArray[Any]:
    """The array of `encode_array`; `what` names it in the error.

    Raises:
        DamagedDataError: the payload is not what was stored.
    """
    if zlib.crc32(payload) != crc:
        raise DamagedDataError(f"{what}: stored bytes do not match their checksum")
    body = decompress(payload) if codec == BLOSC2 else payload
    return np.frombuffer(body, dtype=np.dtype(dtype)).reshape(tuple(shape))
