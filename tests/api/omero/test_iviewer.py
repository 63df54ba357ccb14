"""``/iviewer/``: saving and deleting regions, and what the viewer asks of planes and pixels."""

from __future__ import annotations

import json
from typing import Any

import httpx
import numpy as np
import pytest
import pytest_asyncio

from adapters.rois import NewRoi
from adapters.screens import NewField
from adapters.shapes import Draft, Drawn, Kind, stored_drawn
from schema.scalars import encode_id
from store.tables.screens import Plate
from tests.fixtures.app import AppClients, application, settings_for
from tests.fixtures.drawn_shapes import OME, PERSIST, SHAPES, bare, drawn, numbered, persist, saved

pytestmark = pytest.mark.asyncio(loop_scope="module")
SHAPE = (2, 2, 3, 60, 80)


def noise() -> np.ndarray[Any, Any]:
    """Return samples ``(t, c, z, y, x)``."""
    return np.random.default_rng(5).integers(0, 60_000, SHAPE, dtype=np.uint16)


async def new_image(served: AppClients, who: str = "owner") -> int:
    return (await served.world.image(who, noise())).id


@pytest_asyncio.fixture(loop_scope="module")
async def image(shared_app: AppClients) -> int:
    """A new image of the owner's, two times, two channels, three planes."""
    return await new_image(shared_app)


async def shapes(served: AppClients, image: int, who: str = "owner") -> list[dict[str, Any]]:
    """Return all shapes of an image as the JSON API lists them."""
    answer = await served[who].get("/api/v0/m/rois/", params={"image": image, "limit": 500})
    return [shape for roi in answer.json()["data"] for shape in roi["shapes"]]


def called(pair: tuple[int, int]) -> str:
    return f"{pair[0]}:{pair[1]}"


# new


async def test_each_new_shape_becomes_a_region_of_its_own(
    shared_app: AppClients, image: int
) -> None:
    before = await shared_app.world.stored()
    pairs = await drawn(shared_app, image, SHAPES)
    assert len({roi for roi, _ in pairs}) == len({shape for _, shape in pairs}) == 8
    after = await shared_app.world.stored()
    grown = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    assert grown.pop("event") == 8
    assert grown == {"roi": 8, "shape": 8, "command": 1, "change": 2}
    found = await shapes(shared_app, image)
    assert [one["@id"] for one in found] == [shape for _, shape in pairs]
    assert [bare(one) for one in found] == SHAPES


@pytest.mark.parametrize("path", [PERSIST, PERSIST.rstrip("/")])
async def test_what_quickly_written_clients_send_is_taken(
    shared_app: AppClients, image: int, path: str
) -> None:
    """QuPath sends -1 for all channels, an id of 0 for what is new, and blanks after commas."""
    sent = {
        "@id": 0, "oldId": "0:0", "@type": OME + "Polygon", "Points": "1.5,2, 3,4, 5,6.25",
        "TheC": -1, "TheZ": 0, "TheT": 0, "Text": "Annotation:Tumor:uuid:NoParent:NoName",
        "FillColor": 4294901760, "StrokeColor": -16776961, "StrokeWidth": 3, "Locked": False,
    }  # fmt: skip
    body = saved(image, new=[sent], modified=[], deleted={}, empty_rois={}, new_and_deleted=[])
    answer = await shared_app["owner"].post(path, json=body)
    roi, shape = answer.json()["ids"]["0:0"].split(":")
    assert int(roi) < int(shape)
    (found,) = await shapes(shared_app, image)
    assert (found["Points"], found["Text"]) == ("1.5,2 3,4 5,6.25", sent["Text"])
    assert "TheC" not in found
    assert found["FillColor"] == -65536
    assert found["StrokeWidth"]["Value"] == 3
    assert found["StrokeWidth"]["Unit"] == "PIXEL"


