"""The address that people typed, where a trusted proxy stands between them and the hub.

The proxy says in headers for whom it asks (``X-Forwarded-For``, ``-Proto``), under which host
(``-Host``) and below which path (``-Prefix``, which it takes off before it asks). From anybody else
such headers are ignored. Links in answers follow what is told here.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_HOST = re.compile(rb"[A-Za-z0-9._-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")
_PREFIX = re.compile(rb"(/[A-Za-z0-9._~-]+)+/?")


class Forwarded:
    """Middleware that believes trusted proxies; `trusted` are addresses, networks or ``*``."""

    def __init__(self, app: ASGIApp, trusted: Sequence[str]) -> None:
        self._app = app
        self._all = "*" in trusted
        self._names = frozenset(trusted)
        self._networks = [found for found in map(_network, trusted) if found is not None]
        self._for = ProxyHeadersMiddleware(app, list(trusted))  # type: ignore[arg-type]  # another library's name for the same protocol

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and self._trusts(scope.get("client")):
            await self._for(_placed(scope), receive, send)  # type: ignore[arg-type]  # as above
        else:
            await self._app(scope, receive, send)

    def _trusts(self, client: tuple[str, int] | None) -> bool:
        if self._all:
            return True
        if client is None or not self._names:
            return False
        if client[0] in self._names:
            return True
        try:
            address = ipaddress.ip_address(client[0])
        except ValueError:
            return False
        return any(address in network for network in self._networks)


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return None


def _placed(scope: Scope) -> Scope:
    """Return the scope with the host and the prefix that the proxy was asked under."""
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    told = {name: value.split(b",")[0].strip() for name, value in reversed(headers)}
    host, prefix = told.get(b"x-forwarded-host", b""), told.get(b"x-forwarded-prefix", b"")
    changed = dict(scope)
    if _HOST.fullmatch(host):
        kept = [pair for pair in headers if pair[0] != b"host"]
        changed["headers"] = [(b"host", host), *kept]
    if _PREFIX.fullmatch(prefix):
        changed["root_path"] = prefix.decode("ascii").rstrip("/")
    return changed
