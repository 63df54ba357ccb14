"""Grey values inside shapes, against numpy over masks drawn by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from schema.scalars import encode_id
from tests.fixtures.hub import statements
from tests.fixtures.hub_world import HubWorld, code_of

STATISTICS = """query($ids: [ID!]!, $c: [Int!], $z: Int, $t: Int) {
  shapeStatistics(ids: $ids, channels: $c, z: $z, t: $t) {
    channel z t count minimum maximum mean std sum shape { legacyId } } }"""
SIZE_Z, SIZE_C, HEIGHT, WIDTH = 3, 2, 1100, 1300


def stack() -> NDArray[np.uint16]:
    """Return samples ``(z, c, y, x)`` of an image larger than one block."""
    return np.random.default_rng(7).integers(
        0, 60_000, (SIZE_Z, SIZE_C, HEIGHT, WIDTH), dtype=np.uint16
    )


class Scene:
    """One image with known samples, and shapes on it."""

    def __init__(self, world: HubWorld) -> None:
        self.world = world
        self.samples = stack()
        self.rois: list[str] = []

    async def make(self) -> Scene:
        hub = await self.world.hub("owner")
        folder = self.world.infrastructure.settings.data
        import tifffile

        from adapters.imports import ImportOptions

        path = folder / "stack.tif"
        tifffile.imwrite(path, self.samples, imagej=True, metadata={"axes": "ZCYX"})
        (image,) = await hub.imports.files([path], ImportOptions())
        self.image = image.id
        return self

    async def draw(self, *shapes: dict[str, Any]) -> list[str]:
        """Draw one region and return its shapes' ids."""
        made = await self.world.mutate(
            "owner", "createRoi",
            {"image": encode_id("Image", self.image), "shapes": list(shapes)},
            "roi { id shapes { id } }",
        )  # fmt: skip
        self.rois.append(made["roi"]["id"])
        return [shape["id"] for shape in made["roi"]["shapes"]]

    async def measure(self, who: str = "annotator", **asked: Any) -> list[dict[str, Any]]:
        found = await self.world.graphql(who, STATISTICS, asked)
        rows: list[dict[str, Any]] = found["shapeStatistics"]
        return rows


@pytest.fixture
async def scene(hub_world: HubWorld) -> Scene:
    return await Scene(hub_world).make()


def expected(samples: NDArray[Any]) -> dict[str, Any]:
    """Return the figures of some samples."""
    return {
        "count": samples.size,
        "minimum": samples.min(),
        "maximum": samples.max(),
        "mean": pytest.approx(samples.mean(), rel=1e-12),
        "std": pytest.approx(samples.std(), rel=1e-9),
        "sum": int(samples.sum(dtype=np.int64)),
    }


def figures(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("count", "minimum", "maximum", "mean", "std", "sum")}


async def test_a_rectangle_is_measured_channel_by_channel_on_its_own_plane(scene: Scene) -> None:
    ids = await scene.draw({"rectangle": {"x": 10, "y": 20, "width": 1200, "height": 1050}, "z": 1})
    found = await scene.measure(ids=ids, z=2)
    for channel, row in enumerate(found):
        assert (row["channel"], row["z"], row["t"]) == (channel, 1, 0)
        inside = scene.samples[1, channel, 20:1070, 10:1210]
        assert figures(row) == expected(inside)
    assert len(found) == SIZE_C


async def test_ellipses_polygons_lines_and_points_count_their_pixels(scene: Scene) -> None:
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    triangle = (x < 200) & (y > 100) & (y - 100 <= x)  # centres on a left edge count
    hole = (x > 100) & (x < 120) & (y > 110) & (y < 130)
    masks = [
        ((x - 300.5) / 40) ** 2 + ((y - 200) / 25) ** 2 <= 1,
        triangle & ~hole & (x > 0),
        (np.abs(y - 50.5) < 0.1) & (x > 3) & (x < 10),
        (np.abs(x - 7.5) < 0.1) & (np.abs(y - 9.5) < 0.1),
    ]
    ids = await scene.draw(
        {"ellipse": {"x": 300.5, "y": 200, "radiusX": 40, "radiusY": 25}},
        {"polygon": {"points": [[0, 100], [200, 100], [200, 300]],
                     "holes": [[[100, 110], [120, 110], [120, 130], [100, 130]]]}},
        {"line": {"x1": 3.5, "y1": 50.5, "x2": 9.5, "y2": 50.5}},
        {"point": {"x": 7.25, "y": 9.5}},
    )  # fmt: skip
    found = await scene.measure(ids=ids, c=[1], z=2)
    for mask, row in zip(masks, found, strict=True):
        assert figures(row) == expected(scene.samples[2, 1][mask])


