"""What metadata is on: objects by the class and id that such clients name them with.

An image in a project and an image in a storage are the same image, every kind of annotation is a
region; answers repeat the class and the id that were asked with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any

from starlette.requests import Request

from adapters.attaching import Target
from adapters.hub import Hub
from store.errors import Invalid
from store.tables.containers import Project
from store.tables.images import Image
from store.tables.jobs import Job
from store.tables.ontologies import Ontology
from store.tables.operations import Operation
from store.tables.rois import RoiKind
from web.rest.cytomine import parameters
from web.rest.cytomine.domains import Domain, domain, named
from web.rest.cytomine.resource import Answer, View

_NOUNS = {
    "project": Project,
    "image": Image,
    "job": Job,
    "ontology": Ontology,
    "operation": Operation,
}
KINDS = {
    RoiKind.USER: "UserAnnotation",
    RoiKind.ALGO: "AlgoAnnotation",
    RoiKind.REVIEWED: "ReviewedAnnotation",
    RoiKind.REGION: "RoiAnnotation",
}
_CLASSES = {"project": "Project", "image": "AbstractImage", "job": "Job"}
_ANY_REGION = ("annotation", "annotationdomain")


@dataclass(frozen=True, slots=True)
class Subject:
    """An object as it was asked for, and what it is here."""

    domain: Domain
    ident: int
    target: Target

    @property
    def written(self) -> dict[str, Any]:
        """The two fields that name it in answers."""
        return {"domainClassName": self.domain.java, "domainIdent": self.ident}


async def subject(hub: Hub, name: str, ident: int) -> Subject:
    """Return an object of a class that the caller sees. Raises Invalid, NotFound."""
    kind = named(name)
    if kind.name == "ImageInstance":
        spot = await hub.placed.get(ident)
        return Subject(kind, ident, ("image", spot.image_id))
    if kind.target == "roi":
        row = await hub.rois.get(ident)
        if name.strip().rpartition(".")[2].lower() in _ANY_REGION:
            kind = domain(KINDS[RoiKind(row.kind)])
        return Subject(kind, ident, ("roi", ident))
    if kind.target not in _NOUNS:
        raise Invalid("domainClassName", f"a {kind.name} carries no metadata.")
    noun: Any = _NOUNS[kind.target]
    await hub.catalog.one(noun, ident)
    return Subject(kind, ident, (kind.target, ident))


async def of_path(request: Request, hub: Hub) -> Subject:
    """Return the object that an address names by ``domain`` and ``ident``."""
    given = request.path_params
    return await subject(hub, given.get("domain") or "", given["ident"])


def known_as(name: str, view: View) -> View:
    """Return a view for an address that names an object by id alone: its class is known."""

    @wraps(view)
    async def seen(request: Request, hub: Hub) -> Answer:
        request.path_params["domain"] = name
        return await view(request, hub)

    return seen


async def of_body(hub: Hub, given: Mapping[str, Any]) -> Subject:
    """Return the object that fields of a body or a query name. Raises Invalid, NotFound."""
    name = parameters.text(given, "domainClassName")
    if name is None:
        raise Invalid("domainClassName", "is needed.")
    return await subject(hub, name, parameters.required(given, "domainIdent"))


async def plain(hub: Hub, targets: Iterable[Target]) -> dict[Target, Subject]:
    """Return objects found visible before as such clients know them, where nobody named a class.

    An image is one in a storage. Nouns that such clients do not know are left out.
    """
    wanted = set(targets)
    rois = await hub.rois.many(sorted(id for noun, id in wanted if noun == "roi"))
    found: dict[Target, Subject] = {}
    for noun, id in wanted:
        name = _CLASSES.get(noun)
        if noun == "roi" and id in rois:
            name = KINDS[RoiKind(rois[id].kind)]
        if name is not None:
            found[noun, id] = Subject(domain(name), id, (noun, id))
    return found
