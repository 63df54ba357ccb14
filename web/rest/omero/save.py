"""``m/save/``: projects, datasets and screens, made by POST and replaced by PUT.

The checks stand in the order of OMERO.web, whose clients branch on the texts. A PUT replaces: what
the body leaves out becomes null. It touches only what this dialect knows of a row, and a value sent
back as it was read is no change, so a description kept as HTML survives being saved unread.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from adapters.descriptions import plain
from adapters.hub import Hub
from store.errors import Forbidden
from store.tables.containers import Dataset, Project
from store.tables.screens import Screen
from web.bodies import body_of
from web.rest.omero import parameters
from web.rest.omero.frames import frame_of
from web.rest.omero.marshal import containers as marshal
from web.rest.omero.marshal.values import SCHEMA
from web.rest.omero.resource import Answer, as_json, resource

DETAILS = "TBD#Details"
NO_TYPE = "Need to specify @type attribute"
HAS_ID = "Object has '@id' attribute. Use PUT to update objects"
NO_ID = "No '@id' attribute. Use POST to create new objects"
NOT_DECODED = "Error in decode of json data by omero_marshal"
NO_GROUP = "Specify Group in omero:details or query parameters ?group=:id"
ANY_GROUP = -1


@dataclass(frozen=True, slots=True)
class Kind:
    """What may be saved: the table, the keys such clients send, the fields they stand for."""

    noun: type[Any]
    fields: Mapping[str, str]


_TEXTS = {"Name": "name", "Description": "description"}
KINDS = {
    "Project": Kind(Project, _TEXTS),
    "Dataset": Kind(Dataset, _TEXTS),
    "Screen": Kind(
        Screen,
        {
            **_TEXTS,
            "ProtocolIdentifier": "protocol_id",
            "ProtocolDescription": "protocol_description",
            "ReagentSetIdentifier": "reagent_id",
            "ReagentSetDescription": "reagent_description",
            "Type": "type",
        },
    ),
}


class _Refused(Exception):
    """A check that failed, with its status and text."""

    def __init__(self, status: int, text: str, **more: Any) -> None:
        super().__init__(text)
        self.status = status
        self.body = {"message": text, **more}


@dataclass(frozen=True, slots=True)
class Sent:
    """A body that passed the checks."""

    name: str
    kind: Kind
    id: int | None
    fields: dict[str, str | None]
    group_id: int


async def create(request: Request, hub: Hub) -> Answer:
    """Make an object; the caller owns it."""
    return await _saved(request, hub, post=True)


async def update(request: Request, hub: Hub) -> Answer:
    """Replace what an object says of itself."""
    return await _saved(request, hub, post=False)


async def _saved(request: Request, hub: Hub, *, post: bool) -> Answer:
    try:
        sent = _checked(request, await body_of(request), post=post)
    except _Refused as refused:
        return as_json(refused.body, refused.status)
    row = await (_created(hub, sent) if post else _replaced(hub, sent))
    frame = await frame_of(request, hub, [row])
    (can,) = await hub.catalog.capabilities(sent.kind.noun, [row])
    written = getattr(marshal, sent.name.lower())(row, frame, can)
    return as_json({"data": written}, 201 if post else 200)


async def _created(hub: Hub, sent: Sent) -> Any:
    return await hub.containers.create(sent.kind.noun, group_id=sent.group_id, **sent.fields)  # type: ignore[arg-type]  # `name` was checked


async def _replaced(hub: Hub, sent: Sent) -> Any:
    noun, id = sent.kind.noun, sent.id
    assert id is not None
    row: Any = await hub.containers.get(noun, id)
    if sent.group_id not in (ANY_GROUP, row.group_id):
        what = f"ome.model.containers.{sent.name}:Id_{id}"
        raise Forbidden("change", sent.name.lower(), id, f"Cannot read {what} in this group.")
    fields: dict[str, Any] = dict(sent.fields)
    if fields["description"] == plain(row.description, row.description_html):
        del fields["description"]
    else:
        fields["description_html"] = False
    return await hub.containers.update(noun, id, **fields)


def _checked(request: Request, body: bytes, *, post: bool) -> Sent:
    sent = _read(body)
    name = _kind_of(sent, "Creation" if post else "Update")
    if post and "@id" in sent:
        raise _Refused(400, HAS_ID)
    if not post and "@id" not in sent:
        raise _Refused(400, NO_ID)
    if sent["@type"] != SCHEMA + name:
        raise _Refused(400, f"No decoder found for type: {sent['@type']}")
    fields, id, group_id = _decoded(sent, KINDS[name])
    asked = request.query_params.get("group")
    if asked is not None:
        try:
            group_id = parameters.read(asked)
        except parameters.BadNumber as error:
            raise _Refused(400, error.message) from error
    if group_id is None:
        raise _Refused(400, NO_GROUP)
    if fields["name"] is None:
        raise _Refused(400, f"A {name} needs a Name; null is not accepted")
    return Sent(name, KINDS[name], id, fields, group_id)


def _read(body: bytes) -> dict[str, Any]:
    try:
        sent = json.loads(body)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _Refused(400, str(error)) from error
    if not isinstance(sent, dict) or "@type" not in sent:
        raise _Refused(400, NO_TYPE)
    return sent


def _kind_of(sent: Mapping[str, Any], verb: str) -> str:
    given = sent["@type"]
    name = given.split("#", 2)[1] if isinstance(given, str) and "#" in given else None
    if name not in KINDS:
        raise _Refused(405, f"{verb} of {name} not supported")
    return name


def _decoded(
    sent: Mapping[str, Any], kind: Kind
) -> tuple[dict[str, str | None], int | None, int | None]:
    """Return the fields by our names, the id, and the group of the details."""
    fields: dict[str, str | None] = {}
    for key, name in kind.fields.items():
        value = sent.get(key)
        if value is not None and not isinstance(value, str):
            raise _undecoded(f"{key} must be a text")
        fields[name] = value
    id = sent.get("@id")
    if "@id" in sent and not _is_number(id):
        raise _undecoded("@id must be a number")
    return fields, id, _group_of(sent.get("omero:details"))


def _group_of(details: Any) -> int | None:
    if details is None:
        return None
    if not isinstance(details, dict) or details.get("@type") != DETAILS:
        raise _undecoded(f"omero:details must be an object of @type {DETAILS}")
    group = details.get("group")
    if group is None:
        return None
    # Lists read with `normalize` give owner and group as numbers alone.
    if not isinstance(group, dict) or not _is_number(group.get("@id")):
        raise _undecoded("the group of omero:details must have a number as @id")
    id: int = group["@id"]
    return id


def _undecoded(why: str) -> _Refused:
    return _Refused(400, NOT_DECODED, stacktrace=why)


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


ROUTES = resource("/api/v0/m/save", post=create, put=update)
