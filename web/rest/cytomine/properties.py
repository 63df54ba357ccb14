"""Properties: named texts on an object, which other clients see as the pairs of a map.

They go into the map that clients of the other dialect edit, so both change the same thing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request

from adapters.hub import Hub
from adapters.properties import NewProperty
from store.catalog import receipt
from store.errors import HubError, Invalid
from web.rest.cytomine import parameters, subjects
from web.rest.cytomine.domains import domain
from web.rest.cytomine.envelope import done, sliced
from web.rest.cytomine.marshal.metadata import property_
from web.rest.cytomine.resource import Answer, View, as_json, resource
from web.rest.cytomine.subjects import Subject

PROPERTY = domain("Property")
CLIENT_MAP = "openmicroscopy.org/omero/client/mapAnnotation"


async def properties(request: Request, hub: Hub) -> Answer:
    """List the properties of an object."""
    on = await subjects.of_path(request, hub)
    rows = (await hub.properties.on([on.target]))[on.target]
    return sliced(request, rows, lambda row: property_(row, on.written))


async def one_property(request: Request, hub: Hub) -> Answer:
    """Return a property of an object."""
    on = await subjects.of_path(request, hub)
    found = await hub.properties.get(on.target, request.path_params["id"])
    return property_(found, on.written)


async def property_named(request: Request, hub: Hub) -> Answer:
    """Return the property of an object that has a key."""
    on = await subjects.of_path(request, hub)
    found = await hub.properties.named(on.target, request.path_params["key"])
    return property_(found, on.written)


async def create(request: Request, hub: Hub) -> Answer:
    """Put a property, or each of an array, on objects; a key that is there is a conflict."""
    given = await parameters.json_of(request)
    at = await subjects.of_path(request, hub) if "ident" in request.path_params else None
    if isinstance(given, list):
        return await _create_all(hub, given, at)
    if not isinstance(given, dict):
        raise Invalid("body", "a JSON object is needed.")
    on = at if at is not None else await subjects.of_body(hub, given)
    key, value = _key(given), _value(given)
    with receipt() as noted:
        made = await hub.properties.add(on.target, key, value, ns=CLIENT_MAP)
    item = property_(made, on.written)
    text = f"Property {made.id} ({made.key}) added"
    return done("Add", PROPERTY, item, noted, text, **_ids(on))


async def _create_all(hub: Hub, given: Sequence[Any], at: Subject | None) -> Answer:
    """Put the properties of an array on objects as one act; each bad one is told."""
    problems: dict[int, str] = {}
    wanted: dict[int, NewProperty] = {}
    known: dict[Any, Subject] = {}
    for place, item in enumerate(given):
        try:
            if not isinstance(item, dict):
                raise Invalid("body", "a JSON object is needed.")
            on = at
            if on is None:
                name = (item.get("domainClassName"), item.get("domainIdent"))
                on = known.get(name) if _plain(name) else None
                if on is None:
                    on = await subjects.of_body(hub, item)
                    known[name] = on
            wanted[place] = NewProperty(on.target, _key(item), _value(item))
        except HubError as error:
            problems[place] = error.message
    made: list[int] = []
    answers = await hub.properties.add_many(list(wanted.values()), ns=CLIENT_MAP) if wanted else []
    for place, answer in zip(wanted, answers, strict=True):
        if isinstance(answer, HubError):
            problems[place] = answer.message
        else:
            made.append(answer)
    status = 200 if not problems else 206 if made else 400
    text = f"properties {','.join(map(str, made))} added"
    data: dict[str, Any] = {"message": text}
    if problems:
        errors = [{"data": given[place], "message": problems[place]} for place in sorted(problems)]
        data = {"success": False, "message": text, "errors": errors}
    return as_json({"status": status, "data": data}, status)


def _plain(name: tuple[Any, Any]) -> bool:
    return all(isinstance(one, str | int) for one in name)


async def change(request: Request, hub: Hub) -> Answer:
    """Change key or value of a property; what is left out stays."""
    on = await subjects.of_path(request, hub)
    given = await parameters.object_of(request)
    key = None if given.get("key") is None else _key(given)
    value = None if given.get("value") is None else _value(given)
    with receipt() as noted:
        stored = await hub.properties.change(
            on.target, request.path_params["id"], key=key, value=value
        )
    text = f"Property {stored.id} ({stored.key}) edited"
    return done("Edit", PROPERTY, property_(stored, on.written), noted, text, **_ids(on))


async def delete(request: Request, hub: Hub) -> Answer:
    """Take a property off an object."""
    on, id = await subjects.of_path(request, hub), request.path_params["id"]
    item = property_(await hub.properties.get(on.target, id), on.written)
    with receipt() as noted:
        await hub.properties.remove(on.target, id)
    text = f"Property {id} ({item['key']}) deleted"
    return done("Delete", PROPERTY, item, noted, text, **_ids(on))


async def keys_of_annotations(request: Request, hub: Hub) -> Answer:
    """List the keys in use on annotations of a project or of an image."""
    given = request.query_params
    image = parameters.whole(given, "idImage")
    if image is not None:
        image = (await hub.placed.get(image)).image_id
    return await _keys(
        request,
        await hub.properties.keys_of_rois(
            project_id=parameters.whole(given, "idProject"),
            image_id=image,
            author_id=parameters.whole(given, "user"),
        ),
    )


async def keys_of_images(request: Request, hub: Hub) -> Answer:
    """List the keys in use on the images of a project."""
    project = parameters.required(request.query_params, "idProject")
    return await _keys(request, await hub.properties.keys_of_images(project))


async def _keys(request: Request, keys: Sequence[str]) -> Answer:
    return sliced(request, keys, lambda key: key)


async def positions(request: Request, hub: Hub) -> Answer:
    """List where somebody's annotations lie on an image that have a key, with its value."""
    given = request.path_params
    spot = await hub.placed.get(given["ident"])
    key = parameters.text(request.query_params, "key")
    if key is None:
        raise Invalid("key", "is needed.")
    values = await hub.properties.of_rois(spot.image_id, given["user"], key)
    shapes = await hub.rois.shapes_of(sorted(values))
    items = [
        {
            "idAnnotation": id,
            "x": there[0].cx,
            "y": there[0].cy if spot.height is None else spot.height - there[0].cy,
            "value": values[id],
        }
        for id, there in shapes.items()
        if there
    ]
    return sliced(request, items, lambda item: item)


