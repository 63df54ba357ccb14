"""Annotations of every kind: drawn alone or in arrays, read, redrawn, deleted, made simpler.

Whatever the address says, an annotation is the region of its id; a person draws user annotations,
the account of a job algo annotations.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import shapely
from starlette.requests import Request

from adapters.drawn_regions import DrawnRegions, NewRegion
from adapters.geometry.simplify import filled, simplified
from adapters.geometry.text import read_wkt, wkt
from adapters.hub import Hub
from adapters.region_lists import EVERYTHING, Region, RegionLists
from adapters.region_query import Near, RegionQuery
from store.catalog import Receipt, receipt
from store.errors import Conflict, HubError, Invalid
from store.tables.rois import RoiKind
from web.rest.cytomine import parameters
from web.rest.cytomine.domains import domain
from web.rest.cytomine.envelope import done
from web.rest.cytomine.marshal.annotations import CLASSES, annotation
from web.rest.cytomine.resource import Answer, as_json, resource

PAIRS_OF = "openmicroscopy.org/omero/client/mapAnnotation"  # where OMERO's clients edit them too


def base_of(request: Request) -> str:
    """Return the hub's own address without a slash at the end."""
    return str(request.base_url).rstrip("/")


async def region_of(request: Request, hub: Hub) -> Region:
    """Return the annotation an address names. Raises NotFound."""
    project = parameters.whole(request.query_params, "project")
    return await RegionLists(hub.catalog).one(request.path_params["id"], project)


async def one(request: Request, hub: Hub) -> Answer:
    """Return an annotation of any kind."""
    return annotation(await region_of(request, hub), base_of(request))


def _new(given: Any, query: Mapping[str, Any]) -> NewRegion:
    if not isinstance(given, dict):
        raise Invalid("body", "an annotation is a JSON object.")
    location = parameters.text(given, "location")
    if location is None or not location.strip():
        raise Invalid("location", "is needed, as WKT.")
    plane = parameters.whole(given, "slice")
    placement = parameters.whole(given, "image")
    if plane is None and placement is None:
        raise Invalid("image", "is needed, or a slice.")
    return NewRegion(
        location,
        placement_id=placement,
        plane_id=plane,
        terms=_listed(given, "term", "terms"),
        tracks=_listed(given, "track", "tracks"),
        pairs=_pairs(given),
        points=_points(given, query),
    )


def _listed(given: Mapping[str, Any], *names: str) -> list[int]:
    found = (parameters.ids(given, name) for name in names)
    return list(dict.fromkeys(next((ids for ids in found if ids), [])))


