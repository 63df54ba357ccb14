"""The older JSON of regions, masks as pictures, and thumbnails of shapes."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import httpx
import numpy as np
import pytest
import pytest_asyncio
from PIL import Image as Picture

from adapters.shapes import Affine, Draft, Drawn, Kind
from store.tables.rois import Shape
from tests.fixtures.app import AppClients

pytestmark = pytest.mark.asyncio(loop_scope="module")
STYLE = {"stroke_color": -16776961, "fill_color": 0, "stroke_width": 2.0, "font_size": 12.0}
DRAFTS = [
    Draft(Drawn(Kind.ELLIPSE, {"x": 310.5, "y": 120, "rx": 18, "ry": 12}), None, 1, 0, STYLE,
          "nucleus 4"),
    Draft(Drawn(Kind.RECTANGLE, {"x": 1, "y": 2, "width": 3, "height": 4.5})),
    Draft(Drawn(Kind.POLYGON, {"points": [[1, 2], [3, 4], [5.5, 2]]}, Affine(1, 0, 0, 1, 3, 4))),
    Draft(Drawn(Kind.POLYLINE, {"points": [[1, 2], [3, 4]]}), None, 0, None),
    Draft(Drawn(Kind.LINE, {"x1": 1, "y1": 2, "x2": 3, "y2": 4})),
    Draft(Drawn(Kind.POINT, {"x": 9, "y": 8})),
    Draft(Drawn(Kind.LABEL, {"x": 3, "y": 4}), text="label"),
    Draft(Drawn(Kind.MASK, {"x": 2, "y": 3, "width": 4, "height": 2}, bits=b"\xa5")),
]  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def image(shared_app: AppClients) -> int:
    """A black image with a bright patch on its second plane, 400 × 600."""
    samples = np.zeros((1, 1, 2, 400, 600), dtype="uint8")
    samples[0, 0, 1, 100:140, 290:330] = 255
    return (await shared_app.world.image("owner", samples)).id


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shapes(shared_app: AppClients, image: int) -> list[Shape]:
    """One region with a shape of each kind."""
    hub = await shared_app.world.hub("owner")
    roi = await hub.rois.create(image, DRAFTS)
    return (await hub.rois.shapes_of([roi.id]))[roi.id]


async def get(
    served: AppClients, path: str, who: str | None = "owner", **params: Any
) -> httpx.Response:
    return await served[who].get(f"/webgateway/{path}", params=params)


async def test_the_older_json_is_ready_for_drawing(
    shared_app: AppClients, image: int, shapes: list[Shape]
) -> None:
    (roi,) = (await get(shared_app, f"get_rois_json/{image}/")).json()
    assert roi["id"] == shapes[0].roi_id
    found = roi["shapes"]
    assert [shape.pop("id") for shape in found] == [shape.id for shape in shapes]
    still = {"transform": "matrix(1 0 0 1 0 0)"}
    assert found == [
        {"type": "Ellipse", "x": 310.5, "y": 120.0, "radiusX": 18.0, "radiusY": 12.0, "theZ": 1,
         "theT": 0, "fillColor": "#000000", "fillAlpha": 0.0, "strokeColor": "#ff0000",
         "strokeAlpha": 1.0, "strokeWidth": 2.0, "textValue": "nucleus 4", "fontSize": 12.0,
         **still},
        {"type": "Rectangle", "x": 1.0, "y": 2.0, "width": 3.0, "height": 4.5, **still},
        {"type": "Polygon", "points": "M 1 2 L 3 4 L 5.5 2 z", "transform": "matrix(1 0 0 1 3 4)"},
        {"type": "PolyLine", "points": "M 1 2 L 3 4", "theZ": 0, **still},
        {"type": "Line", "x1": 1.0, "y1": 2.0, "x2": 3.0, "y2": 4.0, **still},
        {"type": "Point", "x": 9.0, "y": 8.0, **still},
        {"type": "Label", "x": 3.0, "y": 4.0, "textValue": "label", **still},
        {"type": "Mask", "x": 2.0, "y": 3.0, "width": 4.0, "height": 2.0, **still},
    ]  # fmt: skip


async def test_one_shape_is_shown_by_itself(
    shared_app: AppClients, image: int, shapes: list[Shape]
) -> None:
    (roi,) = (await get(shared_app, f"get_rois_json/{image}/")).json()
    for place, shape in enumerate(shapes):
        answer = await get(shared_app, f"get_shape_json/{shape.roi_id}/{shape.id}")
        assert answer.json() == roi["shapes"][place]
    elsewhere = await get(shared_app, f"get_shape_json/{shape.roi_id + 1}/{shape.id}/")
    assert (elsewhere.status_code, elsewhere.text) == (404, f"Shape {shape.id} not found")


async def test_a_callback_gets_the_json_in_a_call(shared_app: AppClients, image: int) -> None:
    plain = await get(shared_app, f"get_rois_json/{image}/")
    answer = await get(shared_app, f"get_rois_json/{image}/", callback="shown")
    assert answer.text == f"shown({plain.text})"
    assert answer.headers["content-type"].startswith("application/javascript")


async def test_a_plane_shows_its_own_shapes_and_those_on_all(
    shared_app: AppClients, image: int, shapes: list[Shape]
) -> None:
    found = {}
    for z in (0, 1):
        (roi,) = (await get(shared_app, f"plane_shapes/{image}/{z}/0/")).json()
        found[z] = {shape["type"] for shape in roi["shapes"]}
    assert found[0] ^ found[1] == {"Ellipse", "PolyLine"}
    assert "Ellipse" in found[1]


async def test_an_image_without_regions_has_an_empty_list(shared_app: AppClients) -> None:
    image = await shared_app.world.image("owner", np.zeros((1, 1, 1, 8, 8), "uint8"))
    assert (await get(shared_app, f"get_rois_json/{image.id}/")).json() == []


async def test_a_mask_is_drawn_in_its_colour(
    shared_app: AppClients, image: int, shapes: list[Shape]
) -> None:
    hub = await shared_app.world.hub("owner")
    red = Draft(
        Drawn(Kind.MASK, {"x": 0, "y": 0, "width": 4, "height": 2}, bits=b"\xa5"),
        style={"fill_color": -16777088},  # half transparent red
    )
    whole = Draft(Drawn(Kind.MASK, {"x": 0, "y": 0, "width": 2.5, "height": 1}))
    roi = await hub.rois.create(image, [red, whole])
    rows = (await hub.rois.shapes_of([roi.id]))[roi.id]
    bits = np.unpackbits(np.array([0xA5], np.uint8)).reshape(2, 4).astype(bool)
    yellow, half_red = (255, 255, 0, 255), (255, 0, 0, 128)
    for row, inside, color in (
        (shapes[7], bits, yellow),
        (rows[0], bits, half_red),
        (rows[1], np.ones((1, 3), bool), yellow),
    ):
        answer = await get(shared_app, f"render_shape_mask/{row.id}/")
        assert answer.headers["content-type"] == "image/png"
        with Picture.open(BytesIO(answer.content)) as picture:
            assert picture.mode == "RGBA"
            pixels = np.asarray(picture)
        assert (pixels[inside] == color).all()
        assert not pixels[~inside].any()
    refused = await get(shared_app, f"render_shape_mask/{shapes[0].id}/")
    assert refused.status_code == 400
    await hub.rois.delete([roi.id])


def decoded(answer: httpx.Response) -> np.ndarray[Any, Any]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/jpeg"
    with Picture.open(BytesIO(answer.content)) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


async def test_a_thumbnail_shows_the_place_on_the_shapes_own_plane(
    shared_app: AppClients, shapes: list[Shape]
) -> None:
    picture = decoded(await get(shared_app, f"render_shape_thumbnail/{shapes[0].id}/", color="f00"))
    assert picture.shape == (167, 250, 3)
    # The ellipse lies in the bright patch: grey inside, red on its rim, black far outside.
    center = picture[83, 125]
    assert center.min() > 200
    red = (picture[..., 0] > 150) & (picture[..., 1] < 110) & (picture[..., 2] < 110)
    rows, columns = np.nonzero(red)
    assert abs((columns.min() + columns.max()) / 2 - 125) < 4
    assert abs((rows.min() + rows.max()) / 2 - 83) < 4
    scale = 250 / 54  # 36 pixels wide, with half of that around
    assert abs((columns.max() - columns.min()) - 36 * scale) < 6
    assert abs((rows.max() - rows.min()) - 24 * scale) < 6
    assert picture[2, 2].max() < 60 or picture[2, 2].min() > 200


async def test_a_thumbnail_of_a_region_shows_all_shapes_of_its_plane(
    shared_app: AppClients, shapes: list[Shape]
) -> None:
    whole = decoded(await get(shared_app, f"render_roi_thumbnail/{shapes[0].roi_id}/"))
    assert whole.shape[1] == 250
    assert whole.max() > 200
    plain = decoded(await get(shared_app, f"render_shape_thumbnail/{shapes[5].id}"))
    assert plain.shape == (167, 250, 3)


@pytest.mark.parametrize("color", ["ff", "ggg", "#fff", "12345", "fff "])
async def test_what_is_no_colour_is_refused(
    shared_app: AppClients, shapes: list[Shape], color: str
) -> None:
    answer = await get(shared_app, f"render_shape_thumbnail/{shapes[0].id}/", color=color)
    assert answer.status_code == 400


async def test_strangers_and_nobody_see_no_picture(
    shared_app: AppClients, image: int, shapes: list[Shape]
) -> None:
    shape, roi = shapes[7].id, shapes[7].roi_id
    for path in (
        f"get_rois_json/{image}/", f"plane_shapes/{image}/0/0/", f"get_shape_json/{roi}/{shape}/",
        f"render_shape_mask/{shape}/", f"render_shape_thumbnail/{shape}/",
        f"render_roi_thumbnail/{roi}/",
    ):  # fmt: skip
        assert (await get(shared_app, path, "annotator")).status_code == 200, path
        hidden = await get(shared_app, path, "stranger")
        assert hidden.status_code == 404, path
        assert hidden.text.endswith("not found"), path
        assert (await get(shared_app, path, None)).status_code == 302, path
        assert (await shared_app["owner"].post(f"/webgateway/{path}")).status_code == 405, path
    for path in ("get_rois_json/99999999/", "render_shape_mask/99999999/"):
        assert (await get(shared_app, path)).status_code == 404
