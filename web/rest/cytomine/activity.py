"""What people looked at and did: actions on annotations, consultations, connections, positions.

Posting answers the bare object. Lists over a project tell of others only to its managers; where
somebody is in an image, all may see who see the image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request

from adapters.activity import Which
from adapters.hub import Hub
from adapters.placed import Spot
from store.errors import Invalid, NotFound
from store.tables.activity import Activity, ActivityKind
from store.tables.containers import Project
from store.tables.rois import Roi
from web.rest.cytomine import parameters, people_lists, search
from web.rest.cytomine.envelope import Slice, collection, slice_of
from web.rest.cytomine.marshal import activity as write
from web.rest.cytomine.resource import Answer, resource

CORNERS = ("topLeft", "topRight", "bottomRight", "bottomLeft")
HOUR_MS = 3_600_000
PERIODS = {"hour": HOUR_MS, "day": 24 * HOUR_MS, "week": 7 * 24 * HOUR_MS}


async def spots_of(hub: Hub, rows: Sequence[Activity]) -> Mapping[Any, Spot]:
    """Return the placements that traces are about, by project and image."""
    return await hub.placed.pairs((row.project_id, row.image_id) for row in rows)


def spot_of(spots: Mapping[Any, Spot], row: Activity) -> Spot | None:
    """Return the placement that a trace is about, if it is still to be seen."""
    return spots.get((row.project_id, row.image_id))


async def _window(
    hub: Hub, which: Which, given: Mapping[str, Any]
) -> tuple[Sequence[Activity], int, Slice]:
    asked = slice_of(given)
    rows = await hub.activity.window(which, asked.offset, asked.limit)
    total = asked.offset + len(rows)
    if not rows or len(rows) == asked.limit:
        total = await hub.activity.count(which)
    return rows, total, asked


def _between(given: Mapping[str, Any], after: str, before: str) -> dict[str, int | None]:
    return {"since": parameters.whole(given, after), "until": parameters.whole(given, before)}


async def _place(request: Request, hub: Hub) -> tuple[Spot, int | None]:
    """Return the image that an address names, and the plane if it names one."""
    path = request.path_params
    if "slice" in path:
        return await hub.placed.of_slice(path["slice"])
    return await hub.placed.get(path["image"]), None


# actions on annotations


async def note_action(request: Request, hub: Hub) -> Answer:
    """Note what the caller did with an annotation, such as selecting it."""
    given = await parameters.object_of(request)
    roi = await hub.catalog.one(Roi, parameters.required(given, "annotationIdent"))
    project_id = roi.project_id
    if project_id is None and parameters.whole(given, "image") is not None:
        project_id = (await hub.placed.get(parameters.required(given, "image"))).project_id
    row = await hub.activity.note_action(
        roi.id, parameters.text(given, "action") or "", project_id=project_id
    )
    return write.action(row, spot_of(await spots_of(hub, [row]), row))


async def actions(request: Request, hub: Hub) -> Answer:
    """List what was done with the annotations of an image, the newest first."""
    spot, rank = await _place(request, hub)
    given = request.query_params
    which = Which(
        ActivityKind.ACTION, spot.project_id, spot.image_id, parameters.whole(given, "user"), rank,
        **_between(given, "afterThan", "beforeThan"),
    )  # fmt: skip
    rows, total, asked = await _window(hub, which, given)
    spots = await spots_of(hub, rows)
    return collection([write.action(row, spot_of(spots, row)) for row in rows], total, asked)


async def one_action(request: Request, hub: Hub) -> Answer:
    """Return an action on an annotation."""
    row = await hub.activity.one(ActivityKind.ACTION, request.path_params["id"])
    return write.action(row, spot_of(await spots_of(hub, [row]), row))


async def count_actions(request: Request, hub: Hub) -> Answer:
    """Count the actions on annotations of a project, of one kind and in a time if told."""
    return await _counted(request, hub, ActivityKind.ACTION)


async def _counted(request: Request, hub: Hub, kind: ActivityKind) -> Answer:
    id, given = request.path_params["project"], request.query_params
    await hub.catalog.one(Project, id)
    since, until = (parameters.whole(given, name) for name in ("startDate", "endDate"))
    which = Which(kind, id, user_id=parameters.whole(given, "user"), since=since, until=until)
    return {"total": await hub.activity.count(which)}


# consultations


async def note_view(request: Request, hub: Hub) -> Answer:
    """Note that the caller opened an image in a viewer."""
    spot, _rank = await _place(request, hub)
    given = await parameters.object_of(request)
    row = await hub.activity.note_view(
        spot.image_id, project_id=spot.project_id, mode=parameters.text(given, "mode")
    )
    (look,) = await hub.activity.looks([row])
    return write.consultation(look, spot, _base(request))


def _base(request: Request) -> str:
    return str(request.base_url).rstrip("/")


async def consultations(request: Request, hub: Hub) -> Answer:
    """List what somebody opened in a project, the newest first; each image once if told."""
    id, user_id = request.path_params["project"], request.path_params["user"]
    await hub.activity.require_sight(id, user_id)
    given = request.query_params
    which = Which(ActivityKind.VIEW, id, user_id=user_id)
    if parameters.flag(given, "distinctImages"):
        seen: dict[int | None, Activity] = {}
        for row in await hub.activity.window(which):
            seen.setdefault(row.image_id, row)
        asked, found = slice_of(given), list(seen.values())
        stop = None if asked.limit is None else asked.offset + asked.limit
        rows, total = found[asked.offset : stop], len(found)
        return collection(await _written_views(request, hub, rows), total, asked)
    listed, total, asked = await _window(hub, which, given)
    return collection(await _written_views(request, hub, listed), total, asked)


async def _written_views(
    request: Request, hub: Hub, rows: Sequence[Activity]
) -> list[dict[str, Any]]:
    spots = await spots_of(hub, rows)
    looks = await hub.activity.looks(rows)
    return [write.consultation(look, spot_of(spots, look.row), _base(request)) for look in looks]


async def resume_views(request: Request, hub: Hub) -> Answer:
    """Sum up what somebody opened in a project, image by image: ``project=1&user=2``."""
    given = request.query_params
    id = parameters.required(given, "project")
    user_id = parameters.whole(given, "user", hub.actor.author_id)
    await hub.activity.require_sight(id, user_id)
    rows = await hub.activity.window(Which(ActivityKind.VIEW, id, user_id=user_id))
    spots, looks = await spots_of(hub, rows), await hub.activity.looks(rows)
    sums: dict[int, dict[str, Any]] = {}
    for look in looks:
        item = write.consultation(look, spot_of(spots, look.row), _base(request))
        known = sums.get(look.row.image_id or 0)
        if known is None:
            last = item["created"]
            sums[look.row.image_id or 0] = item | {"frequency": 1, "first": last, "last": last}
            continue
        known["time"] += item["time"]
        known["countCreatedAnnotations"] += item["countCreatedAnnotations"]
        known["frequency"] += 1
        known["first"] = item["created"]
    return search.page(given, list(sums.values()))


async def count_views(request: Request, hub: Hub) -> Answer:
    """Count how often images of a project were opened, in a time if told."""
    return await _counted(request, hub, ActivityKind.VIEW)


# connections to projects


async def note_connection(request: Request, hub: Hub) -> Answer:
    """Note that the caller opened a project."""
    given = await parameters.object_of(request)
    os, browser, version = (
        parameters.text(given, name) for name in ("os", "browser", "browserVersion")
    )
    row = await hub.activity.note_connection(
        request.path_params["project"], os=os, browser=browser, browser_version=version
    )
    (visit,) = await hub.activity.visits([row])
    return write.connection(visit)


async def connections(request: Request, hub: Hub) -> Answer:
    """List when somebody opened a project and what they did then, the newest first."""
    id, user_id = request.path_params["project"], request.path_params["user"]
    await hub.activity.require_sight(id, user_id)
    given = request.query_params
    which = Which(
        ActivityKind.CONNECTION, id, user_id=user_id, **_between(given, "afterThan", "beforeThan")
    )
    rows, total, asked = await _window(hub, which, given)
    return collection([write.connection(one) for one in await hub.activity.visits(rows)], total,
                      asked)  # fmt: skip


async def last_connections(request: Request, hub: Hub) -> Answer:
    """List when each member opened a project last; for managers, or of oneself."""
    id, user_id = request.path_params["project"], request.path_params.get("user")
    await hub.activity.require_sight(id, user_id)
    rows = await hub.activity.latest(Which(ActivityKind.CONNECTION, id, user_id=user_id))
    items = [
        {"id": row.id, "user": row.user_id, "project": id, "created": str(row.at)} for row in rows
    ]
    return search.page(request.query_params, items)


async def frequency(request: Request, hub: Hub) -> Answer:
    """Tell how often a project was opened in each hour, day or week that it was opened in."""
    id, given = request.path_params["project"], request.query_params
    user_id = parameters.whole(given, "user")
    await hub.activity.require_sight(id, user_id)
    period = given.get("period", "day")
    if period not in PERIODS:
        raise Invalid("period", f"is one of {', '.join(PERIODS)}.")
    which = Which(
        ActivityKind.CONNECTION, id, user_id=user_id, **_between(given, "afterThan", "beforeThan")
    )
    found = await hub.activity.histogram(which, PERIODS[period])
    items = [{"id": at, "time": str(at), "frequency": count} for at, count in found]
    return search.page(given, items)


async def count_connections(request: Request, hub: Hub) -> Answer:
    """Count how often a project was opened, in a time if told."""
    return await _counted(request, hub, ActivityKind.CONNECTION)


async def one_connection(request: Request, hub: Hub) -> Answer:
    """List the images that were opened during one time in a project."""
    row = await hub.activity.one(ActivityKind.CONNECTION, request.path_params["id"])
    project_id = row.project_id or 0
    await hub.activity.require_sight(project_id, row.user_id)
    (visit,) = await hub.activity.visits([row])
    which = Which(
        ActivityKind.VIEW, project_id, user_id=row.user_id,
        since=row.at, until=row.at + visit.lasted + 1,
    )  # fmt: skip
    rows, total, asked = await _window(hub, which, request.query_params)
    return collection(await _written_views(request, hub, rows), total, asked)


async def resume(request: Request, hub: Hub) -> Answer:
    """Sum up what somebody did in a project in all."""
    id, user_id = request.path_params["project"], request.path_params["user"]
    await hub.people.get(user_id)
    found = await hub.activity.summary(id, user_id)
    return {
        "firstConnection": None if found.first is None else str(found.first),
        "lastConnection": None if found.last is None else str(found.last),
        "totalAnnotations": found.drawn,
        "totalConnections": found.counts.get(ActivityKind.CONNECTION, 0),
        "totalConsultations": found.counts.get(ActivityKind.VIEW, 0),
        "totalAnnotationSelections": found.counts.get(ActivityKind.ACTION, 0),
    }


# positions


async def note_position(request: Request, hub: Hub) -> Answer:
    """Note which part of an image the caller sees: four corners, y upwards, zoom and rotation."""
    spot, rank = await _place(request, hub)
    given = await parameters.object_of(request)
    named = parameters.whole(given, "slice")
    if rank is None and named is not None:
        sliced, rank = await hub.placed.of_slice(named)
        if sliced.id != spot.id:
            raise Invalid("slice", f"plane {named} is of another image.")
    corners = []
    for corner in CORNERS:
        x, y = (parameters.decimal(given, f"{corner}{axis}") for axis in "XY")
        if x is None or y is None:
            raise Invalid(f"{corner}X", "the four corners are needed.")
        corners.append((x, y if spot.height is None else spot.height - y))
    row = await hub.activity.note_position(
        spot.image_id,
        corners,
        project_id=spot.project_id,
        slice=rank,
        zoom=parameters.decimal(given, "zoom"),
        rotation=parameters.decimal(given, "rotation"),
        broadcast=parameters.flag(given, "broadcast"),
    )
    return write.position(row, spot)


async def positions(request: Request, hub: Hub) -> Answer:
    """List where people were in an image, with ``showDetails``; else how often they were where."""
    spot, rank = await _place(request, hub)
    given = request.query_params
    named = parameters.whole(given, "slice")
    if named is not None:
        _spot, rank = await hub.placed.of_slice(named)
    which = Which(
        ActivityKind.POSITION, spot.project_id, spot.image_id, parameters.whole(given, "user"),
        rank, **_between(given, "afterThan", "beforeThan"),
    )  # fmt: skip
    if parameters.flag(given, "showDetails"):
        rows, total, asked = await _window(hub, which, given)
        return collection([write.position(row, spot) for row in rows], total, asked)
    often: dict[tuple[tuple[float, float], ...], int] = {}
    for row in await hub.activity.window(which):
        place = tuple(write.corners(row, spot))
        often[place] = often.get(place, 0) + 1
    items = [
        {"id": number, "location": [list(point) for point in place], "frequency": count}
        for number, (place, count) in enumerate(often.items())
    ]
    return search.page(given, items)


async def one_position(request: Request, hub: Hub) -> Answer:
    """Return where somebody was."""
    row = await hub.activity.one(ActivityKind.POSITION, request.path_params["id"])
    return write.position(row, spot_of(await spots_of(hub, [row]), row))


async def last_position(request: Request, hub: Hub) -> Answer:
    """Return where somebody is or was last in an image; an empty object if nowhere."""
    spot, rank = await _place(request, hub)
    user_id = request.path_params["user"]
    which = Which(ActivityKind.POSITION, spot.project_id, spot.image_id, user_id, rank)
    rows = await hub.activity.window(which, 0, 1)
    return write.position(rows[0], spot) if rows else {}


async def online(request: Request, hub: Hub) -> Answer:
    """List who is in an image; with ``broadcast``, only who shows others where they are."""
    spot, _rank = await _place(request, hub)
    people = await hub.activity.online(project_id=spot.project_id, image_id=spot.image_id)
    if parameters.flag(request.query_params, "broadcast"):
        latest = await hub.activity.latest(
            Which(ActivityKind.POSITION, spot.project_id, spot.image_id)
        )
        showing = {one.user_id for one in latest if (one.data or {}).get("broadcast")}
        people = [one for one in people if one in showing]
    return {"users": people, "collection": people, "size": len(people)}


async def followers(request: Request, hub: Hub) -> Answer:
    """List who follows somebody through an image: nobody, since following leaves no trace here."""
    await _place(request, hub)
    if (await hub.people.by_ids([request.path_params["user"]]))[0] is None:
        raise NotFound("user", request.path_params["user"])
    return collection([], 0, slice_of(request.query_params))


async def people_online(request: Request, hub: Hub) -> Answer:
    """List who did anything that the caller may know of in the last five minutes."""
    found = await hub.activity.online()
    return people_lists.page(request, await people_lists.written(hub, found))


_PROJECT = "/api/project/{project:number}"
_PLACES = ("/api/imageinstance/{image:number}", "/api/sliceinstance/{slice:number}")
ROUTES = [
    *resource("/api/annotation_action", post=note_action),
    *resource("/api/annotation_action/{id:number}", get=one_action),
    *resource(f"{_PROJECT}/annotation_action/count", get=count_actions),
    *resource(f"{_PROJECT}/user/{{user:number}}/imageconsultation", get=consultations),
    *resource("/api/imageconsultation/resume", get=resume_views),
    *resource(f"{_PROJECT}/imageconsultation/count", get=count_views),
    *resource(f"{_PROJECT}/userconnection", post=note_connection),
    *resource(f"{_PROJECT}/userconnection/count", get=count_connections),
    *resource(f"{_PROJECT}/userconnection/{{user:number}}", get=connections),
    *resource(f"{_PROJECT}/connectionHistory/{{user:number}}", get=connections),
    *resource(f"{_PROJECT}/lastConnection", get=last_connections),
    *resource(f"{_PROJECT}/lastConnection/{{user:number}}", get=last_connections),
    *resource(f"{_PROJECT}/connectionFrequency", get=frequency),
    *resource("/api/projectConnection/{id:number}", get=one_connection),
    *resource(f"{_PROJECT}/resumeActivity/{{user:number}}", get=resume),
    *resource("/api/position/{id:number}", get=one_position),
    *resource("/api/positions/{id:number}", get=one_position),
    *resource("/api/online/user", get=people_online),
    *(
        route
        for place in _PLACES
        for route in (
            *resource(f"{place}/annotation_action", get=actions),
            *resource(f"{place}/consultation", post=note_view),
            *resource(f"{place}/position", get=positions, post=note_position),
            *resource(f"{place}/positions", get=positions),
            *resource(f"{place}/position/{{user:number}}", get=last_position),
            *resource(f"{place}/online", get=online),
            *resource(f"{place}/followers/{{user:number}}", get=followers),
        )
    ),
]
