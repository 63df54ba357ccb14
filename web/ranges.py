"""Byte ranges of a stored file, as HTTP asks for them (RFC 9110, section 14)."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

PIECE = 1 << 20
_RANGE = re.compile(r"bytes=(\d*)-(\d*)\Z")


def asked_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return (start, stop) of a single range, None to send everything.

    A header of several ranges, or one that is malformed, is ignored as the RFC allows. Raises
    ValueError for a range that lies outside the file.
    """
    match = _RANGE.match(header or "")
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        length = int(match[2])
        if length == 0 or size == 0:
            raise ValueError("empty range")
        return max(0, size - length), size
    start = int(match[1])
    stop = min(size, int(match[2]) + 1) if match[2] else size
    if start >= size or start >= stop:
        raise ValueError("range outside the file")
    return start, stop


async def file_response(
    request: Request,
    *,
    size: int,
    etag: str,
    media_type: str,
    cache: str,
    path: Path | None = None,
    data: bytes | None = None,
) -> Response:
    """Answer GET or HEAD of a file with its ETag, whole or the range asked for."""
    headers = {"ETag": etag, "Accept-Ranges": "bytes", "Cache-Control": cache,
               "Vary": "Cookie, Authorization"}  # fmt: skip
    sent = request.headers.get("if-none-match")
    if sent is not None and (sent == "*" or etag in [part.strip() for part in sent.split(",")]):
        return Response(status_code=304, headers=headers)
    condition = request.headers.get("if-range")
    header = request.headers.get("range") if condition in (None, etag) else None
    try:
        found = asked_range(header, size)
    except ValueError:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    start, stop = found or (0, size)
    status = 200 if found is None else 206
    if found is not None:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    headers["Content-Length"] = str(stop - start)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=media_type)
    if data is not None:
        return Response(data[start:stop], status, headers, media_type)
    assert path is not None
    if stop - start <= PIECE:
        body = await anyio.to_thread.run_sync(_read, path, start, stop)
        return Response(body, status, headers, media_type)
    return StreamingResponse(_pieces(path, start, stop), status, headers, media_type)


def _read(path: Path, start: int, stop: int) -> bytes:
    with path.open("rb") as file:
        return os.pread(file.fileno(), stop - start, start)


async def _pieces(path: Path, start: int, stop: int) -> AsyncIterator[bytes]:
    for at in range(start, stop, PIECE):
        yield await anyio.to_thread.run_sync(_read, path, at, min(stop, at + PIECE))
