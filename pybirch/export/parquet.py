"""Parquet: a row group a piece, units and the scan's facts in the schema's metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pybirch.dataset.arrow import batch, schema
from pybirch.dataset.libraries import library

if TYPE_CHECKING:
    from pybirch.dataset.measurement import MeasurementData
    from pybirch.export.contents import Contents


def table(contents: Contents, part: MeasurementData, stream: Any) -> None:
    """Write one measurement, piece by piece."""
    form = schema(part)
    with library("pyarrow.parquet").ParquetWriter(_Sink(stream), form, compression="zstd") as writer:
        for block in contents.blocks(part):
            writer.write_batch(batch(block, part.columns, form))


class _Sink:
    """What pyarrow writes into: any stream that takes bytes, also one in an archive, which cannot seek."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._at = 0
        self.closed = False

    def write(self, data: Any) -> int:
        self._stream.write(data)
        self._at += len(data)
        return len(data)

    def tell(self) -> int:
        return self._at

    def flush(self) -> None: ...

    def close(self) -> None:
        self.closed = True

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False
