"""Files made to break a reader: each gets one typed error, quickly, and no memory."""

from __future__ import annotations

import io
import random
import struct
import time
import tracemalloc
import zlib
from itertools import accumulate

import numpy as np
import pytest
import tifffile

from adapters.formats.base import Limits, open_file
from store.errors import HubError, Invalid, TooLarge, Unsupported

_PLAIN = {256: 8, 257: 8, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 8, 279: 64}


def _tiff(pages, following=None):
    """Return a little-endian TIFF of pages given as tags; `following` says which page is next."""
    out = bytearray(b"II*\0" + struct.pack("<I", 72) + bytes(64))
    starts = list(accumulate((2 + 12 * len(tags) + 4 for tags in pages), initial=72))
    for number, tags in enumerate(pages):
        out += struct.pack("<H", len(tags))
        for code, value in sorted(tags.items()):
            kind, count = (4, 1) if isinstance(value, int) else value[:2]
            out += struct.pack("<HHII", code, kind, count, value if count == 1 else value[2])
        next_page = number + 1 if following is None else following[number]
        out += struct.pack("<I", starts[next_page] if next_page < len(pages) else 0)
    return bytes(out)


def _read(path, name="file.tif", **options):
    for source in open_file(path, name=name, **options):
        for _ in source.blocks():
            pass


@pytest.fixture
def refused(tmp_path):
    """Read bytes as a file; return the error, which must come quickly and without much memory."""

    def read(data, name="file.tif", **options):
        path = tmp_path / "upload"
        path.write_bytes(data)
        tracemalloc.start()
        started = time.monotonic()
        try:
            with pytest.raises(HubError) as caught:
                _read(path, name, **options)
            assert time.monotonic() - started < 60
            assert tracemalloc.get_traced_memory()[1] < 64 * 2**20
        finally:
            tracemalloc.stop()
        return caught.value

    return read


def test_an_empty_file_is_refused(refused):
    error = refused(b"")
    assert isinstance(error, Invalid)
    assert "empty" in error.message


def test_garbage_with_the_name_of_a_tiff_is_refused(refused):
    error = refused(random.Random(1).randbytes(100_000), name="cells.tif")
    assert isinstance(error, Invalid)
    assert "cells.tif is named as TIFF" in error.message


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"GIF89a", "GIF"),
        (b"ZISRAWFILE\0", "Zeiss CZI"),
        (b"\0" * 128 + b"DICM", "DICOM"),
        (b"PK\x03\x04", "ZIP"),
    ],
)
def test_a_known_format_that_is_not_read_is_named(data, found, refused):
    error = refused(data, name="cells.tif")
    assert isinstance(error, Unsupported)
    assert f"is {found}" in error.message
    assert "PNG" in error.message


def test_an_unknown_format_is_refused_with_what_is_accepted(refused):
    error = refused(b"hello, hub", name="notes.txt")
    assert isinstance(error, Unsupported)
    assert "OME-Zarr" in error.message


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(Invalid, match="No such file"):
        _read(tmp_path / "nothing.tif")


def test_the_walk_over_a_sound_file_finds_its_pages(tmp_path):
    path = tmp_path / "sound.tif"
    path.write_bytes(_tiff([_PLAIN, _PLAIN]))
    (source,) = open_file(path, name="sound.tif")
    assert source.layout.shape == (1, 1, 2, 8, 8)


@pytest.mark.parametrize("length", [1, 2, 150])
def test_a_list_of_pages_that_runs_in_a_circle_is_refused(length, refused):
    following = [*range(1, length), 0]
    error = refused(_tiff([_PLAIN] * length, following))
    assert isinstance(error, Invalid)
    assert "circle" in error.message


def test_a_hundred_thousand_pages_are_refused(refused):
    error = refused(_tiff([_PLAIN] * 100_000))
    assert isinstance(error, TooLarge)
    assert "65,536 pages" in error.message


@pytest.mark.parametrize(
    "tags",
    [
        {256: 1_000_000, 257: 1_000_000, 278: 1_000_000},
        {256: 2**31, 257: 2**31},
        {256: 1_000_000, 257: 1_000_000, 322: 256, 323: 256, 324: 8, 325: 64},
        {322: 2**20, 323: 2**20, 324: 8, 325: 64},
        {256: 100_000, 257: 100_000, 259: 8, 278: 100_000},
    ],
    ids=["strips", "overflow", "tiles", "one huge tile", "one huge strip"],
)
def test_a_header_of_absurd_size_is_refused(tags, refused):
    assert isinstance(refused(_tiff([_PLAIN | tags])), TooLarge)


def test_more_samples_than_the_file_can_hold_are_refused(refused):
    # Every tile of 40,000 × 40,000 pixels points to the same few bytes.
    data = zlib.compress(bytes(256 * 256))
    count = 157 * 157
    tags = {256: 40_000, 257: 40_000, 258: 8, 259: 8, 262: 1, 277: 1, 322: 256, 323: 256}
    tags |= {324: (4, count, 4096), 325: (4, count, 4096 + 4 * count)}
    whole = _tiff([tags]).ljust(4096, b"\0")
    start = 4096 + 8 * count
    whole += struct.pack(f"<{count}I", *[start] * count)
    whole += struct.pack(f"<{count}I", *[len(data)] * count) + data
    error = refused(whole, limits=Limits(max_expansion=1000))
    assert isinstance(error, TooLarge)
    assert "unpacks" in error.message


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({270: (2, 2**31, 8)}, "tag 270"),
        ({273: (4, 2**28, 8)}, "tag 273"),
        ({273: 5000}, "truncated"),
        ({279: 2**31, 259: 8}, "truncated"),
        ({256: 0}, "no size"),
    ],
)
def test_tables_and_samples_beyond_the_end_are_refused(tags, said, refused):
    error = refused(_tiff([_PLAIN | tags]))
    assert isinstance(error, Invalid)
    assert said in error.message