BAD: list[tuple[dict[str, Any], str]] = [
    ({"X": "5"}, "X"),
    ({"X": None}, "X"),
    ({"X": True}, "X"),
    ({"X": 1e300}, "x"),
    ({"Width": -1}, "width"),
    ({"@type": OME + "Blob"}, "@type"),
    ({"@type": "TBD#Rectangle"}, "@type"),
    ({"@type": 7}, "@type"),
    ({"FillColor": 2**32}, "FillColor"),
    ({"StrokeColor": "red"}, "StrokeColor"),
    ({"StrokeWidth": {"Unit": "FURLONG", "Value": 1}}, "StrokeWidth"),
    ({"StrokeWidth": {"Unit": "PIXEL"}}, "StrokeWidth"),
    ({"TheZ": 3}, "z"),
    ({"TheZ": 1.5}, "TheZ"),
    ({"TheC": 2}, "c"),
    ({"TheT": "0"}, "TheT"),
    ({"Text": 5}, "Text"),
    ({"Text": "x" * 10_001}, "text"),
    ({"Text": "a\x00b"}, "Text"),
    ({"Locked": "true"}, "Locked"),
    ({"FontStyle": {}}, "FontStyle"),
    ({"Transform": []}, "Transform"),
    ({"Transform": {"A00": 1}}, "A10"),
    ({"oldId": 7}, "oldId"),
]


@pytest.mark.parametrize(("wrong", "field"), BAD)
async def test_a_bad_shape_is_told_and_the_good_ones_are_kept(
    shared_app: AppClients, image: int, wrong: dict[str, Any], field: str
) -> None:
    good, bad = numbered([SHAPES[0], SHAPES[0]])
    answer = await persist(shared_app, image, new=[good, {**bad, **wrong}])
    assert answer.status_code == 200
    (problem,) = answer.json()["errors"]
    assert f"{field}: " in problem
    assert list(answer.json()["ids"]) == ["-1:-1"]
    assert len(await shapes(shared_app, image)) == 1


@pytest.mark.parametrize(
    ("points", "fits"),
    [("", False), ("1,2 3", False), ("a,b", False), ("NaN,1", False), (None, False), ("1,2", True)],
)
async def test_points_are_pairs_of_numbers(
    shared_app: AppClients, image: int, points: str | None, fits: bool
) -> None:
    answer = await persist(
        shared_app, image, new=[{"@type": OME + "Polygon", "Points": points, "oldId": "1:1"}]
    )
    assert ("errors" not in answer.json()) is fits
    assert len(await shapes(shared_app, image)) == int(fits)


PRELIMINARY: list[tuple[bytes, str]] = [
    (b"", "Failed to load json"),
    (b"{", "Failed to load json"),
    (b"[]", "Failed to load json"),
    (b'{"imageId": NaN}', "Failed to load json"),
    (b"{}", "No image id provided!"),
    (b'{"imageId": null}', "No image id provided!"),
    (b'{"imageId": "x", "rois": {}}', "Could not find associated image!"),
    (b'{"imageId": true, "rois": {}}', "Could not find associated image!"),
    (b'{"imageId": 999999, "rois": {}}', "Could not find associated image!"),
    (b'{"imageId": 99999999999999999999999999, "rois": {}}', "Could not find associated image!"),
    (b'{"imageId": 1}', "No rois provided!"),
    (b'{"imageId": 1, "rois": []}', "No rois provided!"),
]


@pytest.mark.parametrize(("body", "text"), PRELIMINARY)
async def test_a_malformed_body_stores_nothing(
    shared_app: AppClients, body: bytes, text: str
) -> None:
    before = await shared_app.world.stored()
    answer = await shared_app["owner"].post(PERSIST, content=body)
    assert answer.status_code == 200
    (problem,) = answer.json()["errors"]
    assert problem.startswith(text)
    assert await shared_app.world.stored() == before


