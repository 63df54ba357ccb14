"""``webclient/annotate_*/``: key-values, files, tags, comments and ratings, by forms.

Each call is one command of the hub. What is malformed is told before anything is stored.
"""

from __future__ import annotations

import re
from typing import Any

import orjson
from starlette.datastructures import UploadFile
from starlette.requests import Request

from adapters.hub import Hub
from store.errors import Invalid
from store.tables.annotations import Annotation, AnnotationKind
from web.rest.omero.client.notes import CLIENT_MAP, RATING
from web.rest.omero.client.reading import numbers, sent, some_targets, text
from web.rest.omero.parameters import read
from web.rest.omero.resource import WEBCLIENT, Answer, resource

_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,60}/[a-z0-9][a-z0-9.+_-]{0,100}")
_NEW_TAG = re.compile(r"newtags-([0-9]{1,4})-tag")
ONLY_POST = {"GET": "POST only", "PUT": "POST only", "DELETE": "POST only"}


async def annotate_map(request: Request, hub: Hub) -> Answer:
    """Make a map on objects, give maps other pairs, or with no pairs delete maps."""
    fields = await sent(request)
    pairs = _pairs(text(fields, "mapAnnotation"))
    known = numbers(fields, "annId")
    if known and pairs:
        await hub.attachments.replace_maps(known, pairs)
        return {"annId": known}
    if known:
        await _delete_maps(hub, known)
    if known or not pairs:
        return {"annId": None}
    ns = text(fields, "ns") or CLIENT_MAP
    # The maps that people edit by hand are one on each object.
    each = ns == CLIENT_MAP or text(fields, "duplicate") == "true"
    made = await hub.attachments.add_map(pairs, some_targets(fields), ns=ns, each=each)
    return {"annId": made}


def _pairs(given: str | None) -> list[tuple[str, str]]:
    """Read a JSON list of pairs of texts. Raises Invalid."""
    if given is None:
        raise Invalid("mapAnnotation", 'send a list of pairs such as [["stain", "DAPI"]].')
    try:
        found = orjson.loads(given)
    except orjson.JSONDecodeError as error:
        raise Invalid("mapAnnotation", f"is not JSON: {error}.") from error
    if not isinstance(found, list):
        raise Invalid("mapAnnotation", "must be a list of pairs.")
    pairs = []
    for place, pair in enumerate(found):
        match pair:
            case [str(key), str(value)]:
                pairs.append((key, value))
            case _:
                raise Invalid("mapAnnotation", f"item {place} is no pair of texts.")
    return pairs


async def _delete_maps(hub: Hub, ids: list[int]) -> None:
    rows = await hub.annotations.many(ids)
    for id in ids:
        if id in rows and rows[id].kind != AnnotationKind.MAP.value:
            raise Invalid("annId", f"annotation {id} is no map.")
    await hub.containers.delete(Annotation, ids)


async def annotate_file(request: Request, hub: Hub) -> Answer:
    """Attach files that are sent along, and file annotations that are there already."""
    fields = await sent(request)
    targets = some_targets(fields)
    known = numbers(fields, "files") if text(fields, "files") else []
    uploads = [one for one in fields.getlist("annotation_file") if isinstance(one, UploadFile)]
    if not uploads and not known:
        raise Invalid("annotation_file", "send a file.")
    if known:
        await hub.annotations.attach(known, targets)
    made = [await _attach(hub, one, targets) for one in uploads]
    return {"fileIds": [*known, *made]}


async def _attach(hub: Hub, upload: UploadFile, targets: Any) -> int:
    name = re.split(r"[/\\]", upload.filename or "")[-1]
    kind = (upload.content_type or "").partition(";")[0].strip().lower()
    stated = kind if _MEDIA_TYPE.fullmatch(kind) and kind != "application/octet-stream" else None
    note = await hub.attachments.add_file(name, upload.file, targets, media_type=stated)
    return note.id


async def annotate_tags(request: Request, hub: Hub) -> Answer:
    """Make the tags of a form the caller's on all objects; ``newtags-0-tag`` makes a new one."""
    fields = await sent(request)
    chosen = numbers(fields, "tags") if text(fields, "tags") else []
    places = sorted(
        int(match[1]) for key in fields if (match := _NEW_TAG.fullmatch(key)) is not None
    )
    new = [
        (text(fields, f"newtags-{n}-tag") or "", text(fields, f"newtags-{n}-description"))
        for n in places
    ]
    done = await hub.attachments.retag(some_targets(fields), chosen, new)
    return {"added": list(done.added), "removed": list(done.removed), "new": list(done.made)}


async def annotate_comment(request: Request, hub: Hub) -> Answer:
    """Put a comment on objects."""
    fields = await sent(request)
    said = text(fields, "comment") or ""
    note = await hub.annotations.create(AnnotationKind.COMMENT, said, targets=some_targets(fields))
    return {"annId": note.id, "added_by": hub.actor.user_id}


async def annotate_rating(request: Request, hub: Hub) -> Answer:
    """Set the caller's rating of objects, 1 to 5; 0 takes it away."""
    fields = await sent(request)
    stars = read(text(fields, "rating") or "0")
    await hub.attachments.rate(some_targets(fields), stars, ns=RATING)
    return {"success": True}


def _posted(path: str, view: Any) -> list[Any]:
    return resource(path, post=view, manner=WEBCLIENT, refusals=ONLY_POST)


ROUTES = [
    *_posted("/webclient/annotate_map", annotate_map),
    *_posted("/webclient/annotate_file", annotate_file),
    *_posted("/webclient/annotate_tags", annotate_tags),
    *_posted("/webclient/annotate_comment", annotate_comment),
    *_posted("/webclient/annotate_rating", annotate_rating),
]
