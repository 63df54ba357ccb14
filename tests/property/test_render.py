"""Drawing agrees with a plain double precision definition, written here a second time."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.render import compact, luts
from adapters.render.compose import compose
from adapters.render.settings import (
    ChannelSettings,
    Family,
    Method,
    Model,
    Projection,
    RenderSettings,
)
from store.errors import Invalid

DTYPES = ("bool", "u1", "i1", "u2", "i2", ">u2", "u4", "i4", "i8", "f2", "f4", "f8")

byte = st.integers(0, 255)


@st.composite
def samples(draw, dtype, count):
    shape = (count, draw(st.integers(1, 6)), draw(st.integers(1, 6)))
    kind = np.dtype(dtype)
    if kind.kind == "b":
        values = st.booleans()
    elif kind.kind in "iu":
        limits = np.iinfo(kind)
        values = st.one_of(
            st.integers(int(limits.min), int(limits.max)),
            st.integers(max(-300, int(limits.min)), min(300, int(limits.max))),
        )
    else:
        values = st.one_of(
            st.floats(width=kind.itemsize * 8),
            st.floats(-300, 300).map(lambda v: float(kind.type(v))),
        )
    flat = draw(st.lists(values, min_size=int(np.prod(shape)), max_size=int(np.prod(shape))))
    return np.array(flat, dtype=kind).reshape(shape)


@st.composite
def channels(draw, dtype):
    kind = np.dtype(dtype)
    wide = 300 if kind.kind in "bf" else min(70_000, int(np.iinfo(kind).max) + 100)
    edge = st.one_of(st.integers(-wide, wide), st.floats(-wide, wide))
    start, end = sorted((float(draw(edge)), float(draw(edge))))
    return ChannelSettings(
        active=draw(st.booleans()) or draw(st.booleans()),
        start=start,
        end=end,
        color=draw(
            st.one_of(
                st.tuples(byte, byte, byte),
                st.sampled_from([(255, 0, 0), (0, 255, 0), (0, 0, 255)]),
            )
        ),
        lut=draw(st.sampled_from([None, None, None, "fire", "ice", "viridis", "3-3-2_rgb"])),
        inverted=draw(st.booleans()),
        family=draw(st.sampled_from(list(Family))),
        coefficient=draw(st.sampled_from([1.0, 0.5, 1.7, 2.0, 4.0])),
    )


def curve(n, family, k):
    """The curves of the definition; the exponential with Python's unbounded integers in mind."""
    if family is Family.POLYNOMIAL:
        return n**k / 255**k
    if family is Family.EXPONENTIAL:
        a, top = n**k, 255**k
        return (np.exp(a - top) - np.exp(-top)) / (1 - np.exp(-top))
    if family is Family.LOGARITHMIC:
        return np.log(max(n, 1)) / np.log(255)
    return n / 255


def quantised(sample, channel):
    value = float(sample)
    if channel.start == channel.end:
        step = 255 if value >= channel.end else 0
    elif np.isnan(value) or value <= channel.start:
        step = 0
    elif value >= channel.end:
        step = 255
    else:
        n = 255 * (value - channel.start) / (channel.end - channel.start)
        step = 255 * curve(n, channel.family, channel.coefficient)
        step = int(np.floor(step + 0.5))
    return 255 - step if channel.inverted else step


def pixel(values, look):
    """One pixel: the sum of all channels' colours, clipped, not yet rounded."""
    shown = [(v, c) for v, c in zip(values, look.channels, strict=True) if c.active]
    total = np.zeros(3)
    if look.model is Model.GREYSCALE:
        return total + (quantised(*shown[0]) if shown else 0)
    for value, channel in shown:
        step = quantised(value, channel)
        if channel.lut is not None:
            total += luts.table(channel.lut)[step]
        else:
            total += np.array(channel.color) * step / 255
    return np.minimum(total, 255)


@settings(max_examples=250, deadline=None)
@given(st.data())
def test_a_picture_equals_the_double_precision_definition_to_one_step(data):
    dtype = data.draw(st.sampled_from(DTYPES))
    count = data.draw(st.integers(1, 8))
    planes = data.draw(samples(dtype, count))
    look = RenderSettings(
        channels=tuple(data.draw(channels(dtype)) for _ in range(count)),
        model=data.draw(st.sampled_from([Model.COLOR, Model.COLOR, Model.GREYSCALE])),
    )

    picture = compose(planes, look)

    assert picture.dtype == np.uint8
    assert picture.shape == (*planes.shape[1:], 3)
    for y, x in np.ndindex(*planes.shape[1:]):
        expected = pixel(planes[:, y, x], look)
        assert np.all(np.abs(picture[y, x].astype(float) - expected) <= 1.0001)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 65_535), st.integers(1, 65_535), st.booleans())
def test_a_linear_window_on_16_bits_is_exact_for_every_sample(start, width, inverted):
    channel = ChannelSettings(start=start, end=start + width, inverted=inverted)
    every = np.arange(65_536, dtype=np.uint16).reshape(1, 256, 256)

    drawn = compose(every, RenderSettings((channel,)))[..., 0].ravel()

    # 255 (v - s) / w rounded half up, in whole numbers throughout.
    above = np.clip(np.arange(65_536, dtype=np.int64) - start, 0, width)
    steps = (2 * 255 * above + width) // (2 * width)
    assert np.array_equal(drawn, 255 - steps if inverted else steps)


number = st.one_of(st.integers(-(10**6), 10**6).map(float), st.floats(-1e9, 1e9, allow_nan=False))


@st.composite
def written_settings(draw):
    def channel():
        start, end = sorted((draw(number), draw(number)))
        return ChannelSettings(
            active=draw(st.booleans()),
            start=start,
            end=end,
            color=draw(st.tuples(byte, byte, byte)),
            inverted=draw(st.booleans()),
            family=draw(st.sampled_from(list(Family))),
            coefficient=draw(st.floats(0.1, 10)),
        )

    last = draw(st.none() | st.integers(3, 9))
    projection = Projection(draw(st.sampled_from(list(Method))), 0 if last is None else 2, last)
    return RenderSettings(
        channels=tuple(channel() for _ in range(draw(st.integers(1, 5)))),
        model=draw(st.sampled_from(list(Model))),
        projection=draw(st.none() | st.just(projection)),
    )


@settings(max_examples=80, deadline=None)
@given(written_settings())
def test_settings_written_as_url_texts_are_read_back_the_same(original):
    blank = RenderSettings(tuple(ChannelSettings() for _ in original.channels))

    texts = compact.write(original)

    assert compact.read(blank, **texts) == original
    assert compact.read(original, **texts).key() == original.key()


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="0123456789|:$,-.abcdefnightulz \u00b2", max_size=30))
def test_any_text_for_c_is_read_or_refused_as_invalid(text):
    base = RenderSettings((ChannelSettings(), ChannelSettings()))
    field = "c"

    try:
        assert len(compact.read(base, c=text).channels) == 2
    except Invalid as refusal:
        field = refusal.field

    assert field == "c"