@pytest.mark.parametrize(
    "rois",
    [
        {"new": {}}, {"new": "x"}, {"new": [7, None, [], "x"]}, {"modified": [{"@id": 1}]},
        {"modified": [{**SHAPES[0], "@id": "1"}]}, {"modified": [{**SHAPES[0], "@id": True}]},
        {"modified": [{**SHAPES[0], "@id": 10**30}]}, {"deleted": [1]}, {"deleted": {"x": ["1:2"]}},
        {"deleted": {"1": ["x", "1:y"]}}, {"deleted": {"1": 7}}, {"empty_rois": {"": []}},
        {"empty_rois": {"99999999999999999999": []}}, {"empty_rois": {"1": None}},
    ],
)  # fmt: skip
async def test_what_makes_no_sense_is_told_and_stores_nothing(
    shared_app: AppClients, image: int, rois: dict[str, Any]
) -> None:
    before = await shared_app.world.stored()
    answer = await persist(shared_app, image, **rois)
    assert answer.status_code == 200
    assert answer.json()["ids"] == {}
    assert answer.json()["errors"]
    assert await shared_app.world.stored() == before


async def test_an_empty_save_says_so_and_stores_nothing(shared_app: AppClients, image: int) -> None:
    before = await shared_app.world.stored()
    answer = await persist(shared_app, image, new=[], deleted={}, empty_rois={})
    assert answer.json() == {"ids": {}}
    assert await shared_app.world.stored() == before


async def test_what_was_made_and_deleted_unsaved_keeps_its_name(
    shared_app: AppClients, image: int
) -> None:
    answer = await persist(shared_app, image, new_and_deleted=["-1:-4", "-1:-error"])
    assert answer.json() == {"ids": {"-1:-4": "-1:-4"}}


# modified


async def test_a_changed_shape_keeps_its_id_and_undo_brings_it_back(
    shared_app: AppClients, image: int
) -> None:
    pairs = await drawn(shared_app, image, SHAPES)
    before = await shapes(shared_app, image)
    ellipse, polygon = dict(before[1]), dict(before[4])
    ellipse |= {"RadiusX": 9.5, "oldId": called(pairs[1]), "TheZ": 2}
    polygon |= {"Points": "0,0 10,0 10,10.5", "oldId": called(pairs[4])}
    answer = await persist(shared_app, image, modified=[ellipse, polygon])
    assert answer.json() == {"ids": {called(pair): called(pair) for pair in (pairs[1], pairs[4])}}
    found = await shapes(shared_app, image)
    assert [one["@id"] for one in found] == [one["@id"] for one in before]
    assert (found[1]["RadiusX"], found[1]["TheZ"]) == (9.5, 2)
    assert found[4]["Points"] == polygon["Points"]
    hub = await shared_app.world.hub("owner")
    rows = await hub.rois.shapes([pairs[4][1]])
    assert rows[pairs[4][1]].area == 52.5
    assert (await hub.rois.get(pairs[4][0])).version == 2
    await shared_app.world.undo_last(shared_app.world.people["owner"])
    assert await shapes(shared_app, image) == before
    await shared_app.world.redo_last(shared_app.world.people["owner"])
    assert await shapes(shared_app, image) == found


async def test_shapes_sent_back_as_they_are_listed_are_no_change(
    shared_app: AppClients, image: int
) -> None:
    pairs = await drawn(shared_app, image, SHAPES)
    hub = await shared_app.world.hub("owner")
    holes = {"points": [[0, 0], [30, 0], [30, 30], [0, 30]], "holes": [[[5, 5], [5, 9], [9, 9]]]}
    mask = Drawn(Kind.MASK, {"x": 2, "y": 3, "width": 4, "height": 2}, bits=b"\xa5")
    style = {"visible": False, "stroke_width": 2, "stroke_width_unit": "px"}
    roi = await hub.rois.create(
        image, [Draft(Drawn(Kind.POLYGON, holes), style=style), Draft(mask, label=7)]
    )
    found = await shapes(shared_app, image)
    before = await shared_app.world.stored()
    answer = await persist(
        shared_app, image, modified=[{**one, "oldId": str(one["@id"])} for one in found]
    )
    assert answer.json()["ids"][str(pairs[0][1])] == called(pairs[0])
    assert await shared_app.world.stored() == before
    # Where one thing is changed, all else stays as it is stored, seen here or not.
    polygon, bits = [{**one, "Text": "x", "StrokeColor": 255} for one in found[8:]]
    await persist(shared_app, image, modified=[polygon, {**bits, "X": 3.0}])
    rows = (await hub.rois.shapes_of([roi.id]))[roi.id]
    assert stored_drawn(rows[0]) == Drawn(Kind.POLYGON, holes, text="x")
    assert rows[0].style == {**style, "stroke_color": 255}
    assert (rows[1].bits, rows[1].label, rows[1].params["x"]) == (b"\xa5", 7, 3)


