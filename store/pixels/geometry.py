"""Where samples lie: the levels of a pyramid and their grids of chunks and shards.

A chunk is 256², the tile that viewers ask for, so that one tile is one read and one decode. Chunks
lie in shards of up to 2048² of one plane, which keeps the number of files small. A level whose
plane is one chunk is not sharded: its file is the chunk. A side shorter than 256 makes the chunk as
short, so that a small image pays for no padding.
"""

from __future__ import annotations

from dataclasses import dataclass

from store.pixels.base import Layout, Level

CHUNK = 256
SHARD = 2048

Key = tuple[int, int, int, int, int]
"""One chunk of a level: ``(t, c, z, row, column)`` in the grid of chunks."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The chunks and shards of one level; rows and columns count chunks from the top left."""

    size_y: int
    size_x: int
    chunk_y: int
    chunk_x: int
    shard_rows: int
    shard_columns: int
    sharded: bool

    @classmethod
    def of(cls, level: Level) -> Grid:
        """Return the grid of a level."""
        size_y, size_x = level.shape[3:]
        chunk_y, chunk_x = level.chunks[3:]
        shard_y, shard_x = (level.shards or level.chunks)[3:]
        return cls(
            size_y,
            size_x,
            chunk_y,
            chunk_x,
            shard_y // chunk_y,
            shard_x // chunk_x,
            level.shards is not None,
        )

    @property
    def rows(self) -> int:
        """Number of chunk rows."""
        return -(-self.size_y // self.chunk_y)

    @property
    def columns(self) -> int:
        """Number of chunk columns."""
        return -(-self.size_x // self.chunk_x)

    @property
    def slots(self) -> int:
        """Number of chunks one shard has room for."""
        return self.shard_rows * self.shard_columns

    def extent(self, row: int, column: int) -> tuple[int, int]:
        """Return height and width of the samples of a chunk that lie inside the level."""
        return (
            min(self.chunk_y, self.size_y - row * self.chunk_y),
            min(self.chunk_x, self.size_x - column * self.chunk_x),
        )

    def file_of(self, key: Key) -> Key:
        """Return the shard, or the unsharded chunk, that holds a chunk."""
        t, c, z, row, column = key
        return (t, c, z, row // self.shard_rows, column // self.shard_columns)

    def slot_of(self, key: Key) -> int:
        """Return the place of a chunk in its shard, in row-major order."""
        return key[3] % self.shard_rows * self.shard_columns + key[4] % self.shard_columns

    def chunks_in(self, file: Key) -> int:
        """Return how many chunks of a shard lie inside the level."""
        rows = min(self.shard_rows, self.rows - file[3] * self.shard_rows)
        columns = min(self.shard_columns, self.columns - file[4] * self.shard_columns)
        return rows * columns


def file_name(file: Key) -> str:
    """Return the path of a chunk file below its level: the default key encoding of zarr v3."""
    return "c/" + "/".join(map(str, file))


def pyramid(layout: Layout) -> tuple[Level, ...]:
    """Return the levels of an image, each half the one before, until the longer side is ≤ 256."""
    levels: list[Level] = []
    t, c, z, y, x = layout.shape
    while True:
        levels.append(_level(len(levels), (t, c, z, y, x)))
        if max(y, x) <= CHUNK:
            return tuple(levels)
        y, x = -(-y // 2), -(-x // 2)


def _level(number: int, shape: tuple[int, int, int, int, int]) -> Level:
    y, x = shape[3:]
    chunk_y, chunk_x = min(CHUNK, y), min(CHUNK, x)
    shards = None
    if y > chunk_y or x > chunk_x:
        shard_y = min(SHARD // CHUNK, -(-y // chunk_y)) * chunk_y
        shard_x = min(SHARD // CHUNK, -(-x // chunk_x)) * chunk_x
        shards = (1, 1, 1, shard_y, shard_x)
    return Level(
        path=str(number),
        shape=shape,
        chunks=(1, 1, 1, chunk_y, chunk_x),
        downsample=float(2**number),
        shards=shards,
    )
