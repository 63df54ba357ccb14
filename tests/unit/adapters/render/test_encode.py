from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from adapters.render.encode import Format, encode
from store.errors import Invalid, TooLarge, Unsupported


def decoded(data):
    return np.asarray(Image.open(BytesIO(data)))


def smooth(layers=None):
    y, x = np.mgrid[0:64, 0:96]
    planes = [x * 2, y * 3, 255 - x * 2, 100 + x][: layers or 1]
    picture = np.stack(planes, axis=-1).astype(np.uint8)
    return picture if layers else picture[..., 0]


@pytest.mark.parametrize("layers", [None, 3])
@pytest.mark.parametrize(
    ("format", "error"), [(Format.JPEG, 12), (Format.WEBP, 12), (Format.PNG, 0)]
)
def test_a_picture_comes_back_with_its_colours_in_order(format, layers, error):
    picture = smooth(layers)

    back = decoded(encode(picture, format, 95))

    if back.ndim == 3 and picture.ndim == 2:
        back = back[..., 0]
    assert back.shape == picture.shape
    assert np.abs(back.astype(int) - picture.astype(int)).max() <= error


def test_opacity_is_kept_by_png():
    picture = smooth(4)

    assert np.array_equal(decoded(encode(picture, Format.PNG)), picture)


def test_16_bit_greys_are_kept_by_png():
    picture = np.arange(4096, dtype=np.uint16).reshape(64, 64) * 16

    assert np.array_equal(decoded(encode(picture, Format.PNG)), picture)


def test_a_part_of_a_larger_array_can_be_written():
    picture = smooth(3)[5:40:2, 10:60]

    assert np.array_equal(decoded(encode(picture, Format.PNG)), picture)


def test_lower_quality_makes_fewer_bytes():
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8)

    assert len(encode(noise, Format.JPEG, 20)) < len(encode(noise, Format.JPEG, 90))


@pytest.mark.parametrize(
    ("picture", "format"),
    [
        (np.zeros((4, 4, 4), np.uint8), Format.JPEG),
        (np.zeros((4, 4, 2), np.uint8), Format.PNG),
        (np.zeros((0, 4, 3), np.uint8), Format.JPEG),
        (np.zeros((4, 4), np.uint16), Format.JPEG),
        (np.zeros((4, 4, 3), np.float32), Format.PNG),
        (np.zeros(4, np.uint8), Format.PNG),
    ],
)
def test_what_a_format_cannot_hold_is_refused(picture, format):
    with pytest.raises(Invalid) as refusal:
        encode(picture, format)
    assert refusal.value.field == "picture"


def test_a_picture_longer_than_the_format_allows_is_refused():
    with pytest.raises(TooLarge, match="16,383"):
        encode(np.zeros((1, 16_384, 3), np.uint8), Format.WEBP)


@pytest.mark.parametrize("quality", [0, 101])
def test_a_quality_out_of_range_is_refused(quality):
    with pytest.raises(Invalid, match=f"quality: {quality} "):
        encode(smooth(3), Format.JPEG, quality)


def test_formats_are_named_by_extension():
    assert Format.named("JPG") is Format.JPEG
    assert Format.named(".png").media_type == "image/png"
    with pytest.raises(Unsupported, match="'gif' is not one of jpg, png, webp"):
        Format.named("gif")
