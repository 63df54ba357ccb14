"""Bodies of requests, read once and never beyond a limit."""

from __future__ import annotations

from starlette.requests import Request

from store.errors import TooLarge
from web.auth.resolve import services_of


async def read_body(request: Request, limit: int) -> bytes:
    """Return the body; raises `TooLarge` by its declared length, or as soon as more has come."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise TooLarge(f"A body of {int(declared):,} bytes", limit, "bytes")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise TooLarge("The body", limit, "bytes")
    return bytes(body)


async def body_of(request: Request, limit: int | None = None) -> bytes:
    """Return the body, kept with the request for whoever asks again. Raises TooLarge.

    `limit` is in bytes; without one it is the server's.
    """
    if not hasattr(request, "_body"):
        most = services_of(request).settings.body_limit if limit is None else limit
        request._body = await read_body(request, most)
    return await request.body()
