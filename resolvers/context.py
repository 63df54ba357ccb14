"""One context per operation: who asks, the services for them, and what is being loaded.

Web sockets carry many operations; each gets a context of its own, so that a long-lived connection
neither serves stale rows nor outlives its credential.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from resolvers.loaders import Loaders
from schema.paging import Connection, PageArguments
from store.actor import Actor
from store.errors import Unavailable


@dataclass
class Context:
    """What resolvers and fields ask of the request; satisfies `schema.context.RequestContext`.

    `request` is the Starlette request or web socket, opaque here; `session_id` the session it came
    with, if it came with one. `renewal` makes a fresh context from the same credential and raises
    when it is no longer valid. `sign` makes the address of an image's OME-Zarr that opens without
    a credential for some seconds, by the rights of the actor.
    """

    request: Any
    hub: Any
    actor: Actor
    request_id: str = ""
    session_id: int | None = None
    loaders: Loaders = field(init=False)
    renewal: Callable[[], Awaitable[Context]] | None = None
    sign: Callable[[int, int], str] | None = None

    def __post_init__(self) -> None:
        self.loaders = Loaders(self.hub)

    async def connect(
        self,
        relation: str,
        parent: int,
        page: PageArguments,
        order_by: Any = None,
        where: Any = None,
    ) -> Connection[Any]:
        """Return a page of a to-many relation; siblings share one statement."""
        connected: Connection[Any] = await getattr(self.loaders, relation).connect(
            parent, page, order_by, where
        )
        return connected

    def signed_zarr_url(self, image_id: int, expires_in: int) -> str:
        """Return an address that opens without a credential. Raises Invalid, Unauthenticated."""
        if self.sign is None:
            raise Unavailable("Signing", "this request did not come over HTTP.")
        return self.sign(image_id, expires_in)

    async def renew(self) -> None:
        """Read the credential, the permissions and everything loaded anew."""
        if self.renewal is not None:
            fresh = await self.renewal()
            self.hub, self.actor, self.sign = fresh.hub, fresh.actor, fresh.sign
        self.loaders = Loaders(self.hub)