def _key(given: Mapping[str, Any]) -> str:
    key = parameters.text(given, "key")
    if key is None or not key.strip():
        raise Invalid("key", "is needed.")
    return key


def _value(given: Mapping[str, Any]) -> str:
    value = parameters.text(given, "value")
    if value is None:
        raise Invalid("value", "is needed.")
    return value


def _ids(on: Subject) -> dict[str, int | None]:
    """Return the ids that the answer of a command names besides."""
    named = {"project": "projectID", "image": "imageID", "roi": "annotationID"}.get(on.target[0])
    return {} if named is None else {named: on.ident}


def _under(base: str, name: str | None = None) -> list[Any]:
    """Return the routes of properties under the address of an object, of a class if one is told."""

    def at(view: View) -> View:
        return view if name is None else subjects.known_as(name, view)

    return [
        *resource(f"{base}/property", get=at(properties), post=at(create)),
        *resource(
            f"{base}/property/{{id:number}}",
            get=at(one_property), put=at(change), delete=at(delete),
        ),
        *resource(f"{base}/key/{{key:path}}/property", get=at(property_named)),
    ]  # fmt: skip


ROUTES = [
    *resource("/api/property", post=create),
    *resource("/api/annotation/property/key", get=keys_of_annotations),
    *resource("/api/imageinstance/property/key", get=keys_of_images),
    *resource(
        "/api/user/{user:number}/imageinstance/{ident:number}/annotationposition", get=positions
    ),
    *_under("/api/domain/{domain}/{ident:number}"),
    *_under("/api/project/{ident:number}", "project"),
    *_under("/api/imageinstance/{ident:number}", "imageinstance"),
    *_under("/api/annotation/{ident:number}", "annotation"),
]
