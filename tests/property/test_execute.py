"""Tiled runs give what one call on the whole array gives, for every locality."""

from __future__ import annotations

import itertools
import threading
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.jobs.execute import Cancelled, Results, execute
from adapters.jobs.plan import prepare
from adapters.jobs.views import ImageInput, Selection
from adapters.operations import (
    Calibration,
    Neighbourhood,
    Operation,
    Plane,
    Pointwise,
    Port,
    Registry,
    Volume,
    Whole,
    operation,
    registry,
)
from store.errors import Invalid, TooLarge
from tests.fixtures.memory_pixels import MemoryOutputs, MemoryReader

PLENTY = 1 << 30
INTEGERS = ["uint8", "uint16", "int16", "int32", "uint32"]
DTYPES = [*INTEGERS, "float32", "float64"]
modest = settings(max_examples=30, deadline=None)


def noise(shape: tuple[int, ...], dtype: str, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.normal(100, 50, shape).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(max(info.min, -70_000), min(info.max, 70_000), shape).astype(dtype)


def run(
    op: Operation,
    arguments: dict[str, Any],
    images: dict[str, Any],
    *,
    memory_limit: int = PLENTY,
    **options: Any,
) -> tuple[MemoryOutputs, Results]:
    """Execute over arrays or `ImageInput`s."""
    inputs = {
        name: image if isinstance(image, ImageInput) else ImageInput(MemoryReader(image))
        for name, image in images.items()
    }
    outputs = MemoryOutputs()
    bound = op.bind({**arguments, **dict.fromkeys(images, "here")})
    results = execute(op, bound, inputs, outputs, memory_limit=memory_limit, **options)
    return outputs, results


def same(found: np.ndarray, expected: np.ndarray) -> None:
    """Equal for integers; floats may differ by their rounding, since sums run in another order."""
    assert found.dtype == expected.dtype
    if found.dtype.kind == "f":
        scale = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=2e-6 * scale)
    else:
        np.testing.assert_array_equal(found, expected)


sizes = st.integers(1, 61)
shapes = st.tuples(sizes, sizes)
tiles = st.integers(3, 20)
seeds = st.integers(0, 2**16)


@modest
@given(shapes, tiles, st.sampled_from(DTYPES), st.integers(0, 6), seeds, st.integers(1, 2))
def test_rank_and_mean_filters_in_tiles_equal_the_whole(
    shape: tuple[int, int], tile: int, dtype: str, radius: int, seed: int, workers: int
) -> None:
    image = noise(shape, dtype, seed)
    for name in ("filter.median", "filter.mean", "morphology.open", "morphology.dilate"):
        op = registry.get(name)
        outputs, _ = run(op, {"radius": radius}, {"image": image}, tile=tile, workers=workers)
        same(outputs["image"][0, 0, 0], op(image=image, radius=radius)["image"])


@modest
@given(
    shapes,
    tiles,
    st.sampled_from(DTYPES),
    st.floats(0, 4),
    st.sampled_from(["reflect", "mirror", "nearest", "zero"]),
    seeds,
)
def test_gaussian_filters_in_tiles_equal_the_whole(
    shape: tuple[int, int], tile: int, dtype: str, sigma: float, border: str, seed: int
) -> None:
    image = noise(shape, dtype, seed)
    arguments = {"sigma": sigma, "border": border}
    op = registry.get("filter.gaussian")
    outputs, _ = run(op, arguments, {"image": image}, tile=tile)
    found, whole = outputs["image"][0, 0, 0], op(image=image, **arguments)["image"]
    if found.dtype.kind == "f":
        same(found, whole)
    else:
        # A value on the edge between two levels may fall to either side.
        assert np.abs(found.astype(np.int64) - whole).max() <= 1
        assert (found != whole).mean() < 0.01


@modest
@given(
    st.tuples(st.integers(1, 9), sizes, sizes),
    st.sampled_from(["uint16", "float32"]),
    st.floats(0, 2),
    st.floats(0, 2),
    st.integers(20, 400),
    seeds,
)
def test_volumes_cut_in_depth_too_equal_the_whole(
    shape: tuple[int, int, int], dtype: str, sigma: float, sigma_z: float, kilobytes: int, seed: int
) -> None:
    image = noise(shape, dtype, seed)
    op = registry.get("filter.gaussian_volume")
    arguments = {"sigma": sigma, "sigma_z": sigma_z}
    try:
        outputs, _ = run(op, arguments, {"image": image}, tile=16, memory_limit=kilobytes * 1024)
    except TooLarge:
        return
    whole = op(image=image, **arguments)["image"].astype(np.float64)
    found = outputs["image"][0, 0].astype(np.float64)
    assert np.abs(found - whole).max() <= (1 if dtype == "uint16" else 1e-3)


