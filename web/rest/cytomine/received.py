"""Files that come in as one part of a form or as the whole body, and files that are sent."""

from __future__ import annotations

import re
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import Response

from store.disk import disk_errors
from store.errors import Invalid, NotFound, TooLarge
from store.pixels.base import StoredBytes
from web.auth.resolve import services_of
from web.ranges import VARY, file_response
from web.transfers import attachment

SMALL = 1 << 20  # bytes that are kept in memory
_SHOWN = re.compile(r"image/(png|jpeg|gif|webp|bmp|tiff)|text/plain|application/pdf")


@asynccontextmanager
async def received(request: Request) -> AsyncIterator[tuple[str, Any]]:
    """Give name and stream of the one file of a request; beyond a megabyte it is on disk.

    The name is the last part of what the client calls it, ``file`` if it says nothing. Raises
    Invalid for a form without a file, TooLarge.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        with tempfile.SpooledTemporaryFile(SMALL) as body:
            with disk_errors("the folder for temporary files"):
                async with aclosing(_counted(request)) as pieces:
                    async for piece in pieces:
                        body.write(piece)
            body.seek(0)
            yield "file", body
        return
    form = await _parsed(request)
    try:
        files = [one for _name, one in form.multi_items() if isinstance(one, UploadFile)]
        if not files:
            raise Invalid("files[]", "a file is needed.")
        yield base_name(files[0].filename), files[0].file
    finally:
        await form.close()


async def _parsed(request: Request) -> Any:
    try:
        with disk_errors("the folder for temporary files"):
            async with aclosing(_counted(request)) as pieces:
                return await MultiPartParser(request.headers, pieces, max_fields=100).parse()
    except MultiPartException as error:
        raise Invalid("form", error.message) from error


async def _counted(request: Request) -> AsyncGenerator[bytes, None]:
    settings = services_of(request).settings
    most, came = settings.upload_limit + settings.body_limit, 0
    async for piece in request.stream():
        came += len(piece)
        if came > most:
            raise TooLarge("The upload", most, "bytes")
        yield piece


def base_name(path: str | None) -> str:
    """Return the last part of a path of any system."""
    return re.split(r"[/\\]", path or "")[-1].strip() or "file"


async def sent(
    request: Request, name: str, media_type: str, file: StoredBytes, *, inline: bool = False
) -> Response:
    """Send a file, to be saved or, where that is harmless, shown. Raises NotFound if it is gone."""
    shown = inline and _SHOWN.fullmatch(media_type) is not None
    try:
        answer = await file_response(
            request,
            file,
            etag=f'"{file.etag}"',
            media_type=media_type if shown else "application/octet-stream",
            cache="no-store",
            vary=VARY,
        )
    except FileNotFoundError as error:
        raise NotFound("file", name) from error
    answer.headers.update(attachment(name) | {"Cache-Control": "no-store"})
    if shown:
        # What somebody uploaded must not act as a page of the hub.
        answer.headers["Content-Disposition"] = "inline"
        answer.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return answer
