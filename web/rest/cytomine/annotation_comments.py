"""Comments on annotations: said to some people, kept as comments that every dialect shows.

Nothing is mailed; receivers and addresses are kept with the comment.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from adapters.hub import Hub
from store.catalog import receipt
from store.errors import Invalid, NotFound
from store.tables.annotations import Annotation, AnnotationKind
from web.rest.cytomine import parameters
from web.rest.cytomine.annotations import KINDS, region_of
from web.rest.cytomine.domains import domain
from web.rest.cytomine.envelope import done, sliced
from web.rest.cytomine.marshal.annotations import CLASSES
from web.rest.cytomine.marshal.users import common
from web.rest.cytomine.resource import Answer, resource

SHARED = domain("SharedAnnotation")


def _written(row: Annotation, region: Any, sender: Any) -> dict[str, Any]:
    extra = row.extra or {}
    name = None
    if sender is not None:
        name = f"{sender.first_name} {sender.last_name}".strip() or sender.username
    return common("SharedAnnotation", row.id, row.created_at, row.updated_at) | {
        "comment": row.text,
        "subject": extra.get("subject"),
        "sender": row.owner_id,
        "senderName": name,
        "receivers": extra.get("receivers", []),
        "emails": extra.get("emails", []),
        "userAnnotation": region.id,
        "annotationIdent": region.id,
        "annotationClassName": domain(CLASSES[region.row.kind]).java,
    }


async def _comments(request: Request, hub: Hub) -> list[dict[str, Any]]:
    region = await region_of(request, hub)
    found = (await hub.annotations.on([("roi", region.id)]))["roi", region.id]
    rows = [row for row in found if row.kind == AnnotationKind.COMMENT]
    ids = sorted({row.owner_id for row in rows})
    people = dict(zip(ids, await hub.people.by_ids(ids), strict=True))
    written = [_written(row, region, people.get(row.owner_id)) for row in rows]
    return written[::-1]


async def listed(request: Request, hub: Hub) -> Answer:
    """List the comments on an annotation, the newest first."""
    return sliced(request, await _comments(request, hub), dict)


async def one(request: Request, hub: Hub) -> Answer:
    """Return one comment on an annotation."""
    wanted = request.path_params["comment"]
    for comment in await _comments(request, hub):
        if comment["id"] == wanted:
            return comment
    raise NotFound("comment", wanted)


async def create(request: Request, hub: Hub) -> Answer:
    """Comment on an annotation; ``receivers`` and ``emails`` are kept with the comment."""
    given = await parameters.object_of(request)
    region = await region_of(request, hub)
    text = parameters.text(given, "comment")
    if text is None or not text.strip():
        raise Invalid("comment", "is needed.")
    emails = given.get("emails") or []
    if not isinstance(emails, list) or not all(isinstance(one_, str) for one_ in emails):
        raise Invalid("emails", "must be a list of addresses.")
    receivers = parameters.ids(given, "receivers") or parameters.ids(given, "users") or []
    extra = {"subject": parameters.text(given, "subject"), "receivers": receivers, "emails": emails}
    with receipt() as noted:
        row = await hub.annotations.create(
            AnnotationKind.COMMENT, text, extra=extra, targets=[("roi", region.id)]
        )
    (sender,) = await hub.people.by_ids([row.owner_id])
    written = _written(row, region, sender)
    return done(
        "Add", SHARED, written, noted, f"Comment {row.id} on annotation {region.id} added",
        annotationID=region.id,
    )  # fmt: skip


ROUTES = [
    route
    for kind in (*KINDS, "reviewedannotation")
    for route in (
        *resource(f"/api/{kind}/{{id:number}}/comment", get=listed, post=create),
        *resource(f"/api/{kind}/{{id:number}}/comment/{{comment:number}}", get=one),
    )
]
