"""Files over HTTP: validators and byte ranges (RFC 9110, sections 13 and 14)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import BinaryIO

import anyio
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from store.pixels.base import StoredBytes

PIECE = 1 << 20
VARY = "Cookie, Authorization, X-Link-Token"
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.IGNORECASE)


def unchanged(request: Request, etag: str) -> bool:
    """Whether the client has what the ETag names already (``If-None-Match``, weak comparison)."""
    sent = request.headers.get("if-none-match")
    return sent is not None and (
        sent.strip() == "*" or etag in [part.strip().removeprefix("W/") for part in sent.split(",")]
    )


def asked_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return (start, stop) of a single range, None to send everything.

    A header of several ranges, or one that is malformed, is ignored as the RFC allows. Raises
    ValueError for a range that lies outside the file.
    """
    match = _RANGE.fullmatch((header or "").strip())
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        length = int(match[2])
        if length == 0 or size == 0:
            raise ValueError("empty range")
        return max(0, size - length), size
    start = int(match[1])
    if match[2] and int(match[2]) < start:
        return None
    if start >= size:
        raise ValueError("range outside the file")
    return start, min(size, int(match[2]) + 1) if match[2] else size


async def file_response(
    request: Request, file: StoredBytes, *, etag: str, media_type: str, cache: str, vary: str | None
) -> Response:
    """Answer GET or HEAD of a file with its ETag, whole or the range asked for.

    Raises FileNotFoundError if the file vanished since it was found. HEAD describes the whole file,
    since a range is defined for GET alone.
    """
    headers = {"ETag": etag, "Accept-Ranges": "bytes", "Cache-Control": cache,
               "X-Content-Type-Options": "nosniff"}  # fmt: skip
    if vary is not None:
        headers["Vary"] = vary
    if unchanged(request, etag):
        return Response(status_code=304, headers=headers)
    size = file.size
    wanted = request.method == "GET" and request.headers.get("if-range") in (None, etag)
    try:
        found = asked_range(request.headers.get("range"), size) if wanted else None
    except ValueError:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    start, stop = found or (0, size)
    status = 200 if found is None else 206
    if found is not None:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    headers["Content-Length"] = str(stop - start)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=media_type)
    if file.data is not None:
        return Response(file.data[start:stop], status, headers, media_type)
    assert file.path is not None
    source: BinaryIO = await anyio.to_thread.run_sync(file.path.open, "rb")
    if stop - start > PIECE:
        return StreamingResponse(pieces(source, start, stop), status, headers, media_type)
    with source:
        body = await anyio.to_thread.run_sync(_read, source, start, stop - start)
    return Response(body, status, headers, media_type)


async def pieces(source: BinaryIO, start: int, stop: int) -> AsyncIterator[bytes]:
    """Give the bytes of an open file from start to stop, and close it whatever happens."""
    with source:
        for at in range(start, stop, PIECE):
            yield await anyio.to_thread.run_sync(_read, source, at, min(PIECE, stop - at))


def _read(source: BinaryIO, start: int, length: int) -> bytes:
    source.seek(start)
    return source.read(length)