@modest
@given(shapes, tiles, st.sampled_from(DTYPES), st.floats(-300, 300), seeds)
def test_pointwise_operations_in_tiles_equal_the_whole(
    shape: tuple[int, int], tile: int, dtype: str, value: float, seed: int
) -> None:
    image = noise(shape, dtype, seed)
    for name, overflow in itertools.product(("math.add", "math.multiply"), ("clip", "wrap")):
        op = registry.get(name)
        arguments = {"value": value, "overflow": overflow}
        outputs, _ = run(op, arguments, {"image": image}, tile=tile)
        same(outputs["image"][0, 0, 0], op(image=image, **arguments)["image"])


@settings(max_examples=20, deadline=None)
@given(
    st.tuples(st.integers(1, 2), st.integers(1, 2), st.integers(1, 3), sizes, sizes),
    st.integers(6, 20),
    st.sampled_from(DTYPES),
    st.sampled_from([("plane", "yx"), ("stack", "zyx"), ("channel", "tzyx")]),
    seeds,
)
def test_a_global_threshold_in_tiles_equals_the_whole_of_its_scope(
    shape: tuple[int, ...], tile: int, dtype: str, scope: tuple[str, str], seed: int
) -> None:
    image = noise(shape, dtype, seed)
    op = registry.get("threshold.otsu")
    outputs, results = run(op, {"scope": scope[0]}, {"image": image}, tile=tile)
    levels = {(v.t, v.c, v.z): v.value for v in results.values["threshold"]}
    for t, c, z in np.ndindex(shape[:3]):
        together = {"yx": image[t, c, z], "zyx": image[t, c], "tzyx": image[:, c]}[scope[1]]
        flat = together.reshape(-1, together.shape[-1])
        alone = op(image=flat)
        assert levels[t, c, z] == alone["threshold"]
        expected = np.where(image[t, c, z] > alone["threshold"], 255, 0)
        np.testing.assert_array_equal(outputs["mask"][t, c, z], expected)


@modest
@given(
    st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), sizes, sizes),
    tiles,
    st.sampled_from(DTYPES),
    st.sampled_from("tcz"),
    seeds,
    st.integers(1, 2),
)
def test_projections_in_tiles_equal_numpy(
    shape: tuple[int, ...], tile: int, dtype: str, axis: str, seed: int, workers: int
) -> None:
    image = noise(shape, dtype, seed)
    at = "tczyx".index(axis)
    expected = {
        "project.max": image.max(axis=at, keepdims=True),
        "project.min": image.min(axis=at, keepdims=True),
        "project.mean": image.mean(axis=at, keepdims=True, dtype=np.float64).astype(np.float32),
        "project.sum": image.sum(axis=at, keepdims=True, dtype=np.float64),
        "project.deviation": (
            image.std(axis=at, keepdims=True, ddof=1, dtype=np.float64).astype(np.float32)
            if shape[at] > 1
            else np.zeros_like(image.max(axis=at, keepdims=True), np.float32)
        ),
    }
    for name, wanted in expected.items():
        outputs, _ = run(
            registry.get(name), {"axis": axis}, {"image": image}, tile=tile, workers=workers
        )
        same(outputs["image"], wanted)


@modest
@given(
    st.tuples(st.integers(1, 2), st.integers(1, 2), st.integers(1, 3), sizes, sizes),
    tiles,
    st.sampled_from(DTYPES),
    seeds,
)
def test_statistics_and_histograms_in_tiles_equal_numpy(
    shape: tuple[int, ...], tile: int, dtype: str, seed: int
) -> None:
    image = noise(shape, dtype, seed)
    _, results = run(
        registry.get("measure.statistics"), {"scope": "image"}, {"image": image}, tile=tile
    )
    (row,) = results.tables["table"].rows()
    real = image.astype(np.float64)
    spread = real.std(ddof=1) if real.size > 1 else 0.0
    expected = (real.size, real.mean(), spread, real.min(), real.max(), real.sum())
    np.testing.assert_allclose(row, expected, rtol=1e-7, atol=1e-6)
    _, results = run(
        registry.get("measure.histogram"),
        {"bins": 7, "scope": "image"},
        {"image": image},
        tile=tile,
    )
    table = results.tables["table"]
    counts, edges = np.histogram(image, 7)
    np.testing.assert_array_equal(table["count"], counts)
    np.testing.assert_allclose(table["bin_start"], edges[:-1], rtol=1e-6, atol=1e-4)


