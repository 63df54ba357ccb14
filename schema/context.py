"""What a field may ask of the request it answers.

The schema is vocabulary and does no I/O: a field names a relation and the context fetches it. The
implementation is `resolvers.context.Context`; this protocol is all that types may rely on.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import strawberry

from schema.paging import PageArguments
from store.actor import Actor


class Loaders(Protocol):
    """One loader per to-one or to-many relation, by the relation's name."""

    def __getattr__(self, relation: str) -> Any:
        """Return the loader of a relation: ``await loaders.project_by_id.load(7)``."""


class RequestContext(Protocol):
    """One request: who asks, the services, and the relations already being fetched."""

    @property
    def actor(self) -> Actor: ...

    @property
    def hub(self) -> Any: ...

    @property
    def loaders(self) -> Loaders: ...

    @property
    def session_id(self) -> int | None: ...

    async def connect(
        self,
        relation: str,
        parent: int,
        page: PageArguments,
        order_by: Any = None,
        where: Any = None,
    ) -> Any:
        """Return a page of a to-many relation as a `Connection`; siblings share one statement."""

    def signed_zarr_url(self, image_id: int, expires_in: int) -> str:
        """Return an address of an image's OME-Zarr that needs no credential for some seconds."""

    async def renew(self) -> None:
        """Read the credential and permissions again; raises when it is no longer valid."""


Info: TypeAlias = strawberry.Info[RequestContext, None]
