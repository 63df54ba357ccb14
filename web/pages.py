"""The pages for browsers: the landing page, GraphiQL, and the files of their build in ``static``.

The build is optional. Without it these routes answer a short page that says how to get it, and the
data routes know nothing of the difference. The fallback to the landing page covers only addresses
under ``/app`` that look like a page of the client, so it can never stand in for a missing chunk or
an unknown data route.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

PACKAGE: Final = Path(__file__).parent
STATIC: Final = PACKAGE / "static"

CONTENT_POLICY: Final = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "worker-src 'self' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    ]
)
PAGE_HEADERS: Final = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
ASSET_HEADERS: Final = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
}

# The registry of media types differs between machines, and a browser refuses a script or a worker
# that comes as plain text.
MEDIA_TYPES: Final = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
}

# Data routes of the app beside its pages; they are registered before the fallback, and the fallback
# leaves them alone should they ever be missing.
DATA_UNDER_APP: Final = frozenset({"about", "session"})

WITHOUT_BUILD: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="dark light">
<title>imagehub</title>
<link rel="icon" type="image/svg+xml" href="/favicon.ico">
<style>
body { max-width: 62ch; margin: 12vh auto; padding: 0 24px; background: #0a0e12; color: #e6edf2;
  font: 17px/1.6 system-ui, sans-serif; }
a { color: #7cc7ff; }
code { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .9em; }
@media (prefers-color-scheme: light) {
  body { background: #f5f7f8; color: #131b21; } a { color: #0a5fae; } }
</style>
</head>
<body>
<h1>imagehub is running</h1>
<p>The server works; only its web pages have not been built. To get them, install Node 20 and run
<code>make web</code> beside the server's source, then load this page again.</p>
<p>Everything else is there without them: send GraphQL by POST to <code>/graphql</code>, with a
token from <code>imagehub token NAME</code> as <code>Authorization: Bearer</code>.</p>
</body>
</html>
"""


def read_page(name: str, static: Path = STATIC) -> bytes | None:
    """Return a built page, or None when there is no build."""
    try:
        return (static / name).read_bytes()
    except FileNotFoundError:
        return None


def graphiql_page(static: Path = STATIC) -> bytes | None:
    """Return the GraphiQL page for ``GET /graphql`` by a browser, or None without a build.

    Send it with `PAGE_HEADERS`; `graphiql_response` does both.
    """
    return read_page("graphiql.html", static)


def page_response(body: bytes | None) -> Response:
    """Answer a page, or the page that says how to build it."""
    return HTMLResponse(body if body is not None else WITHOUT_BUILD, headers=PAGE_HEADERS)


def graphiql_response(static: Path = STATIC) -> Response:
    """Answer a browser that opens ``/graphql``."""
    return page_response(graphiql_page(static))


def wants_page(request: Request) -> bool:
    """Tell whether an address under ``/app`` is asked for as a page.

    A name with an extension is a file, the data routes are data, and a client that does not accept
    HTML is not a reader.
    """
    path = request.path_params.get("path", "").strip("/")
    first, last = path.split("/")[0], path.split("/")[-1]
    accept = request.headers.get("accept", "*/*")
    return (
        first not in DATA_UNDER_APP
        and "." not in last
        and any(kind in accept for kind in ("text/html", "text/*", "*/*"))
    )


def find_asset(path: str, static: Path) -> Path | None:
    """Return the built file of a path below ``assets``, or None; a path never leads out of it."""
    root = (static / "assets").resolve()
    try:
        file = (root / path).resolve()
        found = file.is_relative_to(root) and file.is_file()
    except (OSError, ValueError):  # a name too long for the file system, a null byte
        return None
    return file if found else None


def page_routes(static: Path = STATIC) -> list[Route]:
    """Return the routes of the pages; put them after the data routes under ``/app``."""

    def landing(request: Request) -> Response:
        if request.url.path != "/" and not wants_page(request):
            raise HTTPException(404)
        return page_response(read_page("index.html", static))

    def asset(request: Request) -> Response:
        file = find_asset(request.path_params["path"], static)
        if file is None:
            raise HTTPException(404)
        return FileResponse(
            file, headers=ASSET_HEADERS, media_type=MEDIA_TYPES.get(file.suffix.lower())
        )

    def favicon(_request: Request) -> Response:
        return FileResponse(
            PACKAGE / "favicon.svg",
            media_type=MEDIA_TYPES[".svg"],
            headers={"Cache-Control": "public, max-age=86400"},
        )

    return [
        Route("/", landing),
        Route("/app", landing),
        Route("/app/{path:path}", landing),
        Route("/assets/{path:path}", asset),
        Route("/favicon.ico", favicon),
    ]
