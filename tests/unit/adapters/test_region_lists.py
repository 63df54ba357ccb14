"""Listings of regions as projects show them, on both databases: every filter by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from adapters.drawn_regions import DrawnRegions, NewRegion
from adapters.region_lists import EVERYTHING, Groups, RegionLists
from adapters.region_query import Near, OnPlane, RegionQuery
from store.errors import Conflict, Forbidden, HubError, Invalid, NotFound
from store.tables.containers import Project
from store.tables.rois import RoiKind
from tests.fixtures.hub_world import HubWorld


async def scene(world: HubWorld) -> tuple[Any, int, list[Any]]:
    """Return the owner's hub, a project, and two placements of different heights."""
    hub = await world.hub("owner")
    project = await hub.containers.create(Project, name="study")
    for size in (32, 48):
        image = await world.picture("owner", np.zeros((size, 40), "uint8"))
        await hub.placements.add(image.id, project.id)
    hub = await world.hub("owner")
    placed = await hub.placements.page(_which(project.id))
    return hub, project.id, sorted(placed, key=lambda one: one.pixels.size_y)


def _which(project_id: int) -> Any:
    from adapters.placements import Which

    return Which(project_ids=[project_id])


def box(x0: float, y0: float, x1: float, y1: float) -> str:
    return str(shapely.box(x0, y0, x1, y1).wkt)


async def test_a_box_counts_from_the_bottom_of_each_image(hub_world: HubWorld) -> None:
    hub, project, (low, high) = await scene(hub_world)
    drawn = DrawnRegions(hub.catalog)
    news = [
        NewRegion(box(1, 1, 5, 5), placement_id=low.row.id),
        NewRegion(box(1, 1, 5, 5), placement_id=high.row.id),
        NewRegion(box(1, 25, 5, 30), placement_id=high.row.id),
    ]
    a, b, c = await drawn.add(news)
    lists = RegionLists(hub.catalog)

    async def found(*near: Near, **more: Any) -> list[int]:
        query = RegionQuery(project, near=near, **more)
        page = await lists.page(query, Groups(text=True))
        assert await lists.count(query) == page.total
        return [one.id for one in page.regions]

    bottom = Near(shapely.box(0, 0, 6, 6), y_up=True)
    assert await found(bottom) == [b, a]
    assert await found(bottom, image_ids=[high.row.image_id]) == [b]
    assert await found(Near(shapely.Point(3, 20), 5, y_up=True)) == [c]
    assert await found(Near(shapely.Point(3, 20), 4.9, y_up=True)) == []
    both = Near(shapely.box(0, 0, 6, 60), y_up=True)
    assert await found(both, bottom) == [b, a]
    assert await found(both) == [c, b, a]


FILTERS: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"author_ids": [1]}, False),
    ({"reviewer_ids": [1]}, False),
    ({"term_ids": [1]}, False),
    ({"term_ids": [1], "without_term": True}, True),
    ({"term_author_ids": [1]}, False),
    ({"without_term": True}, True),
    ({"many_terms": True}, False),
    ({"track_ids": [1]}, False),
    ({"track_ids": [1], "without_track": True}, True),
    ({"track_ids": [1], "ranks": (1, 5)}, False),
    ({"without_track": True}, True),
    ({"many_tracks": True}, False),
    ({"tag_ids": [1]}, False),
    ({"without_tag": True}, True),
    ({"not_reviewed": True}, True),
    ({"job_id": 1}, False),
    ({"term_job_id": 1}, False),
    ({"sure_term_ids": [1]}, False),
    ({"sure_author_ids": [1]}, False),
    ({"without_sure_term": True}, True),
    ({"created": (0, 2**50)}, True),
    ({"created": (2**50, None)}, False),
    ({"kinds": [RoiKind.ALGO]}, False),
    ({"but_id": 1, "below_id": 2**50}, True),
    ({"ids": [1]}, False),
]


async def test_every_filter_runs_on_both_databases(hub_world: HubWorld) -> None:
    hub, project, (low, _) = await scene(hub_world)
    (id,) = await DrawnRegions(hub.catalog).add(
        [NewRegion(box(1, 1, 5, 5), placement_id=low.row.id)]
    )
    lists = RegionLists(hub.catalog)
    plane = OnPlane(low.row.image_id, None, 0, 0)
    for narrowed, wanted in FILTERS:
        for more in ({}, {"image_ids": [low.row.image_id], "planes": [plane]}):
            query = RegionQuery(project, **{**more, **narrowed})
            for limit in (None, 5):
                page = await lists.page(query, EVERYTHING, limit=limit)
                assert [one.id for one in page.regions] == ([id] if wanted else []), narrowed
                assert page.total == await lists.count(query) == int(wanted)
    counted = await lists.by_author(RegionQuery(project))
    assert counted == {(hub_world.people["owner"], False): 1}


async def test_drawing_tells_what_was_refused_and_keeps_the_rest(hub_world: HubWorld) -> None:
    hub, _, (low, _) = await scene(hub_world)
    track = await hub.tracks.create(low.row.image_id, "one", project_id=low.row.project_id)
    good = NewRegion(box(1, 1, 5, 5), placement_id=low.row.id, tracks=[track.id])
    made = await DrawnRegions(hub.catalog).add(
        [
            good,
            NewRegion("POLYGON ((0 0, 1 1", placement_id=low.row.id),
            NewRegion(box(1, 1, 5, 5), placement_id=2**40),
            NewRegion(box(1, 1, 5, 5), placement_id=low.row.id, terms=[2**40]),
            good,
            NewRegion(box(50, 50, 60, 60), placement_id=low.row.id),
            NewRegion(box(2, 2, 9, 9), placement_id=low.row.id, pairs=[("k", "v")]),
        ]
    )
    kinds = [int, Invalid, NotFound, NotFound, Conflict, Invalid, int]
    assert [type(one) for one in made] == kinds
    annotator = await hub_world.hub("reader")
    (refused,) = await DrawnRegions(annotator.catalog).add([good])
    assert isinstance(refused, HubError)
    await hub.projects.change(low.row.project_id, closed=True)
    colleague = await hub_world.hub("annotator")
    (closed,) = await DrawnRegions(colleague.catalog).add(
        [NewRegion(box(1, 1, 5, 5), placement_id=low.row.id)]
    )
    assert isinstance(closed, Forbidden)
