"""Every image as an OME-Zarr over HTTP, under the caller's permissions.

A file that is not there is a plain 404 with no page behind it: to a reader a missing chunk means
the fill value. Ranges, suffix ranges and ETags are served, which shards need. Viewers that cannot
send headers take a signed address, which pages of every site may read and which ends by itself; it
lends the reading rights of whoever signed it, asked anew each time.
"""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.hub import Hub
from store.actor import Actor
from store.clock import now_ms
from store.errors import Invalid, NotFound, Unauthenticated
from store.sealing import Sealing
from web.auth import signed
from web.auth.resolve import by_signature, services_of
from web.dialects import SIGNED_ZARR, ZARR, Dialect, caller_of
from web.ranges import VARY, file_response

LONGEST_S = signed.LONGEST_MS // 1000
LONGEST_BY_TOKEN_S = 3600  # a token can be revoked and a signature cannot


async def serve(request: Request) -> Response:
    """Serve one file of an image's group."""
    caller = await caller_of(request)
    return await _file(request, caller.actor, ZARR, VARY)


async def serve_signed(request: Request) -> Response:
    """Serve one file of an image's group under a signed address; no other credential counts."""
    signature, image = request.path_params["signature"], request.path_params["image"]
    caller = await by_signature(services_of(request), signature, _resource(image))
    return await _file(request, caller.actor, SIGNED_ZARR, None)


def signed_url(sealing: Sealing, actor: Actor, image_id: int, expires_in: int) -> str:
    """Return the address of an image's group that opens without a credential for some seconds.

    Raises Unauthenticated for who has no account, Invalid beyond seven days, or beyond an hour for
    a token.
    """
    if actor.user_id is None:
        raise Unauthenticated("Sign in to make a signed address.")
    longest = LONGEST_BY_TOKEN_S if actor.scopes else LONGEST_S
    if not 1 <= expires_in <= longest:
        raise Invalid("expiresIn", f"{expires_in} s is not between 1 and {longest:,} s.")
    ends = now_ms() + 1000 * expires_in
    signature = signed.sign(sealing, actor.user_id, _resource(image_id), ends)
    return f"/zarr/signed/{quote(signature, safe='')}/{image_id}.zarr"


def _resource(image_id: int) -> str:
    return f"zarr:{image_id}"


async def _file(request: Request, actor: Actor, dialect: Dialect, vary: str | None) -> Response:
    hub: Hub = request.app.state.services.hub(actor)
    image, path = request.path_params["image"], request.path_params.get("path", "")
    try:
        view = await hub.pixels.view(image)
        found = await hub.pixels.file(view, path) if path else None
        if found is not None:
            json = path.endswith(".json")
            return await file_response(
                request,
                found,
                etag=found.etag,
                media_type="application/json" if json else "application/octet-stream",
                cache=dialect.cache,
                vary=vary,
            )
    except (Invalid, FileNotFoundError):
        pass
    raise NotFound("file", path[:200])


_METHODS = ["GET", "HEAD"]
ROUTES = [
    Route("/zarr/{image:number}.zarr", serve, methods=_METHODS),
    Route("/zarr/{image:number}.zarr/{path:path}", serve, methods=_METHODS),
    Route("/zarr/signed/{signature}/{image:number}.zarr", serve_signed, methods=_METHODS),
    Route(
        "/zarr/signed/{signature}/{image:number}.zarr/{path:path}", serve_signed, methods=_METHODS
    ),
]
