"""What lists and single reads of every noun have in common: filters, pages, counts, envelopes.

A `Kind` says of a noun how its addresses are called, by what its lists are narrowed and how its
rows are written; from it come the views and the routes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from adapters.hub import Hub
from adapters.listing import EVERYTHING, ORPHANS, Among, Window
from web.rest.omero.marshal.details import Frame
from web.rest.omero.parameters import MOST_LIMIT, Slice, flag, number, slice_of
from web.rest.omero.resource import Answer, View, resource

ALL_GROUPS = -1
MODEL = "/api/v0/m"
Noun = type[Any]
Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class How:
    """How rows are to be written.

    single: one object with more inside. linked: with addresses. among: what narrowed the list.
    """

    single: bool = False
    linked: bool = True
    among: Among = EVERYTHING


Write = Callable[[Request, Hub, Sequence[Any], How], Awaitable[tuple[list[Item], Frame | None]]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A noun of the dialect.

    filters: the noun each parameter of its lists names the id of. `name` is that of the type in
    refusals; without `deleted`, a DELETE is refused in its name. What is not `owned` is not
    narrowed by owner and group either.
    """

    noun: Noun
    name: str
    plural: str
    write: Write
    filters: Mapping[str, Noun] = field(default_factory=dict)
    counted: bool = False
    deleted: bool = False
    owned: bool = True


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters of a list."""

    slice: Slice
    among: Among
    normalize: bool
    child_count: bool


def asked(request: Request, kind: Kind, near: Mapping[Noun, int], position: int | None) -> Asked:
    """Read the parameters of a list. What the path names wins. Raises BadNumber."""
    given = dict(near)
    for name, noun in kind.filters.items():
        if noun not in given and (id := number(request, name)) is not None:
            given[noun] = id
    owner, group = number(request, "owner"), number(request, "group", ALL_GROUPS)
    among = Among(
        owner_id=owner if kind.owned else None,
        group_id=group if kind.owned and group != ALL_GROUPS else None,
        near=given,
        orphaned=kind.noun in ORPHANS and flag(request, "orphaned"),
        field=position,
    )
    return Asked(slice_of(request), among, flag(request, "normalize"), flag(request, "childCount"))


def envelope(items: list[Item], window: Window[Any], asked: Asked, frame: Frame | None) -> Item:
    """Return a list with where it stands in the whole; `frame` None for rows without an owner."""
    answer: Item = {
        "data": items,
        "meta": {
            "totalCount": window.total,
            "offset": asked.slice.offset,
            "limit": asked.slice.limit,
            "maxLimit": MOST_LIMIT,
        },
    }
    if asked.normalize:
        nobody: Item = {"experimenters": [], "experimenterGroups": []}
        answer |= nobody if frame is None else frame.normalised(items)
    return answer


def list_view(kind: Kind, purpose: str, parent: Noun | None = None) -> View:
    """Return the view of a list: of all, or of what is near the `id` of a parent in the path.

    A path may also name the `position` of a field. `purpose` says in one line what is listed.
    """

    async def view(request: Request, hub: Hub) -> Answer:
        path = request.path_params
        near = {} if parent is None else {parent: path["id"]}
        wanted = asked(request, kind, near, path.get("position"))
        start = wanted.slice
        window = await hub.listing.window(kind.noun, start.offset, start.limit, wanted.among)
        items, frame = await kind.write(request, hub, window.rows, How(among=wanted.among))
        if wanted.child_count:
            await add_counts(hub, kind, items)
        return envelope(items, window, wanted, frame)

    view.__doc__ = purpose
    return view


def single_view(kind: Kind) -> View:
    """Return the view of one object."""

    async def view(request: Request, hub: Hub) -> Answer:
        row = await hub.listing.one(kind.noun, request.path_params["id"])
        items, _frame = await kind.write(request, hub, [row], How(single=True))
        if flag(request, "childCount"):
            await add_counts(hub, kind, items)
        return {"data": items[0]}

    view.__doc__ = f"Return one of the {kind.plural}."
    return view


def delete_view(kind: Kind) -> View:
    """Return the view that puts an object into the trash and answers with it as it was."""

    async def view(request: Request, hub: Hub) -> Answer:
        row = await hub.listing.one(kind.noun, request.path_params["id"])
        items, _frame = await kind.write(request, hub, [row], How(single=True, linked=False))
        await hub.containers.delete(kind.noun, [row.id])
        return {"data": items[0]}

    view.__doc__ = f"Put one of the {kind.plural} into the trash; answer with it as it was."
    return view


async def add_counts(hub: Hub, kind: Kind, items: Sequence[Item]) -> None:
    """Write into each container how much it holds; other nouns are left as they are."""
    if not (kind.counted and items):
        return
    counts = await hub.listing.child_counts(kind.noun, [item["@id"] for item in items])
    for item in items:
        item["omero:childCount"] = counts[item["@id"]]


def list_routes(kind: Kind) -> list[Route]:
    """Return the address of the list of all."""
    return resource(f"{MODEL}/{kind.plural}", get=list_view(kind, f"List {kind.plural}."))


def single_routes(kind: Kind) -> list[Route]:
    """Return the address of each object."""
    path = f"{MODEL}/{kind.plural}/{{id:number}}"
    refusals = {"DELETE": f"Delete of {kind.name} not supported"}
    delete = delete_view(kind) if kind.deleted else None
    return resource(path, get=single_view(kind), delete=delete, refusals=refusals)


def nested_routes(parent: str, noun: Noun, kind: Kind, between: str = "") -> list[Route]:
    """Return the address of a list below an object of another noun, called `parent`.

    `between` is a further part of the path, which names the `position` of a field.
    """
    path = f"{MODEL}/{parent}/{{id:number}}{between}/{kind.plural}"
    purpose = f"List the {kind.plural} of one of the {parent}"
    purpose += ", with one field each." if between else "."
    return resource(path, get=list_view(kind, purpose, noun))