async def test_what_is_left_out_of_a_changed_shape_is_gone(
    shared_app: AppClients, image: int
) -> None:
    ((_, shape),) = await drawn(shared_app, image, SHAPES[1:2])
    (sent,) = await shapes(shared_app, image)
    for key in ("Text", "StrokeWidth", "Transform", "TheZ"):
        del sent[key]
    await persist(shared_app, image, modified=[sent])
    (found,) = await shapes(shared_app, image)
    assert (found["@id"], bare(found)) == (shape, bare(sent))


async def test_a_shape_cannot_become_another_kind_nor_a_mask_another_size(
    shared_app: AppClients, image: int
) -> None:
    hub = await shared_app.world.hub("owner")
    mask = Drawn(Kind.MASK, {"x": 2, "y": 3, "width": 4, "height": 2}, bits=b"\xa5")
    await hub.rois.create(image, [Draft(mask)])
    (sent,) = await shapes(shared_app, image)
    for wrong in ({"@type": OME + "Rectangle"}, {"Width": 5.0}):
        answer = await persist(shared_app, image, modified=[{**sent, **wrong}])
        assert len(answer.json()["errors"]) == 1
    assert await shapes(shared_app, image) == [sent]


# deleted


async def test_shapes_and_regions_are_deleted_and_repeated_keys_all_count(
    shared_app: AppClients, image: int
) -> None:
    hub = await shared_app.world.hub("owner")
    point = [Draft(Drawn(Kind.POINT, {"x": x, "y": 1})) for x in range(3)]
    ids = await hub.rois.create_many(image, [NewRoi(point), NewRoi(point), NewRoi(point[:1])])
    rows = {id: [row.id for row in found] for id, found in (await hub.rois.shapes_of(ids)).items()}
    first, second, third = ids
    names = [f"{first}:{id}" for id in rows[first]]
    emptied = [f"{second}:{id}" for id in rows[second]]
    text = (
        f'{{"imageId": {image}, "rois": {{"count": 5, "deleted": '
        f'{{"{first}": ["{names[0]}"], "{first}": ["{names[1]}"]}}, "empty_rois": '
        f'{{"{second}": ["{emptied[0]}"], "{second}": ["{emptied[1]}"], "{second}": []}}}}}}'
    )
    before = await shared_app.world.stored()
    answer = await shared_app["owner"].post(PERSIST, content=text)
    gone = [*names[:2], *emptied[:2]]
    assert answer.json() == {"ids": {name: name for name in gone}}
    left = await hub.rois.shapes_of([first, third])
    assert [row.id for row in left[first]] == rows[first][2:]
    assert len(left[third]) == 1
    assert set(await hub.rois.many(list(ids))) == {first, third}
    assert (await shared_app.world.stored())["command"] == before["command"] + 1
    await shared_app.world.undo_last(shared_app.world.people["owner"])
    assert {
        id: [row.id for row in found] for id, found in (await hub.rois.shapes_of(ids)).items()
    } == rows
    assert set(await hub.rois.many(list(ids))) == set(ids)


