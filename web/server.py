"""Running the server: prepare the data, fill the demo on first start, listen, say where to go."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import socket
from typing import Any

import uvicorn
from rich.console import Console

from adapters.doctor import package_clashes
from store.errors import Conflict
from store.settings import Settings
from web.bootstrap import prepare

people = Console(stderr=True, highlight=False)


def serve(settings: Settings) -> None:
    """Serve until stopped.

    Raises Conflict when the port is taken, the demo must not be shown, or another distribution
    has overwritten a package of the hub.
    """
    for clash in package_clashes():
        raise Conflict(clash.message)
    password = asyncio.run(prepare(settings))
    _refuse_exposed_demo(settings)
    _refuse_taken_port(settings)
    _greet(settings, password)
    if settings.workers == 1:
        from web.app import create_app

        uvicorn.run(create_app(settings), **_options(settings))
        return
    _export(settings)
    uvicorn.run("web.server:worker", factory=True, workers=settings.workers, **_options(settings))


def worker() -> object:
    """Return the application of one of several server processes."""
    from web.app import create_app
    from web.bootstrap import read_settings

    return create_app(read_settings())


def _options(settings: Settings) -> dict[str, Any]:
    return {
        "host": settings.host,
        "port": settings.port,
        "log_level": "debug" if settings.debug else "warning",
        "access_log": settings.debug,
        "timeout_graceful_shutdown": 20,
        "proxy_headers": False,  # `web.forwarded` reads them, host and prefix included
        "ws_max_size": 4 * 2**20,
        "server_header": False,
    }


def _export(settings: Settings) -> None:
    """Hand settings to further server processes, which read the environment."""
    from web.bootstrap import export_settings

    export_settings(settings)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refuse_exposed_demo(settings: Settings) -> None:
    marker = settings.data / "demo.json"
    if _is_loopback(settings.host) or not marker.exists():
        return
    if json.loads(marker.read_text()).get("default_password"):
        raise Conflict(
            "The demo accounts have the well-known password, so the hub listens on loopback only. "
            "Set IMAGEHUB_DEMO_PASSWORD before filling the demo, or use a data folder without it."
        )


def _refuse_taken_port(settings: Settings) -> None:
    with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise Conflict(
                f"Port {settings.port} on {settings.host} cannot be used ({error.strerror}); "
                f"choose another with --port."
            ) from error


def _greet(settings: Settings, password: str | None) -> None:
    base = f"http://{settings.host}:{settings.port}"
    people.print(f"[bold]imagehub[/] serves {settings.data.resolve()}")
    people.print(f"  web page  {base}/")
    people.print(f"  GraphiQL  {base}/graphql")
    if password is not None:
        people.print(f"  sign in   root, password [bold]{password}[/] (shown this once)")
    marker = settings.data / "demo.json"
    if marker.exists():
        facts = json.loads(marker.read_text())
        known = "imagehub-demo" if facts.get("default_password") else "IMAGEHUB_DEMO_PASSWORD"
        people.print(f"  demo      owner, annotator, reader or stranger, password {known}")
    people.print(f"  a token   imagehub token NAME --data {settings.data}")