async def test_a_shape_without_a_plane_is_measured_in_the_middle(scene: Scene) -> None:
    ids = await scene.draw({"rectangle": {"x": 0, "y": 0, "width": 4, "height": 4}})
    (row,) = await scene.measure(ids=ids, c=[0])
    assert row["z"] == SIZE_Z // 2
    assert figures(row) == expected(scene.samples[SIZE_Z // 2, 0, :4, :4])


async def test_what_lies_outside_the_image_does_not_count(scene: Scene) -> None:
    ids = await scene.draw(
        {"rectangle": {"x": -5, "y": -5, "width": 10, "height": 10}, "z": 0},
        {"rectangle": {"x": WIDTH + 50, "y": 0, "width": 10, "height": 10}, "z": 0},
    )
    inside, outside = await scene.measure(ids=ids, c=[0])
    assert figures(inside) == expected(scene.samples[0, 0, :5, :5])
    assert outside["count"] == 0
    assert outside["mean"] is None


async def test_a_region_stands_for_its_shapes_and_shapes_tell_for_themselves(scene: Scene) -> None:
    ids = await scene.draw(
        {"rectangle": {"x": 0, "y": 0, "width": 4, "height": 4}, "z": 0},
        {"rectangle": {"x": 8, "y": 0, "width": 4, "height": 4}, "z": 2},
    )
    found = await scene.measure(ids=[scene.rois[0], ids[0]])
    assert [(row["z"], row["channel"]) for row in found] == [(0, 0), (0, 1), (2, 0), (2, 1)]
    query = """query($id: ID!) { roi(id: $id) { shapes { statistics(channels: [1]) {
      z mean shape { legacyId } } } } }"""
    shapes = (await scene.world.graphql("owner", query, {"id": scene.rois[0]}))["roi"]["shapes"]
    assert [shape["statistics"][0]["mean"] for shape in shapes] == [
        pytest.approx(scene.samples[0, 1, :4, :4].mean()),
        pytest.approx(scene.samples[2, 1, :4, 8:12].mean()),
    ]


async def test_strangers_measure_nothing_and_wrong_planes_are_refused(scene: Scene) -> None:
    ids = await scene.draw({"rectangle": {"x": 0, "y": 0, "width": 4, "height": 4}})
    for who in ("stranger", "reader"):
        assert await scene.measure(who, ids=ids + scene.rois) == []
    for wrong in ({"c": [2]}, {"z": 3}, {"t": 1}, {"c": [-1]}):
        result = await scene.world.execute("owner", STATISTICS, {"ids": ids, **wrong})
        assert code_of(result) == "invalid", wrong
    many = await scene.world.execute("owner", STATISTICS, {"ids": ids * 2 + [scene.rois[0]]})
    assert many.data is not None
    assert len(many.data["shapeStatistics"]) == SIZE_C


async def test_too_much_at_once_is_refused_before_a_sample_is_read(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.shape_statistics.MOST_SAMPLES", 100)
    ids = await scene.draw({"rectangle": {"x": 0, "y": 0, "width": 40, "height": 40}})
    assert code_of(await scene.world.execute("owner", STATISTICS, {"ids": ids})) == "too_large"


async def test_measuring_many_shapes_costs_the_statements_of_one(scene: Scene) -> None:
    ids = await scene.draw(
        *({"rectangle": {"x": n, "y": 0, "width": 4, "height": 4}} for n in range(5))
    )
    counts = []
    for asked in (ids[:1], ids):
        with statements(scene.world.database) as sent:
            await scene.measure("owner", ids=asked)
        counts.append(len(sent))
    assert counts[0] == counts[1]