async def test_all_edits_of_one_save_are_one_command(shared_app: AppClients, image: int) -> None:
    pairs = await drawn(shared_app, image, SHAPES[:3])
    found = await shapes(shared_app, image)
    before = await shared_app.world.stored()
    answer = await persist(
        shared_app, image,
        new=numbered(SHAPES[3:4]),
        modified=[{**found[0], "X": 9.0, "oldId": called(pairs[0])}],
        deleted={str(pairs[1][0]): [called(pairs[1])]},
        empty_rois={str(pairs[2][0]): [called(pairs[2])]},
    )  # fmt: skip
    assert "errors" not in answer.json()
    assert set(answer.json()["ids"]) == {"-1:-1", *map(called, pairs)}
    assert (await shared_app.world.stored())["command"] == before["command"] + 1
    assert [one["@id"] for one in await shapes(shared_app, image)] == [
        pairs[0][1], int(answer.json()["ids"]["-1:-1"].split(":")[1]),
    ]  # fmt: skip
    await shared_app.world.undo_last(shared_app.world.people["owner"])
    assert await shapes(shared_app, image) == found


async def test_what_is_gone_or_elsewhere_is_told_item_by_item(
    shared_app: AppClients, image: int
) -> None:
    other = await new_image(shared_app)
    ((roi, shape),) = await drawn(shared_app, other, SHAPES[:1])
    (here,) = await drawn(shared_app, image, SHAPES[:1])
    answer = await persist(
        shared_app, image,
        modified=[{**SHAPES[0], "@id": shape, "X": 1.0}, {**SHAPES[0], "@id": 99999999}],
        deleted={"1": ["1:99999998"], str(here[0]): [called(here)]},
        empty_rois={str(roi): [], "99999997": []},
    )  # fmt: skip
    assert answer.json()["ids"] == {called(here): called(here)}
    problems = answer.json()["errors"]
    assert len(problems) == 5
    assert "Shape 99999999 not found" in problems
    assert "Shape 99999998 not found" in problems
    assert "Roi 99999997 not found" in problems
    assert f"id: shape {shape} is not on image {image}." in problems
    assert f"id: region {roi} is not on image {image}." in problems
    assert len(await shapes(shared_app, other)) == 1


# who may


async def test_others_may_draw_but_not_change(shared_app: AppClients, image: int) -> None:
    ((roi, shape),) = await drawn(shared_app, image, SHAPES[:1])
    ((_, mine),) = await drawn(shared_app, image, SHAPES[1:2], "annotator")
    (sent, _) = await shapes(shared_app, image)
    for rois in (
        {"modified": [{**sent, "X": 1.0}]},
        {"deleted": {str(roi): [f"{roi}:{shape}"]}},
        {"empty_rois": {str(roi): []}},
    ):
        answer = await persist(shared_app, image, "annotator", **rois)
        (problem,) = answer.json()["errors"]
        assert problem.startswith("You may not ")
    assert [one["@id"] for one in await shapes(shared_app, image)] == [shape, mine]


@pytest.mark.parametrize("who", ["stranger", "reader"])
async def test_strangers_find_no_image(shared_app: AppClients, image: int, who: str) -> None:
    before = await shared_app.world.stored()
    answer = await persist(shared_app, image, who, new=numbered(SHAPES))
    assert answer.json() == {"errors": ["Could not find associated image!"]}
    assert await shared_app.world.stored() == before


async def test_readers_of_a_read_only_group_may_not_draw(shared_app: AppClients) -> None:
    image = await shared_app.world.image("reader", noise())
    before = (await shared_app.world.stored())["roi"]
    name = await shared_app.world.person("second", shared_app.world.groups["readers"])
    shared_app.world.people["second"] = name
    from adapters.tokens import Scope

    shared_app.world.tokens["second"] = await shared_app.world.token(
        "second", Scope.READ, Scope.WRITE
    )
    async with shared_app.client(headers=shared_app.world.bearer("second")) as client:
        answer = await client.post(PERSIST, json=saved(image.id, new=numbered(SHAPES[:2])))
    assert answer.json() == {"ids": {}, "errors": [f"You may not draw on image {image.id}."]}
    assert (await shared_app.world.stored())["roi"] == before


