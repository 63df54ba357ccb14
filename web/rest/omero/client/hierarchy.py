"""``webclient/api/links/`` and ``parent_links/``: putting things into containers, and finding them.

The body nests as ``{parent noun: {parent id: {child noun: [child ids]}}}``. All links of a body are
one command; a body that names anything wrongly makes none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
from starlette.requests import Request

from adapters.hub import Hub
from adapters.linking import Edge
from store.engine import MOST_ID
from store.errors import Invalid, NotFound
from web.bodies import body_of
from web.rest.omero.client.reading import TARGETS, asked, numbers
from web.rest.omero.resource import WEBCLIENT, Answer, as_json, resource

# What stands for no container at all: nothing is linked to it.
NOWHERE = ("orphaned", "experimenter")
PARENTS = {"image": "dataset", "dataset": "project", "plate": "screen"}
NEED = "Need to POST or DELETE JSON data to update links"


async def link(request: Request, hub: Hub) -> Answer:
    """Make the links of a body that are not there yet."""
    edges = await _edges(request)
    if edges:
        await hub.linking.link(edges)
    return {"success": bool(edges)}


async def unlink(request: Request, hub: Hub) -> Answer:
    """Cut the links of a body; answer where else the children lie."""
    edges = await _edges(request)
    if edges and not await hub.linking.unlink(edges):
        first = edges[0]
        raise NotFound("link", f"{first.parent}-{first.parent_id} to {first.child}")
    answer: dict[str, Any] = {}
    for child, parent in PARENTS.items():
        cut = [edge for edge in edges if (edge.parent, edge.child) == (parent, child)]
        ids = [id for edge in cut for id in edge.child_ids]
        for one in await hub.linking.above(child, ids) if ids else []:
            beside = answer.setdefault(parent, {}).setdefault(str(one.parent_id), {})
            beside.setdefault(child, []).append(one.child_id)
    return {**answer, "success": True}


async def neither(request: Request, hub: Hub) -> Answer:
    """Say which methods there are."""
    return as_json({"Error": NEED}, 405, {"Allow": "DELETE, POST"})


async def _edges(request: Request) -> list[Edge]:
    """Read a body. Raises Invalid."""
    try:
        body = orjson.loads(await body_of(request))
    except orjson.JSONDecodeError as error:
        raise Invalid("body", f"is not JSON: {error}.") from error
    return list(_read(body))


def _read(body: Any) -> Iterator[Edge]:
    for parent, parents in _named(body):
        if parent in NOWHERE:
            continue
        for id, children in _named(parents):
            for child, ids in _named(children):
                if not isinstance(ids, list):
                    raise Invalid(child, "must be a list of ids.")
                yield Edge(
                    TARGETS.get(parent, parent),
                    _id(id),
                    TARGETS.get(child, child),
                    tuple(_id(one) for one in ids),
                )


def _named(value: Any) -> Any:
    if not isinstance(value, dict):
        raise Invalid("body", 'must nest as {"dataset": {"88": {"image": [204]}}}.')
    return value.items()


def _id(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_ID:
        raise Invalid("body", f"{str(value)[:40]!r} is no id.")
    return value


async def parent_links(request: Request, hub: Hub) -> Answer:
    """List the links by which images, datasets and plates lie in containers."""
    found = []
    for child, parent in PARENTS.items():
        ids = numbers(asked(request), child)
        links = await hub.linking.above(child, ids) if ids else []
        found += [
            {
                "id": one.id,
                "parent": {"type": parent, "id": one.parent_id},
                "child": {"type": child, "id": one.child_id},
            }
            for one in links
        ]
    return {"data": found}


ROUTES = [
    *resource(
        "/webclient/api/links", post=link, delete=unlink, get=neither, put=neither,
        manner=WEBCLIENT,
    ),
    *resource("/webclient/api/parent_links", get=parent_links, manner=WEBCLIENT),
]  # fmt: skip