def _pairs(given: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return properties: an object, or a list of objects with key and value."""
    found = given.get("properties") or given.get("property") or {}
    if isinstance(found, dict):
        items = list(found.items())
    elif isinstance(found, list) and all(isinstance(one, dict) for one in found):
        items = [(one.get("key"), one.get("value")) for one in found]
    else:
        raise Invalid("property", "must be an object of keys and values.")
    pairs = []
    for key, value in items:
        text = parameters.text({"value": value}, "value")
        if not isinstance(key, str) or not 0 < len(key.strip()) <= 500 or text is None:
            raise Invalid("property", "a key and a value are needed.")
        pairs.append((key, text.replace("\0", "")))
    return pairs


def _points(given: Mapping[str, Any], query: Mapping[str, Any]) -> tuple[int | None, int | None]:
    least, most = (
        parameters.whole(query, name, parameters.whole(given, name))
        for name in ("minPoint", "maxPoint")
    )
    if most is not None and most < 1:
        most = None
    return least, most


async def create(request: Request, hub: Hub) -> Answer:
    """Draw an annotation on an image or a slice, or each of an array; ``minPoint`` and
    ``maxPoint`` make it simpler.
    """
    given, query = await parameters.json_of(request), request.query_params
    kind = RoiKind.REGION if _is_region(request, given) else RoiKind.USER
    if isinstance(given, list):
        return await _create_many(request, hub, given, kind)
    new = _new(given, query)
    with receipt() as noted:
        (id,) = await DrawnRegions(hub.catalog).add([new], kind=kind, namespace=PAIRS_OF)
    if isinstance(id, HubError):
        raise id
    region = await RegionLists(hub.catalog).one(id)
    return answer("Add", region, noted, base_of(request))


def _is_region(request: Request, given: Any) -> bool:
    if "roiannotation" in request.url.path:
        return True
    said = request.query_params if not isinstance(given, dict) or "roi" not in given else given
    return parameters.flag(said, "roi")


async def _create_many(request: Request, hub: Hub, given: list[Any], kind: RoiKind) -> Answer:
    """Draw an array: the good ones as one command; the answer says which were refused."""
    results: list[int | HubError] = []
    news: list[tuple[int, NewRegion]] = []
    for place, one_ in enumerate(given):
        try:
            news.append((place, _new(one_, request.query_params)))
            results.append(0)
        except HubError as error:
            results.append(error)
    if news:
        made = await DrawnRegions(hub.catalog).add(
            [new for _, new in news], kind=kind, namespace=PAIRS_OF
        )
        for (place, _), found in zip(news, made, strict=True):
            results[place] = found
    ids = [one_ for one_ in results if isinstance(one_, int)]
    errors = [
        {"data": given[place], "message": one_.message}
        for place, one_ in enumerate(results)
        if isinstance(one_, HubError)
    ]
    status = 200 if not errors else 206 if ids else 400
    plural = "algoannotations" if hub.actor.job_user_id is not None else "userannotations"
    if kind is RoiKind.REGION:
        plural = "roiannotations"
    text = f"{plural} {','.join(map(str, ids))} added"
    data: dict[str, Any] = {"message": text}
    if errors:
        data = {"success": False, "message": text, "errors": errors}
    return as_json({"status": status, "data": data}, status)


def answer(verb: str, region: Region, noted: Receipt, base: str) -> dict[str, Any]:
    """Return the answer of a command on an annotation."""
    how = {"Add": "added", "Edit": "edited", "Delete": "deleted"}[verb]
    name = CLASSES[region.row.kind]
    item = annotation(region, base)
    return done(
        verb, domain(name), item, noted, f"{name} {region.id} {how}",
        annotationID=region.id, projectID=item["project"], imageID=item["image"],
    )  # fmt: skip


async def change(request: Request, hub: Hub) -> Answer:
    """Redraw an annotation by ``location`` or move it to another ``slice``; what is sent back as
    it was read changes nothing.
    """
    given = await parameters.object_of(request)
    before = await region_of(request, hub)
    text = parameters.text(given, "location")
    if text is not None and "location" in given and not text.strip():
        raise Invalid("location", "must not be empty.")
    plane = parameters.whole(given, "slice")
    with receipt() as noted:
        await DrawnRegions(hub.catalog).redraw(before, text=text, plane_id=plane)
    after = await RegionLists(hub.catalog).one(before.id, before.place.row.project_id)
    return answer("Edit", after, noted, base_of(request))


async def remove(request: Request, hub: Hub) -> Answer:
    """Delete an annotation; one that was reviewed is refused until its copy is gone."""
    before = await region_of(request, hub)
    with receipt() as noted:
        try:
            await hub.rois.delete([before.id])
        except Conflict as error:
            raise Invalid("annotation", error.message) from error
    return answer("Delete", before, noted, base_of(request))


async def simplify(request: Request, hub: Hub) -> Answer:
    """Redraw an annotation with ``minPoint`` to ``maxPoint`` vertices."""
    before = await region_of(request, hub)
    least, most = _points(await _body(request), request.query_params)
    found, _ = simplified(shapely.from_wkt(before.wkt), least, most)
    return await _redrawn(request, hub, before, wkt(found))


async def fill(request: Request, hub: Hub) -> Answer:
    """Redraw an annotation without its holes."""
    before = await region_of(request, hub)
    return await _redrawn(request, hub, before, wkt(filled(shapely.from_wkt(before.wkt))))


async def _redrawn(request: Request, hub: Hub, before: Region, text: str) -> Answer:
    with receipt() as noted:
        await DrawnRegions(hub.catalog).redraw(before, text=text)
    after = await RegionLists(hub.catalog).one(before.id, before.place.row.project_id)
    return answer("Edit", after, noted, base_of(request))


async def _body(request: Request) -> dict[str, Any]:
    found = await parameters.json_of(request)
    return found if isinstance(found, dict) else {}


async def simplify_text(request: Request, hub: Hub) -> Answer:
    """Return a geometry with ``minPoint`` to ``maxPoint`` vertices; nothing is stored."""
    given = await _body(request)
    geometry = read_wkt(parameters.text(given, "wkt") or "", "wkt")
    least, most = _points(given, request.query_params)
    found, rate = simplified(geometry, least, most)
    return {"wkt": wkt(found), "rate": rate}


async def correct(request: Request, hub: Hub) -> Answer:
    """Add a geometry to the annotations of some layers that it meets, joining them, or with
    ``remove`` cut it out of them.
    """
    given = await parameters.object_of(request)
    text = parameters.text(given, "location") or ""
    geometry = read_wkt(text)
    lists = RegionLists(hub.catalog)
    named = parameters.whole(given, "annotation")
    if named is not None:
        regions = [await lists.one(named)]
    else:
        place = await hub.placements.get(parameters.required(given, "image"))
        reviewed = parameters.flag(given, "review")
        layers = parameters.ids(given, "layers")
        query = RegionQuery(
            place.row.project_id,
            image_ids=[place.row.image_id],
            kinds=[RoiKind.REVIEWED] if reviewed else [RoiKind.USER, RoiKind.ALGO],
            author_ids=layers if layers or not reviewed else None,
            near=[Near(geometry, y_up=True)],
        )
        regions = list((await lists.page(query, EVERYTHING)).regions)
        regions.reverse()
    with receipt() as noted:
        kept = await DrawnRegions(hub.catalog).correct(
            regions, text, remove=parameters.flag(given, "remove")
        )
    verb, region = ("Delete", regions[0]) if kept is None else ("Edit", kept)
    return answer(verb, region, noted, base_of(request))


async def repeat(request: Request, hub: Hub) -> Answer:
    """Copy an annotation, with its terms, onto a slice and those that follow it; ``repeat`` says
    how many.
    """
    given = await parameters.object_of(request)
    before = await region_of(request, hub)
    times = parameters.whole(given, "repeat", 1) or 1
    if not 1 <= times <= 10_000:
        raise Invalid("repeat", f"must be from 1 to 10000, found {times}.")
    plane, stack = await hub.planes.one(parameters.required(given, "slice"), placed=True)
    if plane.placement_id != before.place.row.id:
        raise Invalid("slice", "it is no slice of the annotation's image.")
    terms = list(dict.fromkeys(row.term_id for row in before.terms))
    targets = [one_.id for one_ in stack.planes() if one_.rank >= plane.rank][:times]
    news = [
        NewRegion(before.wkt, plane_id=id, terms=terms) for id in targets if id != before.slice_id
    ]
    with receipt() as noted:
        made = await DrawnRegions(hub.catalog).add(news)
    for one_ in made:
        if isinstance(one_, HubError):
            raise one_
    ids = [one_ for one_ in made if isinstance(one_, int)]
    query = RegionQuery(
        before.place.row.project_id,
        image_ids=[before.place.row.image_id],
        kinds=list(RoiKind),
        ids=ids,
    )
    found = (await RegionLists(hub.catalog).page(query, EVERYTHING)).regions if ids else []
    return {
        "message": f"userannotations {','.join(map(str, ids))} added",
        "collection": [annotation(one_, base_of(request)) for one_ in reversed(found)],
        "command": noted.command_id,
    }


KINDS = ("annotation", "userannotation", "algoannotation", "roiannotation")

ROUTES = [
    *resource("/api/simplify", put=simplify_text, post=simplify_text),
    *resource("/api/annotationcorrection", post=correct),
    *(
        route
        for kind in KINDS
        for route in (
            *resource(f"/api/{kind}/{{id:number}}", get=one, put=change, delete=remove),
            *resource(f"/api/{kind}/{{id:number}}/simplify", put=simplify, post=simplify),
            *resource(f"/api/{kind}/{{id:number}}/fill", post=fill, put=fill),
            *resource(f"/api/{kind}/{{id:number}}/repeat", post=repeat),
        )
    ),
]