async def test_nobody_is_sent_to_sign_in_and_needs_the_secret_first(
    shared_app: AppClients, image: int
) -> None:
    body = saved(image, new=numbered(SHAPES))
    nobody = await shared_app[None].post(PERSIST, json=body)
    assert (nobody.status_code, nobody.json()["message"][:11]) == (403, "CSRF Failed")
    got = await shared_app["owner"].get(PERSIST)
    assert got.status_code == 405
    for path in ("rois_by_plane/{}/0/0/", "image_data/{}/", "plane_shape_counts/{}/"):
        answer = await shared_app[None].get(f"/iviewer/{path.format(image)}")
        assert answer.status_code == 302
        assert answer.headers["location"].startswith("/webclient/login/?url=")


async def test_thousands_of_shapes_are_one_save(shared_app: AppClients, image: int) -> None:
    new = [{**SHAPES[4], "oldId": f"0:{n}", "Text": "x" * 900} for n in range(3000)]
    body = json.dumps(saved(image, new=new))
    assert len(body) > shared_app.settings.body_limit
    before = await shared_app.world.stored()
    answer = await shared_app["owner"].post(PERSIST, content=body)
    assert len(answer.json()["ids"]) == 3000
    assert (await shared_app.world.stored())["command"] == before["command"] + 1


async def test_a_body_beyond_the_limit_is_refused(
    shared_app: AppClients, image: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.rest.omero.iviewer.persist.BODY_LIMIT", 1000)
    answer = await persist(shared_app, image, new=numbered(SHAPES))
    assert answer.status_code == 413
    assert await shapes(shared_app, image) == []


# what the viewer asks


async def ask(served: AppClients, path: str, who: str = "owner", **params: Any) -> httpx.Response:
    return await served[who].get(f"/iviewer/{path}", params=params)


async def planes(served: AppClients, image: int) -> list[tuple[int, int]]:
    """Draw on z 0 and t 0, z 2 and t 1, every plane of t 1, and everywhere."""
    point = {"@type": OME + "Point", "X": 1.0, "Y": 1.0}
    places = [{"TheZ": 0, "TheT": 0}, {"TheZ": 2, "TheT": 1}, {"TheT": 1}, {}]
    return await drawn(served, image, [{**point, **place} for place in places])


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("0/0", {0, 3}), ("2/1", {1, 2, 3}), ("1/0", {3}), ("0-2/0-1", {0, 1, 2, 3}),
        ("1-2/1", {1, 2, 3}),
    ],
)  # fmt: skip
async def test_regions_of_a_plane_or_a_range_of_planes(
    shared_app: AppClients, image: int, path: str, found: set[int]
) -> None:
    pairs = await planes(shared_app, image)
    answer = (await ask(shared_app, f"rois_by_plane/{image}/{path}/")).json()
    assert [roi["@id"] for roi in answer["data"]] == [pairs[n][0] for n in sorted(found)]
    assert answer["meta"]["totalCount"] == len(found)
    assert all(roi["shapes"] for roi in answer["data"])
    part = (await ask(shared_app, f"rois_by_plane/{image}/{path}", limit=1, offset=1)).json()
    assert part["data"] == answer["data"][1:2]


@pytest.mark.parametrize("path", ["x/0", "0/-1", "2-1/0", "0/0-x", "9999999999/0"])
async def test_planes_that_are_none_are_refused(
    shared_app: AppClients, image: int, path: str
) -> None:
    assert (await ask(shared_app, f"rois_by_plane/{image}/{path}/")).status_code == 400


async def test_shapes_are_counted_by_plane(shared_app: AppClients, image: int) -> None:
    await planes(shared_app, image)
    answer = (await ask(shared_app, f"plane_shape_counts/{image}/")).json()
    assert answer == {"data": [[2, 2], [1, 2], [1, 3]]}
    assert (await ask(shared_app, f"plane_shape_counts/{image}/", "stranger")).status_code == 404


