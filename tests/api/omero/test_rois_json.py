"""``m/rois/`` and ``m/shapes/``: what is drawn is listed, in the exact form clients read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from adapters.geometry.slits import with_slits
from adapters.rois import NewRoi
from adapters.shapes import Draft, Drawn, Kind, Wkt
from schema.scalars import encode_id
from store.catalog import Catalog
from store.tables.history import Command
from store.tables.rois import RoiKind
from tests.fixtures.app import AppClients
from tests.fixtures.drawn_shapes import RED, SHAPES, bare, drawn, persist
from tests.fixtures.hub import statements

pytestmark = pytest.mark.asyncio(loop_scope="module")
M = "/api/v0/m"
# What listens to other processes meanwhile.
LISTENING = ("PRAGMA", "SELECT max(id) FROM event")


async def new_image(served: AppClients, who: str = "owner") -> int:
    """Return a new image of two channels, two planes and two times."""
    samples = np.zeros((2, 2, 2, 60, 80), dtype="uint8")
    return (await served.world.image(who, samples)).id


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def image(shared_app: AppClients) -> int:
    """An image with one region for each of the eight shapes."""
    id = await new_image(shared_app)
    await drawn(shared_app, id, SHAPES)
    return id


async def get(served: AppClients, path: str, who: str | None = "owner", **params: Any) -> Any:
    answer = await served[who].get(M + path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def listed(served: AppClients, image: int, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await get(served, "/rois/", image=image, **params))["data"]
    return found


async def test_all_eight_shapes_come_back_as_they_were_sent(
    shared_app: AppClients, image: int
) -> None:
    rois = await listed(shared_app, image)
    assert [len(roi["shapes"]) for roi in rois] == [1] * 8
    assert [bare(roi["shapes"][0]) for roi in rois] == SHAPES


async def test_shapes_keep_their_numbers_through_graphql_and_back(
    shared_app: AppClients, image: int
) -> None:
    query = """query($id: ID!) { image(id: $id) { rois(first: 20) { nodes { id shapes {
      __typename c z t text style { strokeColor strokeWidth strokeWidthUnit strokeDash fillColor
        fillRule fontFamily fontSize fontSizeUnit fontStyle markerStart markerEnd locked }
      transform { a00 a10 a01 a11 a02 a12 }
      ... on Rectangle { x y width height } ... on Ellipse { x y radiusX radiusY }
      ... on Line { x1 y1 x2 y2 } ... on Point { x y } ... on Label { x y }
      ... on Polygon { points } ... on Polyline { points } ... on Mask { x y width height }
    } } } } }"""
    found = await shared_app.world.graphql("owner", query, {"id": encode_id("Image", image)})
    nodes = found["image"]["rois"]["nodes"]
    shapes = [node["shapes"][0] for node in nodes]
    assert [shape["__typename"] for shape in shapes] == [
        one["@type"].partition("#")[2] for one in SHAPES
    ]
    rectangle, ellipse, line = shapes[:3]
    sides = [rectangle[key] for key in ("x", "y", "width", "height")]
    assert sides == [5.1, 6.2, 20.3, 10.7]
    assert (rectangle["c"], rectangle["z"], rectangle["t"]) == (1, 0, 0)
    assert rectangle["style"]["strokeColor"] == "#FF0000FF"
    assert (ellipse["radiusX"], ellipse["text"], ellipse["t"]) == (8.25, "nucleus 4", None)
    assert ellipse["transform"] == {
        "a00": 0.5, "a10": 0.25, "a01": -0.25, "a11": 0.5, "a02": 12.5, "a12": -3.0,
    }  # fmt: skip
    assert (line["style"]["markerStart"], line["style"]["strokeDash"]) == ("Arrow", "5 3")
    # Sent back through GraphQL and listed again, nothing has changed.
    style = {key: value for key, value in rectangle["style"].items() if value is not None}
    update = {
        "id": nodes[0]["id"],
        "shapes": [
            {
                "rectangle": dict(zip(("x", "y", "width", "height"), sides, strict=True)),
                "c": 1, "z": 0, "t": 0, "style": style,
            }
        ],
    }  # fmt: skip
    before = await listed(shared_app, image)
    await shared_app.world.mutate("owner", "updateRoi", update, "roi { id }")
    assert await listed(shared_app, image) == before


async def test_a_list_has_links_details_and_the_exact_keys(
    shared_app: AppClients, image: int
) -> None:
    answer = await get(shared_app, "/rois/", image=image, limit=3, offset=1)
    assert answer["meta"] == {"totalCount": 8, "offset": 1, "limit": 3, "maxLimit": 500}
    assert len(answer["data"]) == 3
    first = answer["data"][0]
    assert list(first) == ["@id", "@type", "omero:details", "shapes", "url:roi"]
    assert first["@type"].endswith("#ROI")
    details = first["omero:details"]
    assert details["owner"]["UserName"] == "owner"
    assert details["group"]["Name"] == "lab"
    assert details["permissions"]["canEdit"] is True
    shape = first["shapes"][0]
    assert shape["omero:details"] == details
    assert shape["Transform"]["@id"] == shape["@id"]
    assert shape["StrokeWidth"] == {
        "@type": "TBD#LengthI", "Unit": "PIXEL", "Symbol": "pixel", "Value": 2.0,
    }  # fmt: skip
    followed = await shared_app["owner"].get(first["url:roi"])
    one = followed.json()["data"]
    assert "url:roi" not in one
    assert one == {key: value for key, value in first.items() if key != "url:roi"}


@pytest.mark.parametrize("path", ["/images/{}/rois/", "/images/{}/rois", "/rois/?image={}"])
async def test_an_image_lists_its_regions_in_both_forms(
    shared_app: AppClients, image: int, path: str
) -> None:
    found = await get(shared_app, path.format(image))
    assert found["meta"]["totalCount"] == 8
    ids = [one["@id"] for one in found["data"]]
    assert ids == sorted(ids)


async def test_the_image_of_the_path_wins(shared_app: AppClients, image: int) -> None:
    other = await new_image(shared_app)
    found = await get(shared_app, f"/images/{image}/rois/", image=other)
    assert found["meta"]["totalCount"] == 8


async def test_normalized_lists_name_each_owner_once(shared_app: AppClients, image: int) -> None:
    found = await get(shared_app, "/rois/", image=image, normalize="true")
    assert [one["UserName"] for one in found["experimenters"]] == ["owner"]
    assert [one["Name"] for one in found["experimenterGroups"]] == ["lab"]
    details = found["data"][0]["omero:details"]
    assert details["owner"] == {"@id": shared_app.world.people["owner"]}
    assert "UserName" in found["data"][0]["shapes"][0]["omero:details"]["owner"]
    assert "experimenters" not in await get(shared_app, "/rois/", normalize="True")


async def test_owner_and_group_narrow_the_list(shared_app: AppClients) -> None:
    id = await new_image(shared_app)
    await drawn(shared_app, id, SHAPES[:2])
    await drawn(shared_app, id, SHAPES[2:3], "annotator")
    people, groups = shared_app.world.people, shared_app.world.groups
    count = {
        name: (await get(shared_app, "/rois/", image=id, **{"owner": people[name]}))["meta"]
        for name in ("owner", "annotator", "stranger")
    }
    assert {name: meta["totalCount"] for name, meta in count.items()} == {
        "owner": 2, "annotator": 1, "stranger": 0,
    }  # fmt: skip
    for group, total in ((groups["lab"], 3), (-1, 3)):
        found = await get(shared_app, "/rois/", image=id, group=group)
        assert found["meta"]["totalCount"] == total
    refused = await shared_app["owner"].get(f"{M}/rois/", params={"group": groups["outside"]})
    assert refused.status_code == 403
    assert "message" in refused.json()


@pytest.mark.parametrize("name", ["limit", "offset", "owner", "group", "image"])
@pytest.mark.parametrize("path", ["/rois/", "/shapes/"])
async def test_what_is_no_number_is_refused_in_pythons_words(
    shared_app: AppClients, path: str, name: str
) -> None:
    answer = await shared_app["owner"].get(f"{M}{path}", params={name: "foo"})
    assert answer.status_code == 400
    assert answer.json() == {"message": "invalid literal for int() with base 10: 'foo'"}


async def test_no_limit_and_far_offsets_still_count(shared_app: AppClients, image: int) -> None:
    for params in ({"limit": 0}, {"offset": 10**9}):
        found = await get(shared_app, "/rois/", image=image, **params)
        assert (found["data"], found["meta"]["totalCount"]) == ([], 8)


async def test_shapes_are_listed_and_read_by_themselves(shared_app: AppClients, image: int) -> None:
    rois = await listed(shared_app, image)
    found = await get(shared_app, "/shapes/", limit=500)
    shapes = {one["@id"]: one for one in found["data"]}
    assert list(shapes) == sorted(shapes)
    for roi in rois:
        (inside,) = roi["shapes"]
        shown = shapes[inside["@id"]]
        assert shown.pop("url:roi").endswith(f"/api/v0/m/rois/{roi['@id']}/")
        assert shown == inside
        single = (await get(shared_app, f"/shapes/{inside['@id']}"))["data"]
        assert single.pop("url:roi").endswith(f"/rois/{roi['@id']}/")
        assert single == inside


# what other dialects drew


async def test_a_hole_becomes_a_ring_with_slits(shared_app: AppClients) -> None:
    id = await new_image(shared_app)
    hub = await shared_app.world.hub("owner")
    outer, hole = [[0, 0], [30, 0], [30, 30], [0, 30]], [[5, 5], [5, 9], [9, 9]]
    polygon = Drawn(Kind.POLYGON, {"points": outer, "holes": [hole]})
    several = Wkt("MULTIPOLYGON (((40 0, 44 0, 44 3, 40 0)), ((50 10, 60 10, 60 20, 50 10)))")
    roi = await hub.rois.create(id, [Draft(polygon), Draft(several)])
    (found,) = await listed(shared_app, id)
    assert found["@id"] == roi.id
    assert [shape["@type"].partition("#")[2] for shape in found["shapes"]] == ["Polygon"] * 3
    import shapely

    ring = [tuple(map(float, pair.split(","))) for pair in found["shapes"][0]["Points"].split(" ")]
    whole = shapely.Polygon(outer, [hole])
    closed = shapely.Polygon(ring).buffer(0)
    assert closed.equals(whole)
    assert ring == [tuple(point) for point in with_slits(whole)]


async def test_terms_show_as_text_and_colour_where_a_shape_has_none(shared_app: AppClients) -> None:
    id = await new_image(shared_app)
    hub = await shared_app.world.hub("owner")
    ontology = await hub.ontologies.create(name=f"Cells {id}")
    tumor = await hub.ontologies.create_term(ontology.id, name="Tumor", color=RED)
    edge = await hub.ontologies.create_term(ontology.id, name="Edge", color=65535)
    point = Drawn(Kind.POINT, {"x": 1, "y": 2})
    own = {"stroke_color": 255}
    drafts = [Draft(point), Draft(point, text="mine", style=own)]
    await hub.rois.create(id, drafts, terms=[tumor.id, edge.id])
    (found,) = await listed(shared_app, id)
    assert [(one["Text"], one["StrokeColor"]) for one in found["shapes"]] == [
        ("Tumor, Edge", RED),
        ("mine", 255),
    ]
    # Sent back as it is, nothing is written; with another text only the text is.
    shapes = [{**one, "oldId": f"{found['@id']}:{one['@id']}"} for one in found["shapes"]]
    before = await shared_app.world.stored()
    answer = await persist(shared_app, id, modified=shapes)
    assert answer.json() == {"ids": {one["oldId"]: one["oldId"] for one in shapes}}
    assert await shared_app.world.stored() == before
    await persist(shared_app, id, modified=[{**shapes[0], "Text": "other"}])
    row = (await hub.rois.shapes_of([found["@id"]]))[found["@id"]][0]
    assert (row.text, row.style) == ("other", None)


async def test_reviewed_copies_are_left_out_everywhere(shared_app: AppClients) -> None:
    id = await new_image(shared_app)
    hub = await shared_app.world.hub("owner")
    (copy,) = await hub.rois.create_many(
        id, [NewRoi([Draft(Drawn(Kind.POINT, {"x": 1, "y": 2}))])], kind=RoiKind.REVIEWED
    )
    shape = (await hub.rois.shapes_of([copy]))[copy][0].id
    assert await listed(shared_app, id) == []
    for path in (f"/rois/{copy}/", f"/shapes/{shape}/"):
        for method in ("GET", "DELETE"):
            answer = await shared_app["owner"].request(method, M + path)
            assert answer.status_code == 404, path
    assert (await shared_app["owner"].get(f"/webgateway/get_rois_json/{id}/")).json() == []
    answer = await persist(shared_app, id, empty_rois={str(copy): []})
    assert answer.json()["errors"] == [f"Roi {copy} not found"]


async def test_a_region_without_shapes_still_has_the_key(shared_app: AppClients) -> None:
    id = await new_image(shared_app)
    ((roi, shape),) = await drawn(shared_app, id, SHAPES[:1])
    answer = await shared_app["owner"].delete(f"{M}/shapes/{shape}/")
    assert answer.status_code == 200
    assert bare(answer.json()["data"]) == SHAPES[0]
    (found,) = await listed(shared_app, id)
    assert (found["@id"], found["shapes"]) == (roi, [])


# deleting


async def test_a_deleted_region_is_answered_as_it_was_and_undo_brings_it_back(
    shared_app: AppClients,
) -> None:
    id = await new_image(shared_app)
    ((roi, shape),) = await drawn(shared_app, id, SHAPES[:1])
    before = await listed(shared_app, id)
    commands = (await shared_app.world.stored())["command"]
    answer = await shared_app["owner"].delete(f"{M}/rois/{roi}")
    assert answer.status_code == 200
    assert answer.json()["data"]["@id"] == roi
    assert bare(answer.json()["data"]["shapes"][0]) == SHAPES[0]
    assert (await shared_app.world.stored())["command"] == commands + 1
    for path in (f"/rois/{roi}/", f"/shapes/{shape}/"):
        gone = await shared_app["owner"].get(M + path)
        assert gone.status_code == 404
    await shared_app.world.undo_last(shared_app.world.people["owner"])
    assert await listed(shared_app, id) == before


async def test_the_words_of_refusals(shared_app: AppClients, image: int) -> None:
    roi = (await listed(shared_app, image))[0]
    shape = roi["shapes"][0]["@id"]
    for path, text in (("/rois/99999999/", "Roi"), ("/shapes/99999999/", "Shape")):
        for method in ("GET", "DELETE"):
            answer = await shared_app["owner"].request(method, M + path)
            assert answer.status_code == 404
            assert answer.json() == {"message": f"{text} 99999999 not found"}
    for path in (f"/rois/{roi['@id']}/", f"/shapes/{shape}/"):
        for method in ("GET", "DELETE"):
            assert (await shared_app["stranger"].request(method, M + path)).status_code == 404
            nobody = await shared_app[None].get(M + path)
            assert (nobody.status_code, nobody.json()) == (403, {"message": "Not logged in"})
        forbidden = await shared_app["annotator"].delete(M + path)
        assert forbidden.status_code == 403
        posted = await shared_app["owner"].post(M + path)
        assert posted.status_code == 405
        assert "GET" in posted.headers["allow"]
    for path in ("/rois/x/", "/shapes/-1/"):
        assert (await shared_app["owner"].get(M + path)).status_code == 404
    assert (await get(shared_app, f"/images/{image}/rois/", "stranger"))["data"] == []
    assert len(await listed(shared_app, image)) == 8


async def test_flags_are_the_callers_own(shared_app: AppClients, image: int) -> None:
    found = await get(shared_app, "/rois/", "annotator", image=image, limit=1)
    flags = found["data"][0]["omero:details"]["permissions"]
    assert (flags["canAnnotate"], flags["canEdit"], flags["canDelete"]) == (True, False, False)


async def cost(served: AppClients, image: int, limit: int) -> int:
    """Return the statements of a list: the fewest of some, since verdicts of who asks expire."""
    counts = []
    for _ in range(4):
        with statements(served.app.state.services.infrastructure.database) as sent:
            assert len(await listed(served, image, limit=limit)) == limit
        counts.append(len([one for one in sent if not one.startswith(LISTENING)]))
    return min(counts)


async def test_a_list_costs_the_same_statements_however_long(
    shared_app: AppClients, image: int
) -> None:
    assert await cost(shared_app, image, 1) == await cost(shared_app, image, 8) == 9


async def test_nothing_of_a_list_is_a_command(shared_app: AppClients, image: int) -> None:
    catalog: Catalog = (await shared_app.world.hub("owner")).catalog
    before = len(await catalog.all(Command))
    await listed(shared_app, image)
    assert len(await catalog.all(Command)) == before
