"""Listings of annotations: narrowed in many ways, with the column groups that are asked for.

A listing has a scope, a project or images or slices of one. Boxes count y from the bottom, as all
geometry of the dialect does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry
from starlette.requests import Request

from adapters.geometry.text import read_wkt
from adapters.hub import Hub
from adapters.placements import Placed
from adapters.region_lists import RegionLists
from adapters.region_query import Near, OnPlane, RegionQuery
from store.errors import Forbidden, Invalid, NotFound
from store.tables.containers import Project
from store.tables.rois import RoiKind
from web.rest.cytomine import parameters
from web.rest.cytomine.annotations import base_of, create
from web.rest.cytomine.domains import domain
from web.rest.cytomine.envelope import collection, slice_of
from web.rest.cytomine.marshal.annotations import GROUPS, SHOWN_BY_DEFAULT, groups_of, item
from web.rest.cytomine.resource import Answer, resource

Given = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Scope:
    """What a listing is about: a project, and images and planes of it."""

    project_id: int
    image_ids: Sequence[int] | None = None
    planes: Sequence[OnPlane] | None = None


async def scope_of(hub: Hub, given: Given) -> Scope:
    """Return the scope of a listing. Raises Invalid without one, NotFound."""
    project = parameters.whole(given, "project")
    planes = _ids(given, "slice", "slices")
    images = _ids(given, "image", "images")
    if planes is None and images is None:
        if project is None:
            raise Invalid("project", "is needed, or an image or a slice.")
        await hub.catalog.one(Project, project)
        return Scope(project)
    located = await hub.planes.located(planes or [])
    for id in planes or []:
        if id not in located or located[id].placement_id is None:
            raise NotFound("slice", id)
    wanted = [*(images or []), *(one.placement_id or 0 for one in located.values())]
    placed = {one.row.id: one for one in await hub.placements.by_ids(list(dict.fromkeys(wanted)))}
    for id in wanted:
        if id not in placed:
            raise NotFound("image", id)
    projects = {one.row.project_id for one in placed.values()} | ({project} - {None})
    if len(projects) != 1:
        raise Invalid("images", "images and slices must be of one project.")
    chosen = None
    if planes is not None:
        chosen = [_on_plane(placed[located[id].placement_id or 0], located[id]) for id in planes]
        if images is not None:
            chosen = [
                one for one in chosen if one.image_id in {placed[i].row.image_id for i in images}
            ]
    ids = [one.row.image_id for one in placed.values()]
    return Scope(next(id for id in projects if id is not None), ids, chosen)


def _on_plane(place: Placed, plane: Any) -> OnPlane:
    single = place.pixels.rgb or (place.pixels.size_c or 1) == 1
    return OnPlane(place.row.image_id, None if single else plane.c, plane.z, plane.t)


async def query_of(hub: Hub, given: Given, kinds: Sequence[RoiKind] | None = None) -> RegionQuery:
    """Return the query that parameters ask for. Raises Invalid or NotFound."""
    scope = await scope_of(hub, given)
    tracks = _ids(given, "track", "tracks")
    after, before = (parameters.whole(given, name) for name in ("afterThan", "beforeThan"))
    return RegionQuery(
        scope.project_id,
        image_ids=scope.image_ids,
        planes=scope.planes,
        kinds=_kinds(given) if kinds is None else kinds,
        author_ids=_ids(given, "user", "users"),
        reviewer_ids=_ids(given, "reviewUsers", "reviewUser"),
        term_ids=_ids(given, "term", "terms"),
        term_author_ids=_ids(given, "usersForTerm", "userForTerm"),
        without_term=parameters.flag(given, "noTerm"),
        many_terms=parameters.flag(given, "multipleTerm"),
        track_ids=tracks,
        without_track=parameters.flag(given, "noTrack"),
        many_tracks=parameters.flag(given, "multipleTrack"),
        tag_ids=_ids(given, "tag", "tags"),
        without_tag=parameters.flag(given, "noTag"),
        not_reviewed=parameters.flag(given, "notReviewedOnly"),
        job_id=parameters.whole(given, "job"),
        term_job_id=parameters.whole(given, "jobForTermAlgo"),
        sure_term_ids=_ids(given, "suggestedTerm", "suggestedTerms"),
        sure_author_ids=_ids(given, "userForTermAlgo", "usersForTermAlgo"),
        without_sure_term=parameters.flag(given, "noAlgoTerm"),
        created=(after, before),
        ranks=await _ranks(hub, given) if tracks else (None, None),
        but_id=parameters.whole(given, "excludedAnnotation"),
        near=await _near(hub, given),
    )


def _kinds(given: Given) -> list[RoiKind]:
    if parameters.flag(given, "reviewed"):
        return [RoiKind.REVIEWED]
    if parameters.flag(given, "roi"):
        return [RoiKind.REGION]
    algorithms = ("user", "users", "job", "suggestedTerm", "suggestedTerms", "userForTermAlgo",
                  "usersForTermAlgo", "jobForTermAlgo")  # fmt: skip
    if parameters.flag(given, "includeAlgo") or any(given.get(name) for name in algorithms):
        return [RoiKind.USER, RoiKind.ALGO]
    return [RoiKind.USER]


async def _ranks(hub: Hub, given: Given) -> tuple[int | None, int | None]:
    ranks: list[int | None] = []
    for name in ("afterSlice", "beforeSlice"):
        id = parameters.whole(given, name)
        ranks.append(None if id is None else (await hub.planes.one(id, placed=True))[0].rank)
    return ranks[0], ranks[1]


async def _near(hub: Hub, given: Given) -> list[Near]:
    found: list[Near] = []
    box = parameters.text(given, "bbox")
    if box:
        found.append(Near(box_of(box), y_up=True))
    other = parameters.whole(given, "bboxAnnotation")
    if other is not None:
        found.append(Near(await _geometry_of(hub, other), y_up=True))
    base = parameters.text(given, "baseAnnotation")
    distance = parameters.decimal(given, "maxDistanceBaseAnnotation")
    if not base:
        if distance is not None:
            raise Invalid("baseAnnotation", "is needed to measure a distance from.")
        return found
    whole = base.strip().isdigit()
    geometry = (
        await _geometry_of(hub, parameters.read_whole("baseAnnotation", base))
        if whole
        else read_wkt(base, "baseAnnotation")
    )
    if distance is not None:
        if distance < 0:
            raise Invalid("maxDistanceBaseAnnotation", "must be 0 or more.")
        found.append(Near(geometry, distance, y_up=True))
    return found


async def _geometry_of(hub: Hub, id: int) -> BaseGeometry:
    return shapely.from_wkt((await RegionLists(hub.catalog).one(id)).wkt)


def box_of(text: str) -> BaseGeometry:
    """Return ``minX,minY,maxX,maxY`` or WKT as a geometry, y up. Raises Invalid."""
    if text.strip()[:1].isalpha():
        return read_wkt(text, "bbox")
    parts = text.split(",")
    if len(parts) != 4:
        raise Invalid("bbox", "must be minX,minY,maxX,maxY or a POLYGON.")
    sides = [parameters.decimal({"bbox": part.strip()}, "bbox") for part in parts]
    x0, y0, x1, y1 = (side if side is not None else 0.0 for side in sides)
    if None in sides or x1 < x0 or y1 < y0:
        raise Invalid("bbox", "must be minX,minY,maxX,maxY, the smaller ones first.")
    return shapely.box(x0, y0, x1, y1, ccw=False)


def shown_of(given: Given) -> set[str]:
    """Return the column groups that are asked for; three if none is."""
    shown = {name for name, word in GROUPS.items() if parameters.flag(given, word)}
    if not shown or parameters.flag(given, "showDefault"):
        shown |= SHOWN_BY_DEFAULT
    hidden = {name for name, word in GROUPS.items() if parameters.flag(given, f"hide{word[4:]}")}
    return shown - hidden


def _ids(given: Given, *names: str) -> list[int] | None:
    for name in names:
        found = parameters.ids(given, name)
        if found is not None:
            return found
    return None


async def answered(request: Request, hub: Hub, given: Given, query: RegionQuery) -> dict[str, Any]:
    """Return a page of what a query finds, written as asked."""
    if parameters.flag(given, "kmeans") and not (query.near and query.planes):
        raise Invalid("kmeans", "a bbox and a slice are needed.")
    shown, part = shown_of(given), slice_of(given)
    found = await RegionLists(hub.catalog).page(
        query, groups_of(shown), offset=part.offset, limit=part.limit
    )
    base = base_of(request)
    return collection([item(one, base, shown) for one in found.regions], found.total, part)


async def listed(request: Request, hub: Hub) -> Answer:
    """List the annotations of a project, of images or of slices, narrowed as asked."""
    given = request.query_params
    return await answered(request, hub, given, await query_of(hub, given))


async def searched(request: Request, hub: Hub) -> Answer:
    """List annotations as the plain listing does, with parameters in the body as well."""
    given: dict[str, Any] = dict(request.query_params)
    if request.method == "POST":
        given |= await parameters.object_of(request)
    return await answered(request, hub, given, await query_of(hub, given))


def _of_kind(kind: RoiKind) -> Any:
    async def view(request: Request, hub: Hub) -> Answer:
        given = request.query_params
        scoped = ("project", "image", "images", "slice", "slices")
        if not any(given.get(name) for name in scoped):
            raise Forbidden("list", "annotations", "everywhere", "name a project or an image.")
        return await answered(request, hub, given, await query_of(hub, given, [kind]))

    view.__doc__ = (
        f"""List annotations of one kind ({kind.value}), narrowed as the plain listing."""
    )
    return view


async def included(request: Request, hub: Hub) -> Answer:
    """List what a geometry or an annotation meets on an image: of some users, or reviewed."""
    given: dict[str, Any] = dict(request.query_params)
    image = request.path_params.get("id") or parameters.required(given, "image")
    users = _ids(given, "user", "users")
    base = parameters.whole(given, "annotation")
    text = parameters.text(given, "geometry")
    if base is not None:
        geometry = await _geometry_of(hub, base)
    elif text:
        geometry = read_wkt(text, "geometry")
    else:
        raise Invalid("geometry", "is needed, or an annotation.")
    scope = await scope_of(hub, {"image": image})
    query = RegionQuery(
        scope.project_id,
        image_ids=scope.image_ids,
        kinds=[RoiKind.REVIEWED] if users is None else [RoiKind.USER, RoiKind.ALGO],
        author_ids=users,
        term_ids=_ids(given, "terms", "term"),
        but_id=base,
        near=[Near(geometry, y_up=True)],
    )
    return await answered(request, hub, given, query)


async def index(request: Request, hub: Hub) -> Answer:
    """Count the annotations on a slice by user, drawn and reviewed."""
    id = request.path_params["id"]
    scope = await scope_of(hub, {"slice": id})
    query = RegionQuery(
        scope.project_id,
        image_ids=scope.image_ids,
        planes=scope.planes,
        kinds=[RoiKind.USER, RoiKind.ALGO, RoiKind.REVIEWED],
    )
    counted = await RegionLists(hub.catalog).by_author(query)
    users = sorted({user for user, _ in counted})
    rows = [
        {
            "class": domain("AnnotationIndex").java,
            "user": user,
            "slice": id,
            "countAnnotation": counted.get((user, False), 0),
            "countReviewedAnnotation": counted.get((user, True), 0),
        }
        for user in users
    ]
    return collection(rows, len(rows), slice_of({}))


def _count_of_project(kind: RoiKind) -> Any:
    async def view(request: Request, hub: Hub) -> Answer:
        given = request.query_params
        scope = await scope_of(hub, {"project": request.path_params["id"]})
        start, end = (parameters.whole(given, name) for name in ("startDate", "endDate"))
        query = RegionQuery(scope.project_id, kinds=[kind])
        # Both ends count here; the query leaves them out.
        span = (None if start is None else start - 1, None if end is None else end + 1)
        return {"total": await RegionLists(hub.catalog).count(replace(query, created=span))}

    view.__doc__ = (
        f"""Count the {kind.value} annotations of a project, of a span of time if given."""
    )
    return view


def _count_of_user(kind: RoiKind) -> Any:
    async def view(request: Request, hub: Hub) -> Answer:
        user = await hub.people.get(request.path_params["id"])
        project = parameters.whole(request.query_params, "project")
        lists = RegionLists(hub.catalog)
        return {"total": await lists.count_of_author(user.id, kind, project)}

    view.__doc__ = f"""Count what somebody drew ({kind.value}), in one project if it is named."""
    return view


_OF = (
    ("userannotation", RoiKind.USER),
    ("algoannotation", RoiKind.ALGO),
    ("roiannotation", RoiKind.REGION),
)

ROUTES = [
    *resource("/api/annotation", get=listed, post=create),
    *resource("/api/annotation/search", get=searched, post=searched),
    *resource("/api/annotation/included", get=included),
    *resource("/api/imageinstance/{id:number}/annotation/included", get=included),
    *resource("/api/sliceinstance/{id:number}/annotationindex", get=index),
    *(
        route
        for word, kind in _OF
        for route in (
            *resource(f"/api/{word}", get=_of_kind(kind), post=create),
            *resource(f"/api/project/{{id:number}}/{word}/count", get=_count_of_project(kind)),
            *resource(f"/api/user/{{id:number}}/{word}/count", get=_count_of_user(kind)),
        )
    ),
]