async def test_a_region_knows_its_place_and_its_image(shared_app: AppClients, image: int) -> None:
    pairs = await drawn(shared_app, image, SHAPES[:4])
    expected = {"image": {"id": image}, "roi_index": 2, "roi_count": 4}
    for path in (f"roi/{pairs[2][0]}", f"shape/{pairs[2][1]}"):
        assert (await ask(shared_app, f"{path}/page_data/")).json() == expected
        told = (await ask(shared_app, f"{path}/image_data/")).json()
        assert (told["id"], told["roi_count"]) == (image, 4)
        for question in ("page_data", "image_data"):
            assert (await ask(shared_app, f"{path}/{question}", "stranger")).status_code == 404


async def test_image_data_is_img_data_and_more(shared_app: AppClients, image: int) -> None:
    await drawn(shared_app, image, SHAPES[:2])
    told = (await ask(shared_app, f"image_data/{image}/")).json()
    base = (await shared_app["owner"].get(f"/webgateway/imgData/{image}/")).json()
    sizes = told.pop("pixel_size")
    assert base.pop("pixel_size").items() <= sizes.items()
    assert base.items() <= told.items()
    assert told["roi_count"] == 2
    assert told["families"] == ["linear", "polynomial", "exponential", "logarithmic"]
    assert told["delta_t_unit_symbol"] == "s"
    hub = await shared_app.world.hub("owner")
    view = await hub.pixels.view(image)
    assert told["import_date"] == str(np.datetime64(view.image.created_at, "ms"))[:19].replace(
        "T", " "
    )
    for id, who in ((999999, "owner"), (image, "stranger")):
        answer = await ask(shared_app, f"image_data/{id}/", who)
        assert (answer.status_code, answer.json()) == (404, {"error": "Image not found"})


async def test_frames_have_times_if_the_step_is_known(shared_app: AppClients, image: int) -> None:
    told = (await ask(shared_app, f"image_data/{image}/delta_t/")).json()
    assert told == {"delta_t": [], "delta_t_unit_symbol": "s"}
    assert (await ask(shared_app, "image_data/999999/delta_t")).status_code == 404


async def test_images_of_a_well_come_in_the_order_of_its_fields(
    shared_app: AppClients, image: int
) -> None:
    hub = await shared_app.world.hub("owner")
    plate: Any = await hub.containers.create(Plate, name="P", rows=2, columns=2)
    second = await new_image(shared_app)
    made = await hub.screens.add_fields(
        plate.id, [NewField(row=0, column=0, image_id=id) for id in (second, image)]
    )
    (field, _) = await hub.screens.fields(made)
    assert field is not None
    found = (await ask(shared_app, "well_images/", id=field.well_id)).json()
    assert [one["id"] for one in found["data"]] == [second, image]
    assert found["data"][0]["name"] == "cells.tif"
    assert (await ask(shared_app, "well_images/", "stranger", id=field.well_id)).status_code == 404
    assert (await ask(shared_app, "well_images/", id="x")).status_code == 400
    assert (await ask(shared_app, "well_images/")).status_code == 404


async def test_samples_inside_shapes_are_measured(shared_app: AppClients, image: int) -> None:
    box = {"@type": OME + "Rectangle", "X": 10.0, "Y": 20.0, "Width": 30.0, "Height": 15.0}
    pairs = await drawn(shared_app, image, [{**box, "TheZ": 1, "TheT": 1}, box])
    ids = ",".join(str(shape) for _, shape in pairs)
    found = (await ask(shared_app, "shape_stats/", ids=ids, z=2, t=0, cs="0,1")).json()
    samples = noise()
    for (_, shape), (t, z) in zip(pairs, ((1, 1), (0, 2)), strict=True):
        for channel, row in enumerate(found[str(shape)]):
            inside = samples[t, channel, z, 20:35, 10:40]
            assert (row["index"], row["points"]) == (channel, 450)
            assert (row["min"], row["max"]) == (inside.min(), inside.max())
            assert row["sum"] == inside.sum(dtype=np.int64)
            assert row["mean"] == pytest.approx(inside.mean())
            assert row["std_dev"] == pytest.approx(inside.std())
    assert (await ask(shared_app, "shape_stats/", "stranger", ids=ids, z=0, t=0)).json() == {}
    for wrong in ({}, {"ids": "x"}, {"ids": ids, "cs": "9"}, {"ids": ids, "z": 9}):
        assert (await ask(shared_app, "shape_stats/", **wrong)).status_code == 400


