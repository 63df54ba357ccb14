"""Crops, masks and cut-outs of annotations: their sizes, and every pixel against shapely."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
import shapely
from shapely.affinity import affine_transform
from shapely.geometry.base import BaseGeometry

from adapters.shapes import Draft, Drawn, Kind
from tests.fixtures.app import AppClients
from tests.fixtures.drawing import shade
from tests.fixtures.pictured_scene import Array, Pictured, decoded, pictured

pytestmark = pytest.mark.asyncio(loop_scope="module")
HEIGHT, WIDTH = 700, 1100
KINDS = ("annotation", "userannotation", "algoannotation", "reviewedannotation", "roiannotation")
# Columns 100 to 160, rows 700 - 600 = 100 to 140 from the top; a hole of 10 × 10.
HOLED = (
    "POLYGON ((100 600, 160 600, 160 560, 100 560, 100 600), "
    "(120 590, 130 590, 130 580, 120 580, 120 590))"
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(shared_app: AppClients) -> AsyncIterator[Pictured]:
    """Images that are drawn on."""
    yield await pictured(shared_app)


def down(text: str) -> BaseGeometry:
    """Return a geometry counted from the bottom left as one from the top left."""
    return affine_transform(shapely.from_wkt(text), [1, 0, 0, -1, 0, HEIGHT])


def centres_in(geometry: BaseGeometry, box: tuple[int, int, int, int], step: float = 1) -> Array:
    """Return for each pixel of x, y, width, height whether its centre lies in a geometry."""
    x, y, width, height = box
    columns = x + step * (np.arange(round(width / step)) + 0.5)
    rows = y + step * (np.arange(round(height / step)) + 0.5)
    across, downwards = np.meshgrid(columns, rows)
    return np.asarray(shapely.contains_xy(geometry, across, downwards))


def stars(count: int, seed: int) -> list[str]:
    """Return polygons with a hole around random places, at coordinates no centre has."""
    random, made = np.random.default_rng(seed), []
    for _ in range(count):
        x, y = random.uniform(120, WIDTH - 120), random.uniform(120, HEIGHT - 120)
        turns = np.sort(random.uniform(0, 2 * np.pi, 24))
        reach = random.uniform(40, 100, 24)
        outer = np.stack((x + reach * np.cos(turns), y + reach * np.sin(turns)), axis=1)
        inner = shapely.Point(x, y).buffer(15, quad_segs=4)
        polygon = shapely.make_valid(shapely.Polygon(outer)).difference(inner)
        parts = [one for one in getattr(polygon, "geoms", [polygon]) if one.geom_type == "Polygon"]
        made.append(max(parts, key=lambda one: one.area).wkt)
    return made


async def test_a_crop_is_the_envelope_of_the_annotation(scene: Pictured) -> None:
    roi = await scene.draw(HOLED)
    low, high = float(scene.plane.min()), float(scene.plane.max())
    for kind in KINDS:
        found = await scene.picture(f"{kind}/{roi}/crop.png")
        assert np.abs(found - shade(scene.plane[100:140, 100:160], low, high)).max() <= 1
    posted = await scene.clients["owner"].post(f"/api/annotation/{roi}/crop.png", json={})
    assert np.array_equal(decoded(posted), found)


@pytest.mark.parametrize(
    ("params", "size"),
    [
        ({}, (40, 60)),
        ({"increaseArea": 2}, (80, 120)),
        ({"increaseArea": 1.5}, (60, 90)),
        ({"increaseArea": 0.5}, (20, 30)),
        ({"square": "True"}, (60, 60)),
        ({"square": "true", "increaseArea": "2.0"}, (120, 120)),
        ({"zoom": 0}, (40, 60)),
        ({"zoom": 1}, (20, 30)),
        ({"zoom": 2}, (10, 15)),
        ({"zoom": 1, "increaseArea": 2}, (40, 60)),
        ({"maxSize": 30}, (20, 30)),
        ({"maxSize": 30, "zoom": 2}, (20, 30)),
        ({"maxSize": 512}, (40, 60)),
        ({"increaseArea": 1000}, (HEIGHT, WIDTH)),
        ({"complete": "False"}, (40, 60)),
    ],
)
async def test_crops_have_the_sizes_asked_for(
    scene: Pictured, params: dict[str, Any], size: tuple[int, int]
) -> None:
    roi = await scene.draw(HOLED)
    for word in ("crop", "mask", "alphamask"):
        found = await scene.picture(f"annotation/{roi}/{word}.png", **params)
        assert found.shape[:2] == size, word


async def test_a_crop_at_the_border_is_moved_into_the_image(scene: Pictured) -> None:
    roi = await scene.draw("POLYGON ((0 0, 0 20, 30 20, 30 0, 0 0))")
    low, high = float(scene.plane.min()), float(scene.plane.max())
    found = await scene.picture(f"annotation/{roi}/crop.png", increaseArea=3)
    assert np.abs(found - shade(scene.plane[640:, :90], low, high)).max() <= 1
    mask = await scene.picture(f"annotation/{roi}/mask.png", increaseArea=3)
    wanted = np.zeros((60, 90))
    wanted[40:, :30] = 255
    assert np.array_equal(mask, wanted)


async def test_a_point_has_a_hundred_pixels_around_it(scene: Pictured) -> None:
    roi = await scene.draw("POINT (500 300)")
    low, high = float(scene.plane.min()), float(scene.plane.max())
    found = await scene.picture(f"annotation/{roi}/crop.png")
    assert np.abs(found - shade(scene.plane[350:450, 450:550], low, high)).max() <= 1
    mask = await scene.picture(f"annotation/{roi}/mask.png")
    assert np.argwhere(mask).tolist() == [[50, 50]]
    corner = await scene.draw("POINT (1100 0)")
    assert (await scene.picture(f"annotation/{corner}/crop.png")).shape == (100, 100)


async def test_a_line_has_at_least_one_pixel(scene: Pictured) -> None:
    for text, size in (
        ("LINESTRING (10 650, 40 650)", (1, 30)), ("LINESTRING (1100 0, 1100 700)", (700, 1)),
    ):  # fmt: skip
        roi = await scene.draw(text)
        assert (await scene.picture(f"annotation/{roi}/crop.png")).shape == size


async def test_masks_are_the_polygons_to_the_pixel(scene: Pictured) -> None:
    for text in stars(12, seed=4):
        roi, geometry = await scene.draw(text), down(text)
        x0, y0, x1, y1 = geometry.bounds
        x, y = int(np.floor(x0)), int(np.floor(y0))
        box = (x, y, int(np.ceil(x1)) - x, int(np.ceil(y1)) - y)
        inside = centres_in(geometry, box)
        assert 0 < inside.sum() < inside.size
        mask = await scene.picture(f"userannotation/{roi}/mask.png")
        assert mask.dtype == np.uint8
        assert np.array_equal(mask, inside * 255)
        cut = await scene.picture(f"userannotation/{roi}/alphamask.png")
        assert cut.shape[2] == 4
        assert np.array_equal(cut[..., 3], inside * 255)
        crop = await scene.picture(f"userannotation/{roi}/crop.png")
        for layer in range(3):
            assert np.array_equal(cut[..., layer], crop)
        tif = await scene.picture(f"userannotation/{roi}/mask.tif")
        assert np.array_equal(tif, mask)
        webp = await scene.picture(f"userannotation/{roi}/alphamask.webp")
        assert np.array_equal(webp[..., 3], cut[..., 3])


async def test_a_mask_at_half_size_holds_the_centres_of_larger_pixels(scene: Pictured) -> None:
    text = "POLYGON ((200.3 600.7, 263.9 590.1, 256.2 540.4, 210.6 536.3, 200.3 600.7))"
    roi = await scene.draw(text)
    # Rows 99 to 164 from the top: 65 of them, so that 33 are drawn.
    mask = await scene.picture(f"annotation/{roi}/mask.png", zoom=1)
    assert mask.shape == (33, 32)
    stretched = affine_transform(down(text), [0.5, 0, 0, 33 / 65, -100, -99 * 33 / 65])
    assert np.array_equal(mask, centres_in(stretched, (0, 0, 32, 33)) * 255)


async def test_overlapping_shapes_of_one_annotation_do_not_cancel_out(scene: Pictured) -> None:
    hub = await scene.clients.world.hub("owner")
    drafts = [
        Draft(Drawn(Kind.RECTANGLE, {"x": x, "y": 50, "width": 20, "height": 10})) for x in (50, 60)
    ]
    roi = await hub.rois.create(scene.flat, drafts)
    mask = await scene.picture(f"annotation/{roi.id}/mask.png")
    assert np.array_equal(mask, np.full((10, 30), 255))


async def test_the_background_may_shine_through(scene: Pictured) -> None:
    roi = await scene.draw(HOLED)
    for clear, outside in ((100, 0), (0, 255), (80, 51)):
        cut = await scene.picture(f"annotation/{roi}/alphamask.png", alpha=clear)
        assert cut[15, 25, 3] == outside
        assert cut[5, 5, 3] == 255


async def test_flags_and_types_make_a_crop_a_mask_or_an_outline(scene: Pictured) -> None:
    roi = await scene.draw(HOLED)
    path = f"annotation/{roi}"
    mask = await scene.picture(f"{path}/mask.png")
    cut = await scene.picture(f"{path}/alphamask.png")
    for params, wanted in (
        ({"mask": "true"}, mask), ({"type": "mask"}, mask), ({"alphaMask": "True"}, cut),
        ({"type": "alphaMask"}, cut), ({"mask": "false"}, await scene.picture(f"{path}/crop.png")),
    ):  # fmt: skip
        assert np.array_equal(await scene.picture(f"{path}/crop.png", **params), wanted), params
    drawn = await scene.picture(
        f"{path}/crop.png", draw="true", color="0x0000ff", thickness=1, increaseArea=2
    )
    assert drawn.shape == (80, 120, 3)
    # Lines are smoothed, so that one of a single pixel lets a little of the picture through.
    assert np.abs(drawn[20, 60].astype(int) - (0, 0, 255)).max() < 30
    assert len(set(drawn[25, 35])) == len(set(drawn[50, 60])) == 1


async def test_formats_without_opacity_are_replaced_where_it_is_needed(scene: Pictured) -> None:
    roi = await scene.draw(HOLED)
    cut = await scene.get(f"annotation/{roi}/alphamask.jpg")
    assert cut.headers["content-type"] == "image/png"
    mask = await scene.get(f"annotation/{roi}/mask.jpg")
    assert mask.headers["content-type"] == "image/jpeg"
    wanted = await scene.picture(f"annotation/{roi}/mask.png")
    assert np.abs(decoded(mask).astype(float) - wanted).max() < 40
    assert (await scene.get(f"annotation/{roi}/crop.jpg")).headers["content-type"] == "image/jpeg"


async def test_a_crop_is_of_the_plane_that_the_annotation_lies_on(scene: Pictured) -> None:
    text = "POLYGON ((10 190, 40 190, 40 170, 10 170, 10 190))"
    roi = await scene.draw(text, image=scene.stack, c=1, z=2, t=1)
    found = await scene.picture(f"annotation/{roi}/crop.png", bits=16)
    assert found.dtype == np.uint16
    assert np.array_equal(found, scene.samples[1, 1, 2, 10:30, 10:40])
    assert np.array_equal(await scene.picture(f"annotation/{roi}/crop.tif", bits="max"), found)
    deep = await scene.picture(f"annotation/{roi}/alphamask.tif", bits=32)
    assert deep.dtype == np.uint16
    assert (deep[..., 3] == 65535).all()
    plain = await scene.draw(text, image=scene.stack, z=2, t=1)
    coloured = await scene.picture(f"annotation/{plain}/crop.png")
    assert coloured.shape == (20, 30, 3)
    plane = (scene.stack_place.slice_base or 0) + 1 + 3 * (2 + 3 * 1)
    window = await scene.picture(f"sliceinstance/{plane}/window-10-10-30-20.png", bits=16)
    assert np.array_equal(window, found)
    profile = (await scene.get(f"annotation/{roi}/profile.json")).json()["collection"]
    assert len(profile) == 600
    first = profile[0]
    assert first["profile"] == scene.samples[1, :, 2, 10, 10].tolist()
    assert first["point"] == [10, 189]


async def test_tone_changes_a_cut_out_but_not_its_opacity(scene: Pictured) -> None:
    roi = await scene.draw(HOLED)
    plain = await scene.picture(f"annotation/{roi}/alphamask.png")
    turned = await scene.picture(f"annotation/{roi}/alphamask.png", inverse="True")
    assert np.array_equal(turned[..., :3], 255 - plain[..., :3])
    assert np.array_equal(turned[..., 3], plain[..., 3])


async def test_a_stranger_gets_nothing(scene: Pictured) -> None:
    roi = await scene.draw(HOLED)
    for kind in KINDS:
        for word in ("crop.png", "mask.png", "alphamask.png", "profile.json"):
            path = f"{kind}/{roi}/{word}"
            assert (await scene.get(path)).status_code == 200
            assert (await scene.get(path, "annotator")).status_code == 200
            refused = await scene.get(path, "stranger")
            assert refused.status_code == 404
            assert refused.json()["success"] is False
            assert (await scene.get(path, None)).status_code == 401
    assert (await scene.get(f"annotation/{scene.flat}/crop.png")).status_code == 404


async def test_no_query_breaks_it(scene: Pictured) -> None:
    roi = await scene.draw(HOLED)
    values = ["", "abc", "-1", "0", "1e400", "NaN", "99999999999999999999", "True", "1e5", "[]"]
    names = ["maxSize", "zoom", "increaseArea", "square", "complete", "bits", "contrast", "gamma",
             "colormap", "inverse", "jpegQuality", "draw", "mask", "alphaMask", "type",
             "thickness", "color", "alpha"]  # fmt: skip
    for name in names:
        for value in values:
            for word in ("crop.jpg", "alphamask.tif"):
                answer = await scene.get(f"annotation/{roi}/{word}", **{name: value})
                assert answer.status_code in (200, 400, 413), (name, value, answer.text)
    assert (await scene.get(f"annotation/{roi}/crop.bmp")).status_code == 400