@modest
@given(
    st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(1, 2), sizes, sizes), tiles, seeds
)
def test_objects_are_labelled_plane_by_plane_and_measured_with_their_plane(
    shape: tuple[int, ...], tile: int, seed: int
) -> None:
    mask = (noise(shape, "uint8", seed) > 120).astype(np.uint8)
    outputs, _ = run(registry.get("segment.label"), {}, {"mask": mask}, tile=tile)
    labels = outputs["labels"]
    op = registry.get("measure.regions")
    _, results = run(op, {}, {"labels": labels, "intensity": mask}, tile=tile)
    table = results.tables["table"]
    at = 0
    for t, c, z in np.ndindex(shape[:3]):
        count = int(labels[t, c, z].max())
        rows = slice(at, at + count)
        assert table["label"][rows].tolist() == list(range(1, count + 1))
        assert set(zip(table["t"][rows], table["c"][rows], table["z"][rows], strict=True)) <= {
            (t, c, z)
        }
        assert table["area"][rows].sum() == mask[t, c, z].sum()
        at += count
    assert at == len(table)


@settings(max_examples=5, deadline=None)
@given(st.integers(1, 2), st.integers(8, 20), st.integers(0, 30))
def test_progress_only_grows_and_ends_at_its_total(planes: int, tile: int, size: int) -> None:
    image = noise((1, 2, planes, 10 + size, 40), "uint16", 1)
    for name, arguments in (
        ("filter.gaussian", {}),
        ("threshold.otsu", {"scope": "stack"}),
        ("convert.type", {"to": "uint8", "method": "clip"}),
        ("convert.type", {"to": "uint8", "method": "scale"}),
        ("project.mean", {}),
        ("measure.statistics", {}),
        ("measure.histogram", {"scope": "channel"}),
    ):
        for workers in (1, 2):
            seen: list[tuple[int, int]] = []
            run(
                registry.get(name),
                arguments,
                {"image": image},
                tile=tile,
                workers=workers,
                progress=lambda done, total, seen=seen: seen.append((done, total)),
            )
            done = [step for step, _ in seen]
            assert done == sorted(done)
            assert len({total for _, total in seen}) == 1
            assert seen[0][0] == 0
            assert seen[-1][0] == seen[-1][1] > 0, name


@pytest.mark.parametrize("name", ["filter.gaussian", "threshold.otsu", "project.max"])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_cancelled_run_stops_within_one_tile_and_leaves_nothing(name: str, workers: int) -> None:
    image = noise((1, 1, 8, 64, 64), "uint16", 1)
    reader = MemoryReader(image)
    asked = threading.Event()

    def progress(done: int, total: int) -> None:
        if done == 3:
            asked.set()
            progress.reads = reader.reads  # type: ignore[attr-defined]

    outputs = MemoryOutputs()
    op = registry.get(name)
    with pytest.raises(Cancelled):
        execute(
            op,
            op.bind({"image": 1}),
            {"image": ImageInput(reader)},
            outputs,
            progress=progress,
            cancelled=asked.is_set,
            memory_limit=PLENTY,
            workers=workers,
            tile=16,
        )
    assert reader.reads - progress.reads <= workers  # type: ignore[attr-defined]
    assert outputs.writers["image" if "image" in outputs.writers else "mask"].discarded


def test_a_run_cancelled_before_it_starts_asks_for_no_writer() -> None:
    outputs = MemoryOutputs()
    op = registry.get("math.invert")
    with pytest.raises(Cancelled):
        execute(
            op,
            op.bind({"image": 1}),
            {"image": ImageInput(MemoryReader(noise((8, 8), "uint8", 1)))},
            outputs,
            cancelled=lambda: True,
            memory_limit=PLENTY,
        )
    assert outputs.writers == {}


def test_a_failing_function_discards_what_was_written() -> None:
    fresh = Registry(builtin=None, group=None)

    @operation("test.fail", locality=Pointwise(), into=fresh)
    def fail(image: Plane) -> Plane:
        """Fail on the second plane."""
        if image[0, 0] == 2:
            raise Invalid("image", "is bad.")
        return image

    outputs = MemoryOutputs()
    op = fresh.get("test.fail")
    image = np.stack([np.full((8, 8), 1, np.uint8), np.full((8, 8), 2, np.uint8)])
    with pytest.raises(Invalid, match="is bad"):
        execute(
            op,
            op.bind({"image": 1}),
            {"image": ImageInput(MemoryReader(image))},
            outputs,
            memory_limit=PLENTY,
        )
    assert outputs.writers["image"].discarded
    assert not outputs.writers["image"].finished


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("filter.gaussian", {"sigma": 2.0}),
        ("math.add", {"value": 3}),
        ("threshold.otsu", {"scope": "stack"}),
        ("project.mean", {}),
        ("measure.statistics", {"scope": "image"}),
    ],
)
def test_no_read_comes_near_an_image_of_four_times_the_limit(
    name: str, arguments: dict[str, Any]
) -> None:
    image = noise((1, 1, 8, 1024, 1024), "uint16", 1)
    reader = MemoryReader(image)
    limit = image.nbytes // 4
    run(registry.get(name), arguments, {"image": ImageInput(reader)}, memory_limit=limit, workers=2)
    assert reader.largest * 6 < limit


