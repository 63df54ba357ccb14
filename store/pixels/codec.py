"""How one chunk becomes bytes and back: blosc with bit shuffling.

Two choices, measured in docs/adr/0002: lz4 for the quickest tiles, zstd for less disk. Bit
shuffling gains more on camera data than byte shuffling, at nearly no cost. The bytes are those of
the `bytes` (little-endian) and `blosc` codecs of zarr v3, so every reader of zarr understands them.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numcodecs import blosc
from numpy.typing import NDArray

from store.errors import Unsupported

CodecName = Literal["fast", "compact"]

# Blosc's own threads take a lock that serialises our workers, which encode one chunk each.
blosc.use_threads = False


@dataclass(frozen=True, slots=True)
class Codec:
    """A compressor of chunks; `document` says the same to readers of zarr."""

    compressor: str
    level: int
    shuffle: Literal["shuffle", "bitshuffle"] = "bitshuffle"

    def encode(self, samples: NDArray[Any]) -> bytes | None:
        """Return a C-contiguous chunk as bytes, or None if every sample is 0.

        Such a chunk is not stored: a missing chunk reads as the fill value 0. Floats are compared
        by their bits, so that -0.0 is kept.
        """
        if not samples.view(f"u{samples.itemsize}").any():
            return None
        if sys.byteorder == "big":
            samples = samples.astype(samples.dtype.newbyteorder("<"))
        shuffle = blosc.BITSHUFFLE if self.shuffle == "bitshuffle" else blosc.SHUFFLE
        encoded: bytes = blosc.compress(samples, self.compressor.encode(), self.level, shuffle, 0)
        return encoded

    def document(self, itemsize: int) -> dict[str, Any]:
        """Return the codec as zarr v3 metadata."""
        return {
            "name": "blosc",
            "configuration": {
                "typesize": itemsize,
                "cname": self.compressor,
                "clevel": self.level,
                "shuffle": self.shuffle,
                "blocksize": 0,
            },
        }


CODECS: dict[str, Codec] = {"fast": Codec("lz4", 5), "compact": Codec("zstd", 1)}


def codec_named(name: str) -> Codec:
    """Return the codec of a name: ``fast`` or ``compact``."""
    try:
        return CODECS[name]
    except KeyError as error:
        raise Unsupported(
            f"There is no codec {name!r}; choose one of {', '.join(CODECS)}.", codec=name
        ) from error


def decode_into(data: bytes, chunk: NDArray[Any]) -> None:
    """Decode bytes into a C-contiguous chunk; either codec, blosc names it in its header.

    Raises
    ------
    ValueError, RuntimeError
        If the bytes are not a whole blosc frame of this size.
    """
    if len(data) < 16 or int.from_bytes(data[4:8], "little") != chunk.nbytes:
        raise ValueError("not an encoded chunk of this size")
    if int.from_bytes(data[12:16], "little") != len(data):
        raise ValueError("the encoded chunk is cut short")
    blosc.decompress(data, chunk)
    if sys.byteorder == "big":
        chunk.byteswap(inplace=True)


def decode(data: bytes, shape: tuple[int, int], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the samples of one encoded chunk; raises like `decode_into`."""
    chunk = np.empty(shape, dtype)
    decode_into(data, chunk)
    return chunk
