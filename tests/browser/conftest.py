"""A real Chromium, a page that remembers what it asked for, and a small server with canned answers.

The browser lives for one module: its event loop must be gone before asynchronous tests elsewhere.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright

expect.set_options(timeout=20_000)
NAMES = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)
STATIC = Path(__file__).parents[2] / "web" / "static"


@dataclass
class Watched:
    """A page, and everything it sent, said and failed at since it was opened."""

    page: Page
    hosts: set[str] = field(default_factory=set)
    sent: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def note_request(self, address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme in {"data", "blob"}:
            return
        self.hosts.add(parts.netloc)
        self.sent.append(parts.path)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The distribution's browser; its absence is a failure in continuous integration."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is not installed; browser tests need it.")
        pytest.skip("Chromium is not installed.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(OPTIONS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def build() -> Path:
    """The folder of the built pages; its absence is a failure in continuous integration."""
    if not (STATIC / "index.html").exists():
        if os.environ.get("CI"):
            pytest.fail("The web pages are not built; run make web.")
        pytest.skip("The web pages are not built; run make web.")
    return STATIC


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Callable[..., Watched]]:
    """Open pages in a fresh profile each; ``color_scheme`` and ``viewport`` are passed on."""
    contexts = []

    def open_one(**options: Any) -> Watched:
        options = {"viewport": {"width": 1280, "height": 860}, "color_scheme": "dark"} | options
        context = chromium.new_context(locale="en-GB", **options)
        contexts.append(context)
        watched = Watched(context.new_page())
        watched.page.set_default_timeout(20_000)
        watched.page.on("request", lambda request: watched.note_request(request.url))
        watched.page.on("worker", lambda worker: watched.note_request(worker.url))
        watched.page.on("websocket", lambda socket: watched.note_request(socket.url))
        watched.page.on("pageerror", lambda error: watched.complaints.append(str(error)))
        watched.page.on(
            "console",
            lambda said: watched.complaints.append(said.text) if said.type == "error" else None,
        )
        return watched

    yield open_one
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def serve() -> Iterator[Callable[[Any], str]]:
    """Serve an ASGI application on a free loopback port; returns its address."""
    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(application: Any) -> str:
        config = uvicorn.Config(
            application, host="127.0.0.1", port=0, log_level="warning", lifespan="off"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        running.append((server, thread))
        deadline = time.monotonic() + 10
        while not server.started:
            assert thread.is_alive(), "the server ended while starting"
            assert time.monotonic() < deadline, "the server did not start within ten seconds"
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    yield start
    for server, thread in running:
        server.should_exit = True
        thread.join(10)