def test_too_many_strips_of_one_page_are_refused(refused):
    tags = _PLAIN | {273: (4, 1000, 8), 279: (4, 1000, 8)}
    error = refused(_tiff([tags]) + bytes(8000), limits=Limits(max_segments=999))
    assert isinstance(error, TooLarge)


def test_a_list_of_pages_that_leaves_the_file_is_refused(refused):
    data = _tiff([_PLAIN])[:-4] + struct.pack("<I", 10**6)
    error = refused(data)
    assert isinstance(error, Invalid)
    assert "points to byte 1,000,000" in error.message


def test_a_picture_inside_a_tile_may_not_be_larger_than_the_tile(refused, tmp_path):
    out = io.BytesIO()
    tifffile.imwrite(
        out, np.zeros((64, 64), np.uint8), photometric="minisblack", compression="jpeg",
        tile=(64, 64),
    )  # fmt: skip
    data = bytearray(out.getvalue())
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">2H", 60_000, 60_000)
    error = refused(bytes(data))
    assert isinstance(error, Invalid)
    assert "60,000 × 60,000" in error.message


def test_a_strip_that_unpacks_to_more_than_it_says_is_refused(refused):
    bomb = zlib.compress(bytes(2**28), 9)
    tags = _PLAIN | {259: 8, 279: len(bomb)}
    head = _tiff([tags])
    tags[273] = len(head)
    error = refused(_tiff([tags]) + bomb)
    assert isinstance(error, Invalid)


def _png(width, height, rows, extra=b""):
    def chunk(kind, data):
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )  # fmt: skip


@pytest.mark.parametrize("side", [10**6, 2**31 - 1])
def test_a_png_of_absurd_size_is_refused(side, refused):
    assert isinstance(refused(_png(side, side, b"\0" * 100), name="bomb.png"), TooLarge)


def test_a_png_that_ends_before_its_rows_is_refused(refused):
    error = refused(_png(30_000, 30_000, b"\0" * 10_000), name="short.png")
    assert isinstance(error, TooLarge | Invalid)


def test_a_text_that_unpacks_to_much_is_cut(tmp_path):
    packed = b"Comment\0\0" + zlib.compress(b"a" * 2**28, 9)
    extra = struct.pack(">I", len(packed)) + b"zTXt" + packed
    extra += struct.pack(">I", zlib.crc32(b"zTXt" + packed))
    path = tmp_path / "text.png"
    path.write_bytes(_png(1, 1, b"\0abc", extra))
    (source,) = open_file(path, name="text.png")
    assert len(source.description.original["Comment"]) <= 10_000


def test_a_jpeg_of_absurd_size_is_refused(refused, tmp_path):
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(out, "JPEG")
    data = bytearray(out.getvalue())
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">2H", 65_000, 65_000)
    assert isinstance(refused(bytes(data), name="bomb.jpg"), TooLarge)


@pytest.fixture(scope="module")
def sound_files():
    """Small sound files of many codings, to be damaged."""
    rng = np.random.default_rng(2)
    stack = rng.integers(0, 4000, (3, 40, 50), dtype=np.uint16)
    files = {}
    for name, options in {
        "plain": {},
        "deflate": {"compression": "zlib", "predictor": True, "tile": (16, 16)},
        "lzw": {"compression": "lzw"},
        "stack": {"imagej": True, "metadata": {"axes": "ZYX"}},
        "ome": {"ome": True, "metadata": {"axes": "CYX"}, "compression": "packbits"},
        "png": {"compression": "png", "tile": (16, 16)},
    }.items():
        out = io.BytesIO()
        tifffile.imwrite(out, stack, photometric="minisblack", **options)
        files[name] = out.getvalue()
    return files


@pytest.mark.parametrize("name", ["plain", "deflate", "lzw", "stack", "ome", "png"])
def test_a_file_cut_anywhere_is_refused_or_sound(name, sound_files, tmp_path):
    data = sound_files[name]
    path = tmp_path / "cut.tif"
    refusals = 0
    for length in range(8, len(data), max(1, len(data) // 60)):
        path.write_bytes(data[:length])
        try:
            _read(path)
        except HubError:
            refusals += 1
    assert refusals > 40


@pytest.mark.parametrize("name", ["plain", "deflate", "lzw", "stack", "ome", "png"])
def test_flipped_bytes_never_raise_anything_else(name, sound_files, tmp_path):
    chance = random.Random(name)
    path = tmp_path / "flipped.tif"
    refusals = 0
    for _ in range(120):
        data = bytearray(sound_files[name])
        for _ in range(chance.randint(1, 5)):
            place = chance.randrange(min(len(data), 700))
            data[place] = chance.choice([0, 1, 127, 128, 255])
        path.write_bytes(data)
        try:
            _read(path, limits=Limits(max_whole_bytes=2**26))
        except HubError:
            refusals += 1
    assert refusals > 10
