"""The size a coded picture says of itself, read from its header without decoding it.

A few hundred bytes can decode to gigabytes; the decoders allocate first. So the header is read here
and held against what is expected before a decoder sees the data.

Source: ITU-T T.81 annex B (JPEG), ISO/IEC 15444-1 A.5.1 (JPEG 2000 codestream), PNG 1.2 section 4.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE = {0x01, *range(0xD0, 0xD9)}


class CodedSize(NamedTuple):
    """Width and height in pixels, samples per pixel, bits per sample."""

    width: int
    height: int
    samples: int
    bits: int


def jpeg_size(data: bytes) -> CodedSize:
    """Return the size in the frame header of a JPEG stream; raises ValueError if it has none."""
    at = 0
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            raise ValueError(f"byte {at} of the JPEG stream is no marker")
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in _BARE:
            at += 2
        elif marker in _FRAMES and at + 10 <= len(data):
            bits, height, width, samples = struct.unpack(">BHHB", data[at + 4 : at + 10])
            return CodedSize(width, height, samples, bits)
        elif marker == 0xDA:
            break
        else:
            at += 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
    raise ValueError("the JPEG stream has no frame header")


def jpeg_2000_size(data: bytes) -> CodedSize:
    """Return the size in a JPEG 2000 codestream, bare or in its box format."""
    start = data.find(b"\xff\x4f\xff\x51") + 8
    if start < 8 or len(data) < start + 35:
        raise ValueError("the JPEG 2000 stream has no size marker")
    right, bottom, left, top = struct.unpack(">4I", data[start : start + 16])
    samples, bits = struct.unpack(">HB", data[start + 32 : start + 35])
    return CodedSize(right - left, bottom - top, samples, (bits & 0x7F) + 1)


def png_size(data: bytes) -> CodedSize:
    """Return the size in the first chunk of a PNG stream."""
    if len(data) < 26 or data[12:16] != b"IHDR":
        raise ValueError("the PNG stream does not begin with its header")
    width, height, bits, kind = struct.unpack(">2I2B", data[16:26])
    return CodedSize(width, height, {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(kind, 4), bits)
