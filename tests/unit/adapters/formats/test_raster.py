"""PNG and JPEG, written by Pillow or by hand and compared with Pillow's own reading."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from adapters.formats.base import Limits, open_file
from store.errors import Invalid, TooLarge, Unsupported

NARROW = Limits(band_bytes=500)
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def _random(shape, dtype="uint8"):
    return np.random.default_rng(5).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def _chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width, height, bits, color, rows, extra=b"", interlace=0):
    """Return a PNG of rows that are given with their filter bytes."""
    header = struct.pack(">2I5B", width, height, bits, color, 0, 0, interlace)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + extra
        + _chunk(b"IDAT", zlib.compress(rows))
        + _chunk(b"IEND", b"")
    )


def _filtered(rows, pixel_bytes):
    """Return rows of bytes, each with another of the five filters (PNG 1.2 section 6)."""
    above = np.zeros_like(rows[0])
    out = []
    for number, row in enumerate(rows):
        kind = number % 5
        left = np.concatenate([np.zeros(pixel_bytes, np.uint8), row[:-pixel_bytes]])
        corner = np.concatenate([np.zeros(pixel_bytes, np.uint8), above[:-pixel_bytes]])
        a, b, c = (part.astype(int) for part in (left, above, corner))
        p = a + b - c
        distances = np.stack([abs(p - a), abs(p - b), abs(p - c)])
        paeth = np.choose(distances.argmin(axis=0), [a, b, c])
        guess = [0 * a, a, b, (a + b) // 2, paeth][kind]
        out.append(bytes([kind]) + (row.astype(int) - guess).astype(np.uint8).tobytes())
        above = row
    return b"".join(out)


@pytest.mark.parametrize("limits", [Limits(), NARROW], ids=["whole", "bands"])
@pytest.mark.parametrize(
    ("bits", "color"),
    [(8, 0), (16, 0), (8, 2), (16, 2), (8, 4), (16, 4), (8, 6), (16, 6)],
)
def test_every_filter_and_colour_type(bits, color, limits, tmp_path, open_one, assemble):
    count = SAMPLES[color]
    samples = _random((23, 17, count), "uint16" if bits == 16 else "uint8")
    rows = samples.astype(">u2" if bits == 16 else "u1").reshape(23, -1).view(np.uint8)
    path = tmp_path / "picture.png"
    path.write_bytes(_png(17, 23, bits, color, _filtered(rows, count * bits // 8)))
    source = open_one(path, limits=limits)
    kept = 3 if count >= 3 else 1
    assert source.layout.rgb == (kept == 3)
    np.testing.assert_array_equal(
        assemble(source)[0, :, 0], np.moveaxis(samples[..., :kept], -1, 0), strict=True
    )


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_short_greys_are_not_stretched(bits, tmp_path, open_one, assemble):
    samples = _random((11, 13)) % 2**bits
    path = tmp_path / "short.png"
    unpacked = np.unpackbits(samples[:, :, None], axis=2)[:, :, 8 - bits :].reshape(11, -1)
    path.write_bytes(_png(13, 11, bits, 0, _filtered(np.packbits(unpacked, axis=1), 1)))
    source = open_one(path, limits=NARROW)
    np.testing.assert_array_equal(assemble(source)[0, 0, 0], samples)
    assert source.description.channels[0].window_end == 2**bits - 1


@pytest.mark.parametrize("colours", [256, 5])
def test_a_palette_keeps_its_indices(colours, tmp_path, open_one, assemble):
    path = tmp_path / "palette.png"
    picture = Image.fromarray((_random((20, 30), "uint16") % colours).astype("u1")).convert("P")
    table = _random((colours, 3))
    picture.putpalette(table.tobytes())
    picture.save(path)
    with Image.open(path) as again:
        indices = np.asarray(again)
        expected = np.asarray(again.convert("RGB"))
    source = open_one(path)
    read = assemble(source)[0, 0, 0]
    np.testing.assert_array_equal(read, indices)
    lut = np.frombuffer(source.description.channels[0].lut, np.uint8).reshape(256, 3)
    np.testing.assert_array_equal(lut[read], expected)


@pytest.mark.parametrize("bits", [2, 8])
def test_interlaced_pictures_are_read_whole(bits, tmp_path, open_one, assemble):
    # Eight rows and columns of one value: all seven passes are rows of that value.
    value = 2**bits - 2
    passes = [(1, 1), (1, 1), (2, 1), (2, 2), (4, 2), (4, 4), (8, 4)]
    packed = sum(value << bits * place for place in range(8 // bits))
    rows = b"".join(
        (b"\0" + bytes([packed]) * -(-width * bits // 8)) * height for width, height in passes
    )
    path = tmp_path / "interlaced.png"
    path.write_bytes(_png(8, 8, bits, 0, rows, interlace=1))
    assert (assemble(open_one(path)) == value).all()
    with pytest.raises(TooLarge):
        open_one(path, limits=Limits(max_whole_bytes=15))


def _exif(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x0132] = "2020:02:03 04:05:06"
    return tags


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_of_a_camera_is_applied(orientation, form, tmp_path, open_one, assemble):
    from PIL import ImageOps

    path = tmp_path / f"turned.{form.lower()}"
    Image.fromarray(_random((24, 40, 3))).save(path, form, exif=_exif(orientation))
    with Image.open(path) as picture:
        expected = np.moveaxis(np.asarray(ImageOps.exif_transpose(picture)), -1, 0)
    source = open_one(path)
    np.testing.assert_array_equal(assemble(source)[0, :, 0], expected)
    assert source.description.acquired_at == 1580702706000  # 2020-02-03 04:05:06 UTC


def test_texts_of_a_png_can_be_searched(tmp_path, open_one):
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Author", "somebody", zip=True)
    notes.add_itxt("Description", "cells of a µ-slide", zip=True)
    path = tmp_path / "texts.png"
    Image.fromarray(_random((8, 8))).save(path, pnginfo=notes)
    about = open_one(path).description
    assert about.original["Author"] == "somebody"
    assert about.text == "cells of a µ-slide"


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_jpeg_decodes_as_pillow_decodes_it(mode, tmp_path, open_one, assemble):
    path = tmp_path / "photo.jpg"
    Image.fromarray(_random((50, 61, 3))).convert(mode).save(path)
    with Image.open(path) as picture:
        expected = np.moveaxis(np.atleast_3d(np.asarray(picture)), -1, 0)
    source = open_one(path, limits=NARROW)
    np.testing.assert_array_equal(assemble(source)[0, :, 0], expected)


def test_cmyk_is_refused_by_name(tmp_path):
    path = tmp_path / "print.jpg"
    Image.fromarray(_random((8, 8, 4)), "CMYK").save(path)
    with pytest.raises(Unsupported, match="CMYK"):
        open_file(path, name="print.jpg")


@pytest.mark.parametrize("damage", ["cut", "checksum", "rows"])
def test_a_damaged_png_is_refused(damage, tmp_path):
    rows = _filtered(_random((30, 20)), 1)
    data = _png(20, 30, 8, 0, rows if damage != "rows" else rows[:-30])
    if damage == "checksum":
        at = data.index(b"IEND") - 10
        data = data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :]
    path = tmp_path / "damaged.png"
    path.write_bytes(data[:-40] if damage == "cut" else data)
    with pytest.raises(Invalid, match=r"damaged\.png"):
        [list(source.blocks()) for source in open_file(path, name="damaged.png")]


def test_a_truncated_jpeg_is_refused(tmp_path):
    path = tmp_path / "cut.jpg"
    Image.fromarray(_random((200, 200, 3))).save(path)
    path.write_bytes(path.read_bytes()[:-2000])
    (source,) = open_file(path, name="cut.jpg")
    with pytest.raises(Invalid, match="truncated"):
        list(source.blocks())