def test_what_needs_a_whole_plane_beyond_the_limit_is_refused_with_numbers() -> None:
    outputs = MemoryOutputs()
    op = registry.get("segment.label")
    mask = np.ones((300, 400), np.uint8)
    with pytest.raises(TooLarge, match=r"300 × 400 samples.*1,000,000 bytes"):
        execute(
            op,
            op.bind({"mask": 1}),
            {"mask": ImageInput(MemoryReader(mask))},
            outputs,
            memory_limit=1_000_000,
        )
    assert outputs.writers == {}


def test_a_selection_runs_on_its_planes_and_region_only() -> None:
    image = noise((2, 3, 4, 30, 40), "uint16", 5)
    chosen = Selection(t=(1,), c=(2, 0), z=(0, 3), y=(5, 25), x=(10, 31))
    outputs, results = run(
        registry.get("math.invert"),
        {},
        {"image": ImageInput(MemoryReader(image), selection=chosen)},
    )
    expected = ~image[1:][:, [2, 0]][:, :, [0, 3], 5:25, 10:31]
    np.testing.assert_array_equal(outputs["image"], expected)
    assert results.images["image"].plan.c == (2, 0)


def test_measurements_and_regions_of_a_selection_are_in_the_frame_of_the_image() -> None:
    labels = np.zeros((1, 1, 3, 30, 40), np.int32)
    labels[0, 0, 2, 12:15, 20:24] = 7
    chosen = Selection(z=(2,), y=(10, 20), x=(15, 35))
    size = Calibration(physical_size_x=0.5, physical_size_y=0.5)
    inputs = {"labels": ImageInput(MemoryReader(labels), size, chosen)}
    _, results = run(registry.get("measure.regions"), {}, inputs)
    table = results.tables["table"]
    row = dict(zip(table.names, next(table.rows()), strict=True))
    assert (row["z"], row["label"], row["area"]) == (2, 7, 3.0)
    assert (row["centroid_x"], row["centroid_y"]) == (11.0, 6.75)
    assert (row["bbox_x"], row["bbox_y"], row["bbox_width"], row["bbox_height"]) == (20, 12, 4, 3)
    assert table.column("area").unit == "µm²"
    _, results = run(registry.get("roi.from_labels"), {}, inputs)
    (region,) = results.regions["regions"]
    assert region.geometry.bounds == (20.0, 12.0, 24.0, 15.0)
    assert (region.label, region.t, region.c, region.z) == (7, 0, 0, 2)


def test_one_label_plane_is_measured_on_every_channel() -> None:
    labels = np.zeros((1, 1, 1, 10, 10), np.int32)
    labels[..., 2:5, 2:5] = 1
    intensity = np.stack([np.full((1, 10, 10), value, np.uint16) for value in (3, 5)])[None]
    _, results = run(
        registry.get("measure.regions"), {}, {"labels": labels, "intensity": intensity}
    )
    table = results.tables["table"]
    assert table["c"].tolist() == [0, 1]
    assert table["mean_intensity"].tolist() == [3.0, 5.0]


def test_images_of_unequal_size_are_refused_by_name() -> None:
    with pytest.raises(Invalid, match="has 9 along x") as caught:
        run(
            registry.get("math.combine"),
            {},
            {"image": np.zeros((8, 8), np.uint8), "other": np.zeros((8, 9), np.uint8)},
        )
    assert caught.value.field == "other"


@pytest.mark.parametrize(
    "selection",
    [
        Selection(z=(4,)),
        Selection(c=(-1,)),
        Selection(t=()),
        Selection(x=(3, 3)),
        Selection(y=(0, 9)),
    ],
)
def test_a_selection_outside_the_image_is_refused(selection: Selection) -> None:
    image = ImageInput(MemoryReader(np.zeros((8, 8), np.uint8)), selection=selection)
    with pytest.raises(Invalid) as caught:
        run(registry.get("math.invert"), {}, {"image": image})
    assert caught.value.field == "image"


