"""Raw regions and tiles over HTTP, from a running server: against Tiled and against bare rendering.

Both servers run on this machine, one process each, ask for a credential and read the same OME-Zarr
folder; one client with one connection each takes turns and compares the bytes. Tiled 0.2 is given
the array itself by a configuration file, which spares it the catalogue a directory would cost.
Answers are not compressed on either side. The client is a bare socket and one buffer, so that next
to nothing but the servers is measured.
"""

from __future__ import annotations

import json
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import numpy as np
import psutil

from adapters.render import region as drawing
from adapters.render.encode import jpeg
from adapters.render.settings import defaults
from bench.hub import command, free_port, import_image, running, server, stored_group, write_tiff
from bench.measure import Row, not_installed, row, show, take_turns, timed
from bench.peer import program
from bench.picture import microscopy_like
from store.pixels.zarr import ZarrPixelStore

SIDE, REGION, TILE = 4096, 1024, 256
ROUNDS = 60
GOAL = "≥ 4"
KEY = "bench0key"
Get = Callable[[str], memoryview]


class Client:
    """One kept connection that asks for paths; answers must say their length."""

    def __init__(self, port: int, **headers: str) -> None:
        lines = [f"{name}: {text}" for name, text in headers.items()]
        common = ["Host: 127.0.0.1", "Accept-Encoding: identity", *lines]
        self._rest = ("\r\n".join(["", *common]) + "\r\n\r\n").encode()
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = memoryview(bytearray(4 << 20))

    def __call__(self, path: str) -> memoryview:
        """Return the body, which is good until the next question."""
        self._socket.sendall(b"GET " + path.encode() + b" HTTP/1.1" + self._rest)
        head, got = -1, 0
        while head < 0:
            got += self._more(got)
            head = self._buffer[: min(got, 8192)].tobytes().find(b"\r\n\r\n")
        status, *fields = self._buffer[:head].tobytes().decode("latin-1").lower().split("\r\n")
        known = dict(field.split(": ", 1) for field in fields)
        start = head + 4
        end = start + int(known["content-length"])
        while got < end:
            got += self._more(got)
        body = self._buffer[start:end]
        if status.split()[1] != "200":
            raise RuntimeError(f"{path}: {status} {body[:200].tobytes()!r}")
        return body

    def _more(self, at: int) -> int:
        count = self._socket.recv_into(self._buffer[at:])
        if not count:
            raise RuntimeError("the server closed the connection")
        return count

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


@contextmanager
def tiled(folder: Path, array: Path) -> Iterator[Get | None]:
    """Serve one array by Tiled, or yield None if Tiled is not installed."""
    serve = program("tiled", "tiled")
    if serve is None:
        yield None
        return
    port = free_port()
    tree = {
        "path": "/picture",
        "tree": "tiled.adapters.zarr:ZarrAdapter.from_uris",
        "args": {"data_uri": array.as_uri()},
    }
    settings = {"authentication": {"single_user_api_key": KEY}, "trees": [tree]}
    config = folder / "tiled.yml"
    config.write_text(json.dumps(settings))
    line: list[str | Path] = [
        serve,
        "serve",
        "config",
        config,
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    headers = {"Authorization": f"Apikey {KEY}", "Accept": "application/octet-stream"}
    with running(line, port, "/healthz"), closing(Client(port, **headers)) as get:
        yield get


def corners(aligned: bool) -> Callable[[int], tuple[int, int]]:
    """Return where the region of a round lies: on the grid of chunks, or anywhere."""
    random = np.random.default_rng(3)
    places = random.integers(0, SIDE - REGION, (256, 2))
    if aligned:
        places = places // TILE * TILE
    return lambda number: (int(places[number % 256][0]), int(places[number % 256][1]))


def regions(ours: Get, theirs: Get | None, image: int, aligned: bool) -> Row:
    """Compare one channel of 1024² as bytes, on the grid of chunks or anywhere."""
    name = f"Tiled / imagehub, 1024² region {'on the chunk grid' if aligned else 'anywhere'}"
    if theirs is None:
        return not_installed(name, GOAL)
    at = corners(aligned)

    def get(number: int) -> memoryview:
        y, x = at(number)
        return ours(f"/tiles/{image}/region?x={x}&y={y}&width={REGION}&height={REGION}&c=0")

    def get_from_tiled(number: int) -> memoryview:
        y, x = at(number)
        box = f"{y}:{y + REGION},{x}:{x + REGION}"
        return theirs(f"/api/v1/array/full/picture?slice=0,0,0,{box}")

    for number in range(5):
        if get(number) != get_from_tiled(number):
            raise RuntimeError("the two servers gave different bytes")
    times = take_turns({"ours": timed(get), "theirs": timed(get_from_tiled)}, ROUNDS)
    note = f"{times['theirs']:.1f} ms / {times['ours']:.2f} ms, same folder, bytes equal"
    return row(name, times["theirs"] / times["ours"], GOAL, note)


def tiles(get: Get, image: int, group: Path, server_process: int) -> list[Row]:
    """Measure tiles over HTTP: time and processor of the server against bare rendering here."""
    store = ZarrPixelStore(group.parents[2])
    reader = store.open(group.name.removesuffix(".zarr"))
    windows = [(60.0, 1500.0)] * 3
    settings = defaults(reader.layout, windows)
    across = SIDE // TILE

    def place(number: int) -> tuple[int, int]:
        spot = number * 29 % (across * across)
        return spot % across, spot // across

    def drawn(number: int) -> bytes:
        tx, ty = place(number)
        return jpeg(drawing.tile(reader, settings, level=0, tx=tx, ty=ty))

    def fetched(number: int) -> memoryview:
        tx, ty = place(number)
        return get(f"/tiles/{image}/0/{ty}/{tx}")

    times = take_turns({"http": timed(fetched), "bare": timed(drawn)}, 300, warm=20)
    process, here = psutil.Process(server_process), psutil.Process()
    count = 1500
    used, start = _busy(process), time.perf_counter()
    for number in range(count):
        fetched(number)
    wall, served = time.perf_counter() - start, _busy(process) - used
    used = _busy(here)
    for number in range(count):
        drawn(number)
    bare = _busy(here) - used
    return [
        row(
            "HTTP tile / rendering in this process",
            times["http"] / times["bare"],
            None,
            f"{times['http']:.2f} ms / {times['bare']:.2f} ms; {count / wall:.0f} tiles/s over "
            f"one connection, client included",
        ),
        row(
            "processor of the server per tile / rendering",
            served / bare,
            None,
            f"{served / count * 1e6:.0f} µs / {bare / count * 1e6:.0f} µs, so "
            f"{100 * (1 - bare / served):.0f} % is HTTP, sign-in, look-up and threads",
        ),
    ]


def _busy(process: psutil.Process) -> float:
    spent = process.cpu_times()
    return float(spent.user + spent.system)


def main() -> list[Row]:
    """Measure on one image of 3 × 4096²."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        write_tiff(folder / "picture.ome.tif", np.tile(microscopy_like(SIDE // 4), (1, 4, 4)))
        image = import_image(folder / "hub", folder / "picture.ome.tif")
        token = command(folder / "hub", "token", "root")
        group = stored_group(folder / "hub")
        port, process = stack.enter_context(server(folder / "hub"))
        ours = stack.enter_context(closing(Client(port, Authorization=f"Bearer {token}")))
        theirs = stack.enter_context(tiled(folder, group / "0"))
        return [
            *(regions(ours, theirs, image, aligned) for aligned in (True, False)),
            *tiles(ours, image, group, process.pid),
        ]


if __name__ == "__main__":
    show(main())