async def test_a_pixel_tells_its_samples(shared_app: AppClients, image: int) -> None:
    place = {"image": image, "x": 7, "y": 9, "z": 2, "t": 1}
    samples = noise()
    expected = {str(c): int(samples[1, c, 2, 9, 7]) for c in (0, 1)}
    assert (await ask(shared_app, "get_intensity/", **place)).json() == expected
    one = (await ask(shared_app, "get_intensity/", **place, c="1")).json()
    assert one == {"1": expected["1"]}
    assert (await ask(shared_app, "get_intensity/", "stranger", **place)).status_code == 404
    for wrong in ({"x": 80}, {"y": -1}, {"z": 3}, {"t": "x"}, {"c": "2"}, {"image": "x"}):
        assert (await ask(shared_app, "get_intensity/", **{**place, **wrong})).status_code == 400


# projections


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_projection_becomes_a_new_image(
    sqlite_url: str, tmp_path: Any, method: str
) -> None:
    async with application(settings_for(sqlite_url, tmp_path, job_workers=1)) as served:
        image = await new_image(served)
        asked = {"image": image, "projection": "intmax", "start": 1, "end": 2}
        given = {"params": asked} if method == "GET" else {"data": asked}
        answer = await served["owner"].request(method, "/iviewer/save_projection/", **given)
        assert answer.status_code == 200, answer.text
        hub = await served.world.hub("owner")
        view = await hub.pixels.view(answer.json()["id"])
        assert view.image.name == "cells.tif (maximum of z 2-3)"
        from adapters.pixels import Box

        found = await hub.pixels.region(view, Box(0, 0, 80, 60), t=(0, 2))
        assert np.array_equal(found, noise()[:, :, 1:].max(axis=2, keepdims=True))
        made = await served.world.graphql(
            "owner", "query($id: ID!) { image(id: $id) { name } }",
            {"id": encode_id("Image", answer.json()["id"])},
        )  # fmt: skip
        assert made["image"]["name"] == view.image.name


@pytest.mark.parametrize(
    "wrong",
    [
        {"image": None}, {"image": "x"}, {"projection": "median"}, {"projection": None},
        {"start": 2, "end": 1}, {"start": -1}, {"end": 3}, {"end": None}, {"dataset": "x"},
    ],
)  # fmt: skip
async def test_a_projection_that_cannot_be_is_refused(
    shared_app: AppClients, image: int, wrong: dict[str, Any]
) -> None:
    asked = {"image": image, "projection": "intmax", "start": 0, "end": 1, **wrong}
    given = {name: value for name, value in asked.items() if value is not None}
    answer = await ask(shared_app, "save_projection/", **given)
    assert answer.status_code == 400
    assert (await ask(shared_app, "save_projection/", "stranger", **asked)).status_code in (
        400,
        404,
    )


async def test_a_page_elsewhere_cannot_make_a_browser_project(
    shared_app: AppClients, image: int
) -> None:
    hub = await shared_app.world.hub("owner")
    services = shared_app.app.state.services
    opened = await services.credentials.login("owner", "a good password", address="127.0.0.1")
    asked = {"image": image, "projection": "intmax", "start": 0, "end": 1}
    before = await hub.jobs.count()
    async with shared_app.client(cookies={"sessionid": opened.key}) as client:
        answer = await client.get("/iviewer/save_projection/", params=asked)
    assert answer.status_code == 403
    assert answer.json()["message"].startswith("CSRF Failed")
    assert await hub.jobs.count() == before