def test_a_float_image_is_no_label_image() -> None:
    with pytest.raises(Invalid, match="whole numbers") as caught:
        run(registry.get("measure.regions"), {}, {"labels": np.zeros((8, 8), np.float32)})
    assert caught.value.field == "labels"


def test_a_missing_image_is_refused_by_name() -> None:
    op = registry.get("math.invert")
    with pytest.raises(Invalid) as caught:
        execute(op, op.bind({"image": 1}), {}, MemoryOutputs(), memory_limit=PLENTY)
    assert caught.value.field == "image"


def test_colour_channels_reach_one_call_together() -> None:
    image = noise((1, 3, 2, 20, 30), "uint8", 3)
    outputs, _ = run(registry.get("convert.grey"), {"weighting": "equal"}, {"image": image}, tile=5)
    expected = np.floor(image.mean(axis=1, keepdims=True) + 0.5).astype(np.uint8)
    np.testing.assert_array_equal(outputs["image"], expected)


def test_a_result_of_another_size_a_kernel_and_many_images_fit_the_registry() -> None:
    fresh = Registry(builtin=None, group=None)

    @operation(
        "test.crop",
        locality=Whole(shape=lambda values, shape: (shape[0] - values["by"], shape[1])),
        into=fresh,
    )
    def crop(image: Plane, by: Annotated[int, Port("Rows.", ge=0)] = 1) -> Plane:
        """Cut rows off."""
        return image[by:]

    @operation("test.kernel", locality=Neighbourhood(lambda values: 1), into=fresh)
    def plus(image: Plane, kernel: Annotated[Plane, Port("Kernel.", aligned=False)]) -> Plane:
        """Add the sum of a kernel."""
        return image + kernel.sum().astype(image.dtype)

    @operation("test.stack", locality=Pointwise(), into=fresh)
    def deepest(images: list[Plane]) -> Plane:
        """Take the greatest of many images."""
        return np.max(images, axis=0)

    @operation(
        "test.create",
        locality=Whole(shape=lambda values, shape: (values["height"], values["width"])),
        into=fresh,
    )
    def create(
        width: Annotated[int, Port("Width.", gt=0)] = 7,
        height: Annotated[int, Port("Height.", gt=0)] = 3,
    ) -> Annotated[Plane, Port(dtype="uint8")]:
        """Make an image."""
        return np.full((height, width), 9, np.uint8)

    @operation("test.depth", locality=Whole(), into=fresh)
    def depth(image: Volume, unit: Literal["z"] = "z") -> float:
        """Count planes.

        Parameters
        ----------
        unit : str
            Which axis.
        """
        return float(len(image))

    image = noise((2, 9, 9), "uint8", 1)
    outputs, _ = run(fresh.get("test.crop"), {"by": 2}, {"image": image})
    np.testing.assert_array_equal(outputs["image"][0, 0], image[:, 2:])
    outputs, _ = run(
        fresh.get("test.kernel"), {}, {"image": image, "kernel": np.ones((3, 3), np.uint8)}, tile=4
    )
    np.testing.assert_array_equal(outputs["image"][0, 0], image + np.uint8(9))
    many = [ImageInput(MemoryReader(noise((20, 9), "uint8", seed))) for seed in range(3)]
    op = fresh.get("test.stack")
    outputs = MemoryOutputs()
    execute(
        op, op.bind({"images": [1, 2, 3]}), {"images": many}, outputs, memory_limit=PLENTY, tile=4
    )
    expected = np.max([noise((20, 9), "uint8", seed) for seed in range(3)], axis=0)
    np.testing.assert_array_equal(outputs["image"][0, 0, 0], expected)
    outputs, _ = run(fresh.get("test.create"), {"width": 5}, {})
    assert outputs["image"].shape == (1, 1, 1, 3, 5)
    _, results = run(fresh.get("test.depth"), {}, {"image": image})
    assert [value.value for value in results.values["value"]] == [2.0]


def test_wide_planes_are_cut_in_both_directions_and_others_in_bands() -> None:
    def tile_of(height: int, width: int, limit: int = PLENTY) -> tuple[int, int]:
        op = registry.get("filter.gaussian")
        image = ImageInput(MemoryReader(np.zeros((height, width), np.uint8)))
        plan = prepare(op, op.bind({"image": 1}), {"image": image}, memory_limit=limit, tile=512)
        return plan.tile["y"], plan.tile["x"]

    assert tile_of(300, 400) == (300, 400)
    assert tile_of(1024, 1024) == (256, 1024)
    assert tile_of(600, 5000) == (512, 512)
    height, width = tile_of(1024, 1024, limit=1 << 20)
    assert height * width * 18 < 1 << 20
