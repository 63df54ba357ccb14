"""Conversions at the limits of every type."""

from __future__ import annotations

import numpy as np
import pytest

from adapters.operations import registry

TYPES = ["uint8", "uint16", "uint32", "int8", "int16", "int32", "float32", "float64"]


@pytest.mark.parametrize("source", TYPES)
@pytest.mark.parametrize("target", TYPES)
def test_conversion_clips_or_wraps_as_whole_numbers_do(source: str, target: str) -> None:
    whole = np.dtype(source).kind != "f"
    info = np.iinfo(source) if whole else np.iinfo("int16")
    values = [info.min, info.max, 0, 1, 100, info.max // 2]
    image = np.array([values], source)
    op = registry.get("convert.type")
    clip = op(image=image, to=target)["image"]
    wrap = op(image=image, to=target, method="wrap")["image"]
    assert clip.dtype == wrap.dtype == target
    if np.dtype(target).kind == "f":
        np.testing.assert_array_equal(clip, image.astype(target))
        return
    limit = np.iinfo(target)
    span = int(limit.max) - int(limit.min) + 1
    exact = [int(v) for v in image.ravel().tolist()]
    assert clip.ravel().tolist() == [min(max(v, limit.min), limit.max) for v in exact]
    assert wrap.ravel().tolist() == [(v - limit.min) % span + limit.min for v in exact]


def test_fractions_round_when_clipped_and_are_cut_when_wrapped() -> None:
    image = np.array([[0.5, 1.49, -0.6, 254.5, 255.5, np.nan]])
    op = registry.get("convert.type")
    assert op(image=image, to="uint8")["image"].tolist() == [[1, 1, 0, 255, 255, 0]]
    assert op(image=image, to="uint8", method="wrap")["image"].tolist() == [[0, 1, 0, 254, 255, 0]]


@pytest.mark.parametrize("source", ["uint8", "uint16", "int16", "float32"])
def test_scaling_maps_the_range_of_the_data_onto_the_type(source: str) -> None:
    image = np.linspace(10, 110, 500 * 300).reshape(500, 300).astype(source)
    op = registry.get("convert.type")
    found = op(image=image, to="uint16", method="scale")["image"]
    low, high = float(image.min()), float(image.max())
    expected = np.floor((image.astype(np.float64) - low) / (high - low) * 65535 + 0.5)
    assert np.abs(found - expected).max() <= 1
    assert (found.min(), found.max()) == (0, 65535)
    real = op(image=image, to="float32", method="scale")["image"]
    assert (real.min(), real.max()) == (0.0, 1.0)
    assert not op(image=np.full((3, 3), 7, source), to="uint8", method="scale")["image"].any()


def test_the_input_is_never_changed() -> None:
    for op in registry:
        if [port.name for port in op.images] != ["image"] or op.images[0].streamed:
            continue
        shape = {"yx": (20, 30), "zyx": (3, 20, 30), "cyx": (3, 20, 30)}[op.images[0].axes]
        for dtype in ("uint8", "float32", "float64"):
            image = (np.random.default_rng(0).random(shape) * 200).astype(dtype)
            before = image.copy()
            image.setflags(write=False)
            required = {p.name: 1.0 for p in op.inputs if p.required and not p.is_data}
            op(image=image, **required)
            for zero in ("sigma", "radius"):
                if zero in {port.name for port in op.inputs}:
                    op(image=image, **required, **{zero: 0})
            np.testing.assert_array_equal(image, before)


def test_grey_weighs_channels() -> None:
    image = np.zeros((3, 1, 3), np.uint8)
    image[0, 0, 0] = image[1, 0, 1] = image[2, 0, 2] = 255
    op = registry.get("convert.grey")
    assert op(image=image)["image"].tolist() == [[76, 150, 29]]
    assert op(image=image, weighting="equal")["image"].tolist() == [[85, 85, 85]]
