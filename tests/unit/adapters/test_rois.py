"""Regions of interest: what is drawn comes back, is found by place, and obeys the ladder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import shapely
from sqlalchemy import select

from adapters.annotations import Annotations
from adapters.containers import Containers
from adapters.filters import Condition, Holds
from adapters.ontologies import Ontologies
from adapters.rois import NewRoi, Rois, drawn_on, labelled
from adapters.shapes import Affine, Draft, Drawn, GeoJson, Kind, Wkt, stored_drawn
from store.access.capabilities import Can
from store.errors import Conflict, Forbidden, Invalid, NotFound
from store.paging import Keyset, OrderKey
from store.spatial import Box, largest_in_box, prefers_size
from store.statement import cols
from store.tables.annotations import AnnotationKind
from store.tables.containers import Dataset, Project
from store.tables.history import Command
from store.tables.images import Image
from store.tables.people import GroupLevel
from store.tables.rois import Roi, RoiKind, RoiTerm, Shape
from store.unit import Unit
from tests.fixtures.hub import ROOT, World, statements

BY_ID = (OrderKey("id", int),)


def every(limit: int = 500) -> Keyset:
    return Keyset(BY_ID, limit)


def rectangle(x: float, y: float, width: float, height: float, **plane: int) -> Draft:
    sides = {"x": x, "y": y, "width": width, "height": height}
    return Draft(Drawn(Kind.RECTANGLE, sides), **plane)


async def rois(world: World, user_id: int | None) -> Rois:
    return Rois(await world.catalog(user_id))


@pytest.fixture
async def ada(world: World) -> int:
    """A member of a read-annotate group."""
    return await world.person("ada", await world.group("lab", GroupLevel.read_annotate))


@pytest.fixture
async def image(world: World, ada: int) -> Image:
    """An image of hers: 2 × 3 × 4 planes of 600 × 400 pixels."""
    return await world.image(ada)


# what is drawn


DRAWN = [
    Drawn(Kind.RECTANGLE, {"x": 0.1, "y": 0.2, "width": 0.3, "height": 7}),
    Drawn(Kind.ELLIPSE, {"x": 50, "y": 60, "rx": 20, "ry": 10}),
    Drawn(Kind.POLYGON, {"points": [[0, 0], [30, 0], [30, 30], [0, 30]],
                         "holes": [[[5, 5], [5, 9], [9, 9]]]}),
    Drawn(Kind.POLYGON, {"points": [[0, 0], [10, 10], [10, 0], [0, 10]]}),
    Drawn(Kind.POLYLINE, {"points": [[1, 1], [4, 5], [9, 2]]}),
    Drawn(Kind.LINE, {"x1": 1.5, "y1": 2, "x2": 8, "y2": 2}, Affine(1, 0, 0, 1, 3, 4)),
    Drawn(Kind.POINT, {"x": 7.25, "y": 3}),
    Drawn(Kind.MASK, {"x": 2, "y": 3, "width": 4, "height": 2}, bits=b"\xa5"),
    Drawn(Kind.LABEL, {"x": 3, "y": 4}, text="metaphase"),
]  # fmt: skip


async def test_a_shape_comes_back_as_it_was_drawn(world: World, ada: int, image: Image) -> None:
    service = await rois(world, ada)
    style = {"stroke_color": -16776961, "stroke_width": 1.5, "stroke_width_unit": "px"}
    drafts = [Draft(drawn, c=1, z=None, t=0, style=style) for drawn in DRAWN]
    roi = await service.create(image.id, drafts)
    rows = (await service.shapes_of([roi.id]))[roi.id]
    assert [stored_drawn(row) for row in rows] == DRAWN
    assert {(row.c, row.z, row.t) for row in rows} == {(1, None, 0)}
    assert all(row.style == style for row in rows)
    assert (roi.owner_id, roi.author_id, roi.kind, roi.project_id) == (ada, ada, "user", None)


async def test_text_becomes_one_shape_per_part(world: World, ada: int, image: Image) -> None:
    service = await rois(world, ada)
    text = "MULTIPOLYGON (((0 0, 4 0, 4 3, 0 0)), ((10 10, 20 10, 20 20, 10 10)))"
    square = {"type": "Point", "coordinates": [5, 6]}
    roi = await service.create(image.id, [Draft(Wkt(text, y_up=True)), Draft(GeoJson(square))])
    shapes = (await service.shapes_of([roi.id]))[roi.id]
    assert [row.kind for row in shapes] == ["polygon", "polygon", "point"]
    assert shapes[0].wkt == "POLYGON ((0 0, 4 0, 4 3, 0 0))"
    assert (shapes[0].y0, shapes[0].y1) == (397, 400)  # The image is 400 pixels high.
    assert (shapes[2].cx, shapes[2].cy) == (5, 6)


BAD: list[tuple[Draft, str]] = [
    (rectangle(0, 0, 5, 5, z=4), "z"),
    (rectangle(0, 0, 5, 5, c=-1), "c"),
    (Draft(Wkt("POLYGON ((0 0, 10 10, 10 0, 0 10, 0 0))")), "wkt"),
    (Draft(Wkt("POLYGON ((900 0, 910 10, 910 0, 900 0))", clip=True)), "wkt"),
    (Draft(Drawn(Kind.POINT, {"x": 0, "y": 0}), style={"colour": 3}), "style.colour"),
    (Draft(Drawn(Kind.POINT, {"x": 0, "y": 0}), style={"fill_color": 2**31}), "style.fill_color"),
]


async def test_one_bad_shape_stores_nothing(world: World, ada: int, image: Image) -> None:
    service = await rois(world, ada)
    for draft, field in BAD:
        with pytest.raises(Invalid) as refused:
            await service.create_many(image.id, [NewRoi([rectangle(1, 1, 2, 2)]), NewRoi([draft])])
        assert refused.value.field == f"shapes[1].{field}"
    assert await service.count() == 0


async def test_a_region_without_shapes_and_an_image_without_size_are_refused(
    world: World, ada: int, image: Image
) -> None:
    with pytest.raises(Invalid, match="at least one shape"):
        await (await rois(world, ada)).create(image.id, [])
    declared = await world.image(ada, size=(1, 1, 1, 0, 0))
    with pytest.raises(Invalid, match="no size"):
        await (await rois(world, ada)).create(declared.id, [rectangle(0, 0, 1, 1)])


# changing


async def test_an_echo_is_no_change(world: World, ada: int, image: Image) -> None:
    service = await rois(world, ada)
    drafts = [Draft(drawn, z=1) for drawn in DRAWN]
    roi = await service.create(image.id, drafts, name="cell")
    before = (await service.shapes_of([roi.id]))[roi.id]
    same = await service.update(roi.id, name="cell", shapes=drafts)
    assert (same.version, same.updated_at) == (1, None)
    assert (await service.shapes_of([roi.id]))[roi.id] == before
    commands = await (await world.catalog(ada)).all(Command)
    assert "update_roi" not in {one.verb for one in commands}


async def test_unchanged_shapes_keep_their_ids_and_undo_brings_the_others_back(
    world: World, ada: int, image: Image
) -> None:
    service = await rois(world, ada)
    first, second, third = (rectangle(n, n, 5, 5) for n in (10, 20, 30))
    roi = await service.create(image.id, [first, second])
    before = (await service.shapes_of([roi.id]))[roi.id]
    changed = await service.update(roi.id, expected=1, shapes=[third, first])
    after = (await service.shapes_of([roi.id]))[roi.id]
    assert changed.version == 2
    assert [row.x0 for row in after] == [10, 30]
    assert after[0] == before[0]
    assert after[1].id > before[1].id
    with pytest.raises(Conflict):
        await service.update(roi.id, expected=1, shapes=[second])
    await world.undo_last(ada)
    assert (await service.shapes_of([roi.id]))[roi.id] == before
    assert [row.id for row in (await service.in_view(image.id, Box(0, 0, 99, 99))).shapes] == [
        row.id for row in before
    ]


async def test_a_moved_rectangle_is_a_rectangle(world: World, ada: int, image: Image) -> None:
    service = await rois(world, ada)
    turned = Drawn(Kind.ELLIPSE, {"x": 50, "y": 60, "rx": 20, "ry": 10}, Affine(0, 1, -1, 0, 90, 0))
    roi = await service.create(image.id, [rectangle(10, 20, 30, 40, z=0), Draft(turned, z=0)])
    await service.move(roi.id, dx=5, dy=-8, plane={"z": 2})
    box, ellipse = (await service.shapes_of([roi.id]))[roi.id]
    moved = stored_drawn(box)
    assert moved is not None
    assert (moved.kind, moved.params) == (
        Kind.RECTANGLE,
        {"x": 15, "y": 12, "width": 30, "height": 40},
    )
    assert box.wkt.startswith("POLYGON ((15 388")
    assert (ellipse.cx, ellipse.cy) == (35, 42)  # (90 − 60 + 5, 50 − 8)
    assert (box.z, ellipse.z) == (2, 2)
    with pytest.raises(Invalid):
        await service.move(roi.id, plane={"z": 4})


async def test_deleting_and_restoring_keep_the_ids_and_the_count(
    world: World, ada: int, image: Image
) -> None:
    catalog = await world.catalog(ada)
    service, containers = Rois(catalog), Containers(catalog)
    ids = list(
        await service.create_many(image.id, [NewRoi([rectangle(n, n, 5, 5)]) for n in range(5)])
    )
    assert (await catalog.one(Image, image.id)).roi_count == 5
    impact, _ = await containers.delete(Roi, ids[:2])
    assert impact.counts == {"roi": 2}
    assert (await catalog.one(Image, image.id)).roi_count == 3
    found = await service.of_images([image.id], every())
    assert [row.id for row in found[image.id].rows] == ids[2:]
    assert len((await service.in_view(image.id, Box(0, 0, 600, 400))).shapes) == 3
    assert await containers.restore(Roi, ids[:2]) == 2
    assert (await catalog.one(Image, image.id)).roi_count == 5
    assert [row.id for row in (await service.page(every())).rows] == ids


async def test_undo_and_redo_of_a_region_with_terms(world: World, ada: int, image: Image) -> None:
    catalog = await world.catalog(ada)
    term = await Ontologies(catalog).create("Phases", terms=[{"name": "Metaphase"}])
    (metaphase,) = (await Ontologies(catalog).terms_of([term.id]))[term.id]
    service = Rois(catalog)
    roi = await service.create(image.id, [rectangle(1, 2, 3, 4)], terms=[metaphase.id])
    await world.undo_last(ada)
    with pytest.raises(NotFound):
        await service.get(roi.id)
    assert (await catalog.one(Image, image.id)).roi_count == 0
    await world.redo_last(ada)
    assert (await service.terms_of([roi.id]))[roi.id][0].term_id == metaphase.id
    assert len((await service.shapes_of([roi.id]))[roi.id]) == 1
    assert (await catalog.one(Image, image.id)).roi_count == 1


async def test_an_original_stays_while_its_reviewed_copy_lives(
    world: World, ada: int, image: Image
) -> None:
    catalog = await world.catalog(ada)
    roi = await Rois(catalog).create(image.id, [rectangle(1, 2, 3, 4)])

    async def review(unit: Unit) -> Roi:
        copy: Any = Roi(
            image_id=image.id, owner_id=ada, author_id=ada, kind=RoiKind.REVIEWED.value,
            original_id=roi.id,
        )  # fmt: skip
        stored: Roi = await unit.add(copy)
        return stored

    copy = await catalog.write("review", review)
    with pytest.raises(Conflict, match="reviewed copy"):
        await Containers(catalog).delete(Roi, [roi.id])
    await Containers(catalog).delete(Roi, [copy.id])
    await Containers(catalog).delete(Roi, [roi.id])


# terms


async def test_terms_are_given_once_per_author_and_taken_off(
    world: World, ada: int, image: Image
) -> None:
    catalog = await world.catalog(ada)
    ontology = await Ontologies(catalog).create("Phases", terms=[{"name": "A"}, {"name": "B"}])
    a, b = (await Ontologies(catalog).terms_of([ontology.id]))[ontology.id]
    service = Rois(catalog)
    ids = list(
        await service.create_many(image.id, [NewRoi([rectangle(n, n, 5, 5)]) for n in range(3)])
    )
    assert await service.add_terms(ids, [a.id, b.id]) == 6
    assert await service.add_terms(ids, [b.id]) == 0
    assert await service.remove_terms(ids[:1], [a.id]) == 1
    given = await service.terms_of(ids)
    assert [[one.term_id for one in given[id]] for id in ids] == [
        [b.id],
        [a.id, b.id],
        [a.id, b.id],
    ]
    page = await service.page(every(), Holds(labelled([a.id])))
    assert [row.id for row in page.rows] == ids[1:]
    with pytest.raises(NotFound):
        await service.add_terms(ids, [999])


async def test_terms_of_a_bound_region_are_of_the_projects_ontology(world: World, ada: int) -> None:
    catalog = await world.catalog(ada)
    ontologies = Ontologies(catalog)
    used, other = await ontologies.create("Used"), await ontologies.create("Other")
    right = await ontologies.create_term(used.id, "Right")
    wrong = await ontologies.create_term(other.id, "Wrong")
    project = await world.project(ada)
    await ontologies.use(project.id, used.id)
    dataset = await world.dataset(ada, into=project.id)
    image = await world.image(ada, into=dataset.id)
    service = Rois(catalog)
    drawn = [rectangle(1, 1, 2, 2)]
    roi = await service.create(image.id, drawn, project_id=project.id, terms=[right.id])
    with pytest.raises(Invalid, match="not a term of the project's ontology"):
        await service.create(image.id, drawn, project_id=project.id, terms=[wrong.id])
    with pytest.raises(Invalid):
        await service.add_terms([roi.id], [wrong.id])
    await service.create(image.id, drawn, terms=[wrong.id])


async def test_a_region_is_bound_only_to_a_project_that_holds_the_image(
    world: World, ada: int, image: Image
) -> None:
    project = await world.project(ada)
    with pytest.raises(Invalid, match="does not lie in project"):
        await (await rois(world, ada)).create(
            image.id, [rectangle(1, 1, 2, 2)], project_id=project.id
        )
    with pytest.raises(NotFound):
        await (await rois(world, ada)).create(image.id, [rectangle(1, 1, 2, 2)], project_id=9999)


# finding


def stars(count: int, seed: int) -> list[shapely.Polygon]:
    """Return star-shaped polygons of all sizes over and around an image of 600 × 400 pixels."""
    draw = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        corners = int(draw.integers(3, 12))
        angles = np.sort(draw.uniform(0, 2 * math.pi, corners))
        radii = draw.uniform(0.3, 1, corners) * draw.uniform(1, 60) ** 1.2
        x, y = draw.uniform(-50, 650), draw.uniform(-50, 450)
        points = np.stack((x + radii * np.cos(angles), y + radii * np.sin(angles)), axis=1)
        made.append(shapely.Polygon(points))
    return [polygon for polygon in made if polygon.is_valid]


async def draw_all(
    service: Rois, image_id: int, polygons: Sequence[shapely.Polygon]
) -> dict[int, shapely.Polygon]:
    news = []
    for polygon in polygons:
        points = shapely.get_coordinates(polygon.exterior)[:-1].tolist()
        news.append(NewRoi([Draft(Drawn(Kind.POLYGON, {"points": points}))]))
    ids = await service.create_many(image_id, news)
    return dict(zip(ids, polygons, strict=True))


async def test_shapes_in_a_box_are_those_whose_bounds_meet_it(
    world: World, ada: int, image: Image
) -> None:
    service = await rois(world, ada)
    neighbour = await world.image(ada)
    drawn = await draw_all(service, image.id, stars(2000, 1))
    await draw_all(service, neighbour.id, stars(50, 2))
    boxes = [
        Box(*sides)
        for sides in ((0, 0, 600, 400), (100.5, 50.25, 180, 90), (-40, -40, 0, 0),
                      (300, 200, 300, 200), (-1e9, -1e9, 1e9, 1e9), (700, 460, 800, 900))
    ]  # fmt: skip
    catalog = await world.catalog(ada)
    for box in boxes:
        expected = {
            id
            for id, polygon in drawn.items()
            if polygon.bounds[0] <= box.x1 and polygon.bounds[2] >= box.x0
            and polygon.bounds[1] <= box.y1 and polygon.bounds[3] >= box.y0
        }  # fmt: skip
        for by_size in (False, True):
            found = await catalog.all(
                Shape,
                largest_in_box(
                    world.database, catalog.select(Shape), image.id, box, 5000, by_size=by_size
                ),
            )
            assert {row.roi_id for row in found} == expected
            sizes = [row.size for row in found]
            assert sizes == sorted(sizes, reverse=True)
        counted = await service.count_of_images([image.id], box=box)
        assert counted.get(image.id, 0) == len(expected)
        both = await service.count_of_images([image.id, neighbour.id], box=box)
        assert both.get(image.id, 0) == len(expected)


async def test_the_stored_bounds_are_those_of_shapely(world: World, ada: int, image: Image) -> None:
    service = await rois(world, ada)
    drawn = await draw_all(service, image.id, stars(2000, 3))
    shapes = await service.shapes_of(list(drawn))
    for id, polygon in drawn.items():
        (row,) = shapes[id]
        assert (row.x0, row.y0, row.x1, row.y1) == polygon.bounds
        assert row.area == pytest.approx(polygon.area)
        assert row.size == max(row.x1 - row.x0, row.y1 - row.y0)


async def test_shapes_beyond_32_bits_are_found(world: World, ada: int, image: Image) -> None:
    service = await rois(world, ada)
    near = await service.create(image.id, [rectangle(3e9, 3e9, 10, 10)])
    await service.create(image.id, [rectangle(5e9, 3e9, 10, 10)])
    for box in (Box(2.9e9, 2.9e9, 3.1e9, 3.1e9), Box(3e9 + 10, 0, 4e9, 4e9)):
        found = (await service.in_view(image.id, box)).shapes
        assert [row.roi_id for row in found] == [near.id]


async def test_a_view_shows_the_largest_and_says_when_it_is_cut(
    world: World, ada: int, image: Image
) -> None:
    service = await rois(world, ada)
    await service.create_many(
        image.id, [NewRoi([rectangle(100, 100, 10 + n, 5)]) for n in range(20)]
    )
    view = await service.in_view(image.id, Box(90, 90, 110, 110), limit=3)
    assert [row.size for row in view.shapes] == [29, 28, 27]
    assert view.truncated
    whole = await service.in_view(image.id, Box(0, 0, 600, 400), limit=20)
    assert (len(whole.shapes), whole.truncated) == (20, False)
    with pytest.raises(Invalid, match="limit"):
        await service.in_view(image.id, Box(0, 0, 600, 400), limit=0)
    with pytest.raises(Invalid, match="viewport"):
        Box(0, 0, math.nan, 1)


async def test_a_shape_without_a_plane_is_on_every_plane(
    world: World, ada: int, image: Image
) -> None:
    service = await rois(world, ada)
    ids = [
        (await service.create(image.id, [rectangle(1, 1, 9, 9, **plane)])).id
        for plane in ({}, {"z": 1}, {"z": 1, "t": 0}, {"z": 2})
    ]
    box = Box(0, 0, 50, 50)
    found = (await service.in_view(image.id, box, plane={"z": 1, "t": 1})).shapes
    assert {row.roi_id for row in found} == {ids[0], ids[1]}
    page = await service.page(every(), Holds(drawn_on({"z": 1, "t": 0})))
    assert [row.id for row in page.rows] == ids[:3]


def test_the_index_of_sizes_is_chosen_when_most_of_the_image_is_asked_for() -> None:
    assert prefers_size(1.0, 300_000, 5000)
    assert prefers_size(0.16, 300_000, 5000)
    assert not prefers_size(0.09, 300_000, 5000)
    assert not prefers_size(1.0, 4000, 5000)
    assert not prefers_size(1.0, 0, 10)
    assert Box(-100, -100, 300, 200).share_of(600, 400) == pytest.approx(0.25)
    assert Box(-100, -100, -1, -1).share_of(600, 400) == 0


async def test_lists_cost_the_same_number_of_statements_whatever_their_length(
    world: World, ada: int, image: Image
) -> None:
    service = await rois(world, ada)

    async def read(images: list[int]) -> int:
        with statements(world.database) as sent:
            pages = await service.of_images(images, every())
            rows = [row for page in pages.values() for row in page.rows]
            seen = await service.seen(rows)
            ids = [one.row.id for one in seen]
            await service.shapes_of(ids)
            await service.terms_of(ids)
            await Annotations(await world.catalog(ada)).on([("roi", id) for id in ids])
        assert {one.group_id for one in seen} == {image.group_id}
        return len([one for one in sent if "shape" in one or "roi" in one or "project" in one])

    await service.create_many(image.id, [NewRoi([rectangle(1, 1, 2, 2)])])
    few = await read([image.id])
    other = await world.image(ada)
    await service.create_many(image.id, [NewRoi([rectangle(1, 1, 2, 2)])] * 40)
    await service.create_many(other.id, [NewRoi([rectangle(1, 1, 2, 2)])] * 40)
    assert await read([image.id, other.id]) == few


async def test_drawing_thousands_costs_a_handful_of_statements(
    world: World, ada: int, image: Image
) -> None:
    service = await rois(world, ada)
    counts = []
    for many in (10, 1000):
        with statements(world.database) as sent:
            await service.create_many(image.id, [NewRoi([rectangle(1, 1, 2, 2)])] * many)
        counts.append(len(sent))
    assert counts[1] <= counts[0]


# who may


LEVELS = [GroupLevel.private, GroupLevel.read_only, GroupLevel.read_annotate, GroupLevel.read_write]
PEOPLE = (
    "author",
    "pi",
    "leader",
    "root",
    "manager",
    "member",
    "visitor",
    "writer",
    "peer",
    "stranger",
)
# Who may redraw what the author drew, line by line of the ladder; `peer` is judged by group level.
ALLOWED = {
    # A manage grant includes write, which reaches the image through its project.
    "unbound": {"author", "leader", "root", "writer", "manager"},
    "classic": {"author", "pi", "leader", "root", "manager", "member", "writer"},
    "restricted": {"author", "pi", "leader", "root", "manager"},
    "read_only": {"pi", "leader", "root", "manager"},
    "closed": {"pi", "leader", "root", "manager"},
}  # fmt: skip
SEEING = {
    "unbound": set(PEOPLE) - {"stranger", "peer"},
    # A writer reaches the image by a grant and no project, so what is bound to one is not seen.
    "bound": set(PEOPLE) - {"stranger", "peer", "writer"},
}


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.name)
async def test_the_ladder_decides_who_may_redraw(world: World, level: GroupLevel) -> None:
    """The table of the model: administrators without an open session oversee, as leaders do."""
    outside = [name for name in PEOPLE if name not in ("root", "pi", "peer")]
    who = {name: await world.person(name) for name in outside}
    lab = await world.group("lab", level, leaders=[who["leader"]])
    who |= {name: await world.person(name, lab) for name in ("pi", "peer")}
    who["root"] = ROOT
    project = await world.project(who["pi"])
    dataset = await world.dataset(who["pi"], into=project.id)
    image = await world.image(who["pi"], into=dataset.id)
    for name, grant in (("author", "annotate"), ("member", "annotate"), ("manager", "manage"),
                        ("visitor", "read")):  # fmt: skip
        await world.grant(grant, "project", project.id, who[name])
    await world.grant("write", "image", image.id, who["writer"])
    drawing = await rois(world, who["author"])
    bound = await drawing.create(image.id, [rectangle(1, 1, 9, 9)], project_id=project.id)
    unbound = await drawing.create(image.id, [rectangle(1, 1, 9, 9)])
    managing = Containers(await world.catalog(who["pi"]))
    for case, allowed in ALLOWED.items():
        if case == "closed":
            await managing.update(Project, project.id, mode="classic", closed=True)
        elif case != "unbound":
            await managing.update(Project, project.id, mode=case)
        roi = unbound if case == "unbound" else bound
        seeing = set(SEEING["unbound" if case == "unbound" else "bound"])
        if level >= GroupLevel.read_only:
            seeing.add("peer")
        expected = set(allowed) & seeing
        if level == GroupLevel.read_write and case in ("unbound", "classic"):
            expected |= {"peer", "pi"}  # Both are members of a read-write group.
        for name in PEOPLE:
            await _check(world, who[name], roi, name in seeing, name in expected, f"{case} {name}")


async def _check(world: World, user_id: int, roi: Roi, sees: bool, may: bool, case: str) -> None:
    catalog = await world.catalog(user_id)
    service = Rois(catalog)
    found = (await service.many([roi.id])).get(roi.id)
    assert (found is not None) == sees, case
    if found is not None:
        (seen,) = await service.seen([found])
        assert bool(seen.can & Can.EDIT) == may, case
        assert bool(seen.can & Can.DELETE) == may, case
    refusal: Any = None if may else (Forbidden if sees else NotFound)
    changes = (
        lambda: service.update(roi.id, name=case),
        lambda: catalog.rehearse("delete", lambda unit: unit.trash(Roi, [roi.id])),
    )
    for change in changes:
        if refusal is None:
            await change()
        else:
            with pytest.raises(refusal):
                await change()


@pytest.mark.parametrize(
    ("mode", "closed", "may"),
    [("classic", False, True), ("restricted", False, True), ("read_only", False, False),
     ("classic", True, False)],
)  # fmt: skip
async def test_drawing_in_a_project_needs_it_open(
    world: World, ada: int, mode: str, closed: bool, may: bool
) -> None:
    member = await world.person("member")
    project = await world.project(ada, mode=mode, closed=closed)
    dataset = await world.dataset(ada, into=project.id)
    image = await world.image(ada, into=dataset.id)
    await world.grant("annotate", "project", project.id, member)
    drawn = [rectangle(1, 1, 9, 9)]
    mine = await (await rois(world, ada)).create(image.id, drawn, project_id=project.id)
    service = await rois(world, member)
    tags = Annotations(await world.catalog(member))
    (seen,) = await service.seen([mine])
    if may:
        await service.create(image.id, drawn, project_id=project.id)
    else:
        with pytest.raises(Forbidden):
            await service.create(image.id, drawn, project_id=project.id)
        assert not seen.can & Can.ANNOTATE
        with pytest.raises(Forbidden):
            await tags.create(AnnotationKind.TAG, "odd", targets=[("roi", mine.id)])
    await service.create(image.id, drawn)  # Unbound: the project has no say.


async def test_a_reader_may_not_draw_and_a_stranger_does_not_know_the_image(world: World) -> None:
    readers = await world.group("readers", GroupLevel.read_only)
    owner, reader = await world.person("owner", readers), await world.person("reader", readers)
    stranger = await world.person("stranger")
    image = await world.image(owner)
    drawn = [rectangle(1, 1, 9, 9)]
    roi = await (await rois(world, owner)).create(image.id, drawn)
    assert (await (await rois(world, reader)).get(roi.id)).id == roi.id
    with pytest.raises(Forbidden):
        await (await rois(world, reader)).create(image.id, drawn)
    with pytest.raises(NotFound):
        await (await rois(world, stranger)).create(image.id, drawn)
    with pytest.raises(NotFound):
        await (await rois(world, stranger)).in_view(image.id, Box(0, 0, 9, 9))
    assert await (await rois(world, None)).count() == 0


async def test_what_is_bound_to_an_unreadable_project_is_not_seen(world: World, ada: int) -> None:
    guest = await world.person("guest")
    first, second = await world.project(ada, "First"), await world.project(ada, "Second")
    dataset = await world.dataset(ada, into=first.id)
    image = await world.image(ada, into=dataset.id)
    await Containers(await world.catalog(ada)).link(Project, second.id, Dataset, [dataset.id])
    await world.grant("annotate", "project", second.id, guest)
    service = await rois(world, ada)
    drawn = [rectangle(1, 1, 9, 9)]
    hidden = await service.create(image.id, drawn, project_id=first.id)
    shown = await service.create(image.id, drawn, project_id=second.id)
    free = await service.create(image.id, drawn)
    found = (await (await rois(world, guest)).page(every())).rows
    assert [row.id for row in found] == [shown.id, free.id]
    assert hidden.id not in await (await rois(world, guest)).many([hidden.id])


@pytest.mark.parametrize(
    ("members", "managers", "visible"),
    [(False, False, {"own", "member", "manager"}), (True, False, {"own", "manager"}),
     (False, True, {"own", "member"}), (True, True, {"own"})],
)  # fmt: skip
async def test_hidden_layers_are_those_of_other_people(
    world: World, ada: int, members: bool, managers: bool, visible: set[str]
) -> None:
    project = await world.project(ada, hide_members=members, hide_managers=managers)
    dataset = await world.dataset(ada, into=project.id)
    image = await world.image(ada, into=dataset.id)
    mine, other = await world.person("mine"), await world.person("other")
    for user_id in (mine, other):
        await world.grant("annotate", "project", project.id, user_id)
    drawn = [rectangle(1, 1, 9, 9)]
    layers = {"own": mine, "member": other, "manager": ada}
    ids = {
        name: (await (await rois(world, user_id)).create(image.id, drawn, project_id=project.id)).id
        for name, user_id in layers.items()
    }
    page = await (await rois(world, mine)).page(every())
    assert {row.id for row in page.rows} == {ids[name] for name in visible}
    view = await (await rois(world, mine)).in_view(image.id, Box(0, 0, 50, 50))
    assert {row.roi_id for row in view.shapes} == {ids[name] for name in visible}
    everything = await (await rois(world, ada)).page(every())
    assert {row.id for row in everything.rows} == set(ids.values())


async def test_a_job_draws_in_its_own_layer_in_bulk(world: World, ada: int, image: Image) -> None:
    catalog = await world.catalog(ada)
    service = Rois(catalog)

    async def work(unit: Unit) -> range:
        news = [NewRoi([rectangle(n, 0, 2, 2)]) for n in range(30)]
        return await service.draw_many(unit, image.id, news, kind=RoiKind.ALGO)

    ids = await catalog.write("publish", work)
    page = await service.page(every(), Condition("kind", "eq", "algo"))
    assert [row.id for row in page.rows] == list(ids)
    rows = await catalog.rows(select(cols(RoiTerm).id))
    assert rows == []
