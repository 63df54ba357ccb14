"""Files of chunks: one shard, or one unsharded chunk.

The sharding codec of zarr v3 lets chunks lie in any order inside a shard, found by an index at its
end. So a chunk is appended the moment it is complete and the index follows when the shard is: no
shard is ever held in memory or written twice. Index: per chunk, in row-major order, offset and
length as little-endian uint64, both 2⁶⁴-1 for a missing chunk, then the CRC32C of all that.
(Zarr specification, sharding codec version 1.0.)
"""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from pathlib import Path

import google_crc32c
import numpy as np
from numpy.typing import NDArray

MISSING = 2**64 - 1
_CRC = struct.Struct("<I")
_PAIR = struct.Struct("<QQ")


class CorruptShard(ValueError):
    """A chunk file that is not what its index or size promises."""


def index_size(slots: int) -> int:
    """Return the bytes an index takes at the end of a shard."""
    return slots * 16 + _CRC.size


def pack_index(index: NDArray[np.uint64]) -> bytes:
    """Return an index ``(slot, [offset, length])`` with its checksum."""
    body = index.astype("<u8").tobytes()
    return body + _CRC.pack(google_crc32c.value(body))


def checked_index(data: bytes, slots: int) -> bytes:
    """Return an index as packed pairs, without its checksum.

    Raises
    ------
    CorruptShard
        If the size or the checksum is not right.
    """
    if len(data) != index_size(slots):
        raise CorruptShard(f"the index has {len(data)} bytes, {index_size(slots)} are needed")
    body = data[: -_CRC.size]
    if google_crc32c.value(body) != _CRC.unpack(data[-_CRC.size :])[0]:
        raise CorruptShard("the index does not match its checksum")
    return body


def unpack_index(data: bytes, slots: int) -> NDArray[np.uint64]:
    """Return the index ``(slot, [offset, length])`` from the end of a shard."""
    return np.frombuffer(checked_index(data, slots), "<u8").reshape(slots, 2).astype(np.uint64)


class ChunkFile:
    """A published file of chunks, open for reading; closed when nobody refers to it any more.

    Reads are `pread`, so any number of threads may share it.
    """

    __slots__ = ("_descriptor", "_index", "size")

    def __init__(self, path: Path | str, slots: int, sharded: bool) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.size = os.fstat(self._descriptor).st_size
        self._index = _PAIR.pack(0, self.size)
        if sharded:
            start = self.size - index_size(slots)
            if start < 0:
                raise CorruptShard(f"the file has {self.size} bytes, too few for its index")
            tail = os.pread(self._descriptor, index_size(slots), start)
            self._index = checked_index(tail, slots)

    def read(self, slot: int) -> bytes | None:
        """Return an encoded chunk, or None if it is missing."""
        offset, length = _PAIR.unpack_from(self._index, slot * _PAIR.size)
        if offset == MISSING:
            return None
        if offset + length > self.size:
            raise CorruptShard(f"chunk {slot} ends beyond the file")
        data = os.pread(self._descriptor, length, offset)
        if len(data) != length:
            raise CorruptShard(f"chunk {slot} ends beyond the file")
        return data

    def __del__(self) -> None:
        with suppress(AttributeError, OSError):
            os.close(self._descriptor)


class GrowingFile:
    """A file of chunks that a writer fills, one chunk after another in any order.

    `waiting` counts the chunks inside the image that were not put yet; when it reaches 0 the owner
    calls `seal`. A sealed file may be taken up again with `reopened`, filled and sealed again.
    """

    __slots__ = ("_end", "_index", "_path", "_sharded", "_wasted", "reopened", "waiting")

    def __init__(self, path: Path, slots: int, sharded: bool, waiting: int) -> None:
        self._path = path
        self._sharded = sharded
        self._index = np.full((slots, 2), MISSING, np.uint64)
        self._wasted = False
        self._end = 0
        self.waiting = waiting
        self.reopened = False

    @classmethod
    def reopen(cls, path: Path, slots: int, sharded: bool) -> GrowingFile:
        """Take up a sealed file again, because a chunk of it is written a second time."""
        growing = cls(path, slots, sharded, 0)
        growing.reopened = True
        with suppress(FileNotFoundError):
            size = path.stat().st_size
            if sharded:
                data = path.read_bytes()[-index_size(slots) :]
                growing._index = unpack_index(data, slots)
                growing._end = size - index_size(slots)
            else:
                growing._index[0] = (0, size)
        return growing

    def put(self, descriptor: int, slot: int, encoded: bytes) -> None:
        """Append one encoded chunk."""
        self.drop(slot)
        offset = self._end
        if not self._sharded:
            offset = 0
            os.ftruncate(descriptor, 0)
        _write_all(descriptor, encoded, offset)
        self._index[slot] = (offset, len(encoded))
        self._end = offset + len(encoded)

    def drop(self, slot: int) -> None:
        """Mark a chunk as missing."""
        self._wasted |= int(self._index[slot, 0]) != MISSING
        self._index[slot] = MISSING

    def get(self, descriptor: int, slot: int) -> bytes:
        """Return a chunk that was put before."""
        offset, length = (int(number) for number in self._index[slot])
        return os.pread(descriptor, length, offset)

    def has(self, slot: int) -> bool:
        """Tell whether a chunk is stored."""
        return int(self._index[slot, 0]) != MISSING

    @property
    def empty(self) -> bool:
        """True if no chunk is stored; such a file need not exist."""
        return bool((self._index[:, 0] == MISSING).all())

    def seal(self, descriptor: int) -> None:
        """Write the index behind the chunks, without the chunks that were replaced."""
        if not self._sharded:
            return
        if self._wasted:
            self._compact(descriptor)
        _write_all(descriptor, pack_index(self._index), self._end)
        os.ftruncate(descriptor, self._end + index_size(len(self._index)))

    def _compact(self, descriptor: int) -> None:
        slots = [slot for slot in range(len(self._index)) if self.has(slot)]
        live = [self.get(descriptor, slot) for slot in slots]
        self._index[:] = MISSING
        self._end = 0
        for slot, encoded in zip(slots, live, strict=True):
            self.put(descriptor, slot, encoded)
        self._wasted = False


def _write_all(descriptor: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written
