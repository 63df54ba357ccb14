"""Trusted sources of software, also called software user repositories, and processing servers.

Both are lists that administrators keep; the hub fetches no code and sends no work anywhere. The
hub itself is the first processing server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from adapters.external_places import Place, PlaceKind
from adapters.hub import Hub
from store.catalog import receipt
from store.errors import Forbidden, Invalid
from web.rest.cytomine import parameters
from web.rest.cytomine.domains import Domain, domain
from web.rest.cytomine.envelope import done, each, sliced
from web.rest.cytomine.marshal.software import place
from web.rest.cytomine.resource import Answer, View, as_json, resource


@dataclass(frozen=True, slots=True)
class Places:
    """The views of one kind of place."""

    kind: PlaceKind
    domain: Domain
    texts: tuple[str, ...]
    numbers: tuple[str, ...]
    required: tuple[str, ...]
    unique: tuple[str, ...]
    fixed: tuple[Place, ...] = ()

    async def listing(self, request: Request, hub: Hub) -> Answer:
        """List all of them."""
        found = [*self.fixed, *await hub.external_places.listed(self.kind)]
        return sliced(request, found, self._write)

    async def one(self, request: Request, hub: Hub) -> Answer:
        """Return one of them."""
        return self._write(await self._named(request, hub))

    async def create(self, request: Request, hub: Hub) -> Answer:
        """Add one, or each of an array; for administrators."""
        given = await parameters.json_of(request)
        if isinstance(given, list):
            words = f"{self.domain.name.lower()}s"
            answer, status = await each(given, lambda item: self._created(hub, item), words)
            return as_json(answer, status)
        with receipt() as noted:
            id = await self._created(hub, given)
        item = self._write(await hub.external_places.get(self.kind, id))
        return done("Add", self.domain, item, noted, f"{self.domain.name} {id} added")

    async def _created(self, hub: Hub, given: Any) -> int:
        if not isinstance(given, dict):
            raise Invalid("body", "a JSON object is needed.")
        fields = dict.fromkeys((*self.texts, *self.numbers)) | self._read(given)
        for name in self.required:
            if not fields[name]:
                raise Invalid(name, "is needed.")
        return (await hub.external_places.create(self.kind, fields, self.unique)).id

    async def change(self, request: Request, hub: Hub) -> Answer:
        """Change one; fields left out stay; for administrators."""
        given, seen = await parameters.object_of(request), await self._named(request, hub)
        now = self._write(seen)
        fields = self._read({name: given[name] for name in given if given[name] != now.get(name)})
        for name in self.required:
            if name in fields and not fields[name]:
                raise Invalid(name, "is needed.")
        with receipt() as noted:
            if fields:
                self._changeable(seen)
                seen = await hub.external_places.change(self.kind, seen.id, fields, self.unique)
        text = f"{self.domain.name} {seen.id} edited"
        return done("Edit", self.domain, self._write(seen), noted, text)

    async def delete(self, request: Request, hub: Hub) -> Answer:
        """Remove one; for administrators."""
        seen = await self._named(request, hub)
        self._changeable(seen)
        with receipt() as noted:
            await hub.external_places.remove(self.kind, seen.id)
        text = f"{self.domain.name} {seen.id} deleted"
        return done("Delete", self.domain, self._write(seen), noted, text)

    async def _named(self, request: Request, hub: Hub) -> Place:
        id = request.path_params["id"]
        fixed = next((one for one in self.fixed if one.id == id), None)
        return fixed or await hub.external_places.get(self.kind, id)

    def _changeable(self, seen: Place) -> None:
        if seen in self.fixed:
            raise Forbidden("change", "processing server", seen.id, "it is the hub itself.")

    def _write(self, one: Place) -> dict[str, Any]:
        return place(self.domain.name, one)

    def _read(self, given: Mapping[str, Any]) -> dict[str, str | int | None]:
        texts = {name: parameters.text(given, name) for name in self.texts if name in given}
        numbers = {name: parameters.whole(given, name) for name in self.numbers if name in given}
        return {**texts, **numbers}

    def routes(self, *names: str) -> list[Route]:
        """Return the routes under each of these names."""
        views: tuple[Callable[..., Any], ...] = (
            self.listing, self.create, self.one, self.change, self.delete,
        )  # fmt: skip
        listing, create, one, change, delete = views
        return [
            route
            for name in names
            for route in (
                *resource(f"/api/{name}", get=listing, post=create),
                *resource(f"/api/{name}/{{id:number}}", get=one, put=change, delete=delete),
            )
        ]


SOURCES = Places(
    PlaceKind.SOURCE,
    domain("SoftwareUserRepository"),
    texts=("provider", "username", "dockerUsername", "prefix"),
    numbers=(),
    required=("provider", "username", "dockerUsername"),
    unique=("provider", "username", "dockerUsername", "prefix"),
)


async def refresh(request: Request, hub: Hub) -> Answer:
    """Answer that nothing is fetched: the hub loads no code from elsewhere."""
    listed = await hub.external_places.listed(PlaceKind.SOURCE)
    return {"message": "The hub fetches no software; it is registered.", "size": len(listed)}


_REFRESH: View = refresh
ROUTES = [
    *(
        route
        for name in ("software_user_repository", "trusted_source")
        for path in (
            f"/api/{name}/refresh_user_repositories",
            f"/api/{name}/{{id:number}}/refresh_user_repositories",
        )
        for route in resource(path, get=_REFRESH, post=_REFRESH)
    ),
    *SOURCES.routes("software_user_repository", "trusted_source", "softwareuserrepository"),
]
